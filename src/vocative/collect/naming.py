"""Names as Vocative writes them, however clients do."""

import re
from functools import lru_cache

_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SAME_TRAIT = {
    "email_address": "email",
    "e_mail": "email",
    "mail": "email",
    "phone_number": "phone",
    "mobile": "phone",
    "surname": "last_name",
    "given_name": "first_name",
    "family_name": "last_name",
}


@lru_cache(maxsize=20_000)
def snake(name: str) -> str:
    """`firstName`, `First Name` and `first-name` as `first_name`."""
    spaced = _BOUNDARY.sub("_", name.strip())
    return re.sub(r"[\W_]+", "_", spaced).strip("_").lower()


def trait_name(written: str) -> str:
    """The trait that a client means: `emailAddress` is `email`."""
    name = snake(written)
    return _SAME_TRAIT.get(name, name)

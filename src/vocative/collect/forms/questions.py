"""One question of a form, as its author writes it."""

from collections.abc import Collection

import msgspec

from vocative.pages.words import Text

COMMON = ("name", "kind", "label", "help", "required", "when", "trait", "personal")
"""What a question of every kind may say."""


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of a question; which ones fit depends on its kind, see `kinds.py`."""

    name: str
    kind: str = "text"
    label: Text = ""
    help: Text = ""
    required: bool = False
    when: str | None = None
    trait: str | None = None
    """The trait that the answer states of the person."""
    personal: bool | None = None
    """Whether the answer tells who somebody is: then history never sees it."""
    choices: dict[str, Text] = {}
    min: float | str | None = None
    max: float | str | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    country: str | None = None
    country_question: str | None = None
    """The question whose answer is the country."""
    value: str | None = None
    purpose: str | None = None
    channel: str = "email"
    wording: str | None = None
    """The version of the consent's text."""

    def unfitting(self, takes: Collection[str]) -> list[str]:
        """Keys that are written and that the question's kind does not take."""
        plain = type(self)(name=self.name)
        return [
            key
            for key in self.__struct_fields__
            if key not in COMMON and key not in takes and getattr(self, key) != getattr(plain, key)
        ]

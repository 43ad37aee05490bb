"""What a form remembers from page to page: sealed into the page itself, kept nowhere.

So nothing of a person is kept before the form is sent, and no server needs to know a visitor.
"""

import uuid

import msgspec

from vocative.collect.forms.kinds import Answer
from vocative.sealing import seal_text, unseal_text

MOST_TOKEN = 400_000
_LABEL = b"vocative form 1"


class State(msgspec.Struct, frozen=True, kw_only=True):
    """One visitor on the way through a form."""

    form: str
    version: str
    visit: str
    """Random; what is sent at the end is known by it, however often it is sent."""
    began_at: int
    """Microseconds UTC."""
    language: str
    step: int = 0
    answers: dict[str, Answer] = {}
    given: dict[str, list[str]] = {}
    """What questions begin with: from the form's address, or from a page that was too old."""
    anonymous_id: str | None = None
    """Of the page's script, when the form is embedded beside it."""
    framed: bool = False
    """Whether it is shown within a page of another site."""


def new_visit() -> str:
    """An id for a visit."""
    return uuid.uuid4().hex


def sealed(key: bytes, state: State) -> str:
    """A state as text for a hidden field, sealed under a key of 32 bytes."""
    return seal_text(key, msgspec.msgpack.encode(state), _LABEL)


def opened(key: bytes, token: str) -> State | None:
    """What was sealed; None when it was not sealed under this key."""
    if len(token) > MOST_TOKEN:
        return None
    plain = unseal_text(key, token, _LABEL)
    try:
        return None if plain is None else msgspec.msgpack.decode(plain, type=State)
    except (ValueError, msgspec.MsgspecError):
        return None

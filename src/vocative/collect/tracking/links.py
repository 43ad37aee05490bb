"""Links that tell that somebody followed them: on a flyer, in a profile, in a mail from elsewhere.

Where a link leads and what it tells is sealed in it (AES-GCM under a key of the workspace): nobody
can make one that leads elsewhere, and nobody reads in it whom it was given to.
"""

import uuid
from typing import Any

import msgspec

from vocative.clock import from_micros
from vocative.collect.sourcing.definitions import read_sources
from vocative.errors import AuthorError, unknown_name
from vocative.sealing import seal_text, unseal_text
from vocative.workspace import Workspace

FOLLOWED = "Link Followed"
MOST_TOKEN = 4_096
_LABEL = b"vocative followed link 1"


class SealedLink(msgspec.Struct, frozen=True, array_like=True):
    """What a link says."""

    source: str
    url: str
    event: str
    user_id: str | None = None


class MadeLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link that was made."""

    url: str


def make_link(
    workspace: Workspace, source: str, to: str, *, event: str = FOLLOWED, user_id: str | None = None
) -> MadeLink:
    """Make a link that tells that somebody followed it, and leads on.

    Args:
        workspace: Whose.
        source: As whose event; a source of this workspace.
        to: Where it leads: a web address.
        event: What happened when somebody follows it.
        user_id: Whom it is given to; without one nobody in particular follows it.

    Raises:
        UnknownName: there is no such source.
        AuthorError: it cannot lead there, or is too long.
    """
    known = [one.name for one in read_sources(workspace)]
    if source not in known:
        raise unknown_name("source", source, known)
    if not to.startswith(("https://", "http://")) or not to.isprintable() or " " in to:
        raise AuthorError(f"{to!r} is no web address", hint="begin it with https://")
    if not event.strip():
        raise AuthorError("the event needs a name")
    token = sealed(workspace.key.link, SealedLink(source, to, event.strip(), user_id))
    if len(token) > MOST_TOKEN:
        raise AuthorError("the link would be too long", hint="use a shorter address")
    return MadeLink(url=f"{workspace.settings.base_url.rstrip('/')}/l/{token}")


def sealed(key: bytes, link: SealedLink) -> str:
    """The token of a link, sealed under a key of 32 bytes."""
    return seal_text(key, msgspec.msgpack.encode(link), _LABEL)


def opened(key: bytes, token: str) -> SealedLink | None:
    """What a token says; None when it was not sealed under this key."""
    if len(token) > MOST_TOKEN:
        return None
    plain = unseal_text(key, token, _LABEL)
    try:
        return None if plain is None else msgspec.msgpack.decode(plain, type=SealedLink)
    except (ValueError, msgspec.MsgspecError):
        return None


def event_of(link: SealedLink, *, at: int) -> bytes:
    """The event of somebody who follows a link at an instant (microseconds UTC)."""
    told: dict[str, Any] = {
        "type": "track",
        "event": link.event,
        "messageId": str(uuid.uuid4()),
        "timestamp": from_micros(at).isoformat(),
        "properties": {"url": link.url},
    }
    # Whoever it was: a flyer that a thousand people scan does not make a thousand people.
    told |= {"userId": link.user_id} if link.user_id else {"context": {"nobody": True}}
    return msgspec.json.encode(told)

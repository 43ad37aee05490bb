"""What a text message or a push notification takes of a message: its title, plain text and link."""

import re

from vocative.deliver.message import OutgoingMessage
from vocative.deliver.mime import Unmailable

_LINK = re.compile(r"https?://[^\s<>\"]+")


def short_text(message: OutgoingMessage, *, most: int) -> str:
    """The plain text, without empty lines at its ends.

    Args:
        message: What is to be said.
        most: How many characters can be carried.

    Raises:
        Unmailable: it is empty or too long.
    """
    text = message.text.strip()
    if not text:
        raise Unmailable("there is no plain text", hint="give the template a `text:`")
    if len(text) > most:
        raise Unmailable(
            f"the plain text has {len(text):,} characters, {most:,} can be carried",
            hint="give the template a short `text:` of its own",
        )
    return text


def split_link(text: str) -> tuple[str, str | None]:
    """The text without its last web address, and that address: where a tap leads.

    >>> split_link("Back in stock: the blue one https://shop.example/blue")
    ('Back in stock: the blue one', 'https://shop.example/blue')
    """
    found = list(_LINK.finditer(text))
    if not found:
        return text, None
    last = found[-1]
    rest = text[: last.start()] + text[last.end() :]
    return " ".join(rest.split()), last[0]

"""RudderStack as an upstream: its webhook destinations hand on what its own libraries collect.

RudderStack signs nothing: a header of the destination holds a secret. Events come unchanged, with
their `messageId`, so one that is sent again counts once.
"""

from collections.abc import Iterable
from typing import ClassVar

import msgspec

from vocative.collect.sources._http import Secret
from vocative.collect.sources._signatures import require_signature
from vocative.collect.sources._upstream import counting_faults, handed_on
from vocative.collect.sources.base import Call, Fault, Page, Source


class RudderStackOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a definition of this kind says."""

    secret: Secret
    """The value of the header, or of the Bearer token in it."""
    header: str = "authorization"
    """Which of the destination's headers holds it."""
    counts_as: str | None = None
    """The source that the same events also come from directly, so that each counts once."""


class RudderStack(Source):
    """Events that RudderStack hands on."""

    Options = RudderStackOptions
    pushes: ClassVar[bool] = True
    options: RudderStackOptions

    @classmethod
    def faults(cls, options: RudderStackOptions) -> Iterable[Fault]:
        """A name that no source can have."""
        yield from counting_faults(options.counts_as)

    def receive(self, call: Call) -> Page:
        """The events that RudderStack hands on.

        Raises:
            NotGenuine: the header is missing or wrong.
            NotReadable: the body is no event and no list of events.
        """
        stated = call.headers.get(self.options.header.lower())
        require_signature(stated and stated.removeprefix("Bearer "), self.options.secret)
        return Page(events=handed_on(call.body), counts_as=self.options.counts_as)

"""Segment as an upstream: its Webhooks destination hands on what its own libraries collect.

Events come unchanged, with their `messageId`, so one that is sent again counts once.
"""

import hashlib
import hmac
from collections.abc import Iterable
from typing import ClassVar

import msgspec

from vocative.collect.sources._http import Secret
from vocative.collect.sources._signatures import require_signature
from vocative.collect.sources._upstream import counting_faults, handed_on
from vocative.collect.sources.base import Call, Fault, NotGenuine, Page, Source

WHOLE = "x-segment-signature"
"""The signature of the whole body."""
FIRST = "x-signature"
"""The older one: of a list it covers the first event only."""


class SegmentOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a definition of this kind says."""

    secret: Secret
    """The destination's shared secret."""
    counts_as: str | None = None
    """The source that the same events also come from directly, so that each counts once."""


class Segment(Source):
    """Events that Segment hands on."""

    Options = SegmentOptions
    pushes: ClassVar[bool] = True
    options: SegmentOptions

    @classmethod
    def faults(cls, options: SegmentOptions) -> Iterable[Fault]:
        """A name that no source can have."""
        yield from counting_faults(options.counts_as)

    def receive(self, call: Call) -> Page:
        """The events that Segment hands on.

        Raises:
            NotGenuine: the signature is missing or wrong, or covers only a part.
            NotReadable: the body is no event and no list of events.
        """
        name = WHOLE if WHOLE in call.headers else FIRST
        if name == FIRST and call.body.lstrip().startswith(b"["):
            raise NotGenuine(
                "a batch needs X-Segment-Signature, for X-Signature covers its first event only:"
                " switch on `Use X-Segment-Signature Header` in the destination's settings"
            )
        digest = hmac.new(self.options.secret.encode(), call.body, hashlib.sha1).hexdigest()
        require_signature(call.headers.get(name), digest)
        return Page(events=handed_on(call.body), counts_as=self.options.counts_as)

"""Any system that posts JSON: Zapier, Make, n8n, a shop of one's own.

A genuine call comes in: one object, a list, or a list somewhere inside. Each record goes through
the mapping that the definition names. A record that the mapping has no use for is kept on the log
with the reason, and can be mapped again once the mapping is mended.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import ClassVar, Literal

import msgspec

from vocative.clock import from_micros
from vocative.collect.records import (
    Mapped,
    MapsRecords,
    Record,
    RecordMapper,
    not_mapped,
    value_at,
)
from vocative.collect.sources._http import Secret
from vocative.collect.sources._json import read_json
from vocative.collect.sources._signatures import require_recent, require_signature
from vocative.collect.sources.base import (
    Call,
    Fault,
    NotGenuine,
    NotReadable,
    Page,
    Source,
)
from vocative.errors import AuthorError

MOST_RECORDS = 5_000
DELIVERY = "delivery"
"""The part of a record that says how it came: `delivery.id`, `delivery.received_at`."""
_WHY_NOT_NOW = "the mapping cannot be used"


class WebhookOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a definition of this kind says."""

    mapping: str
    """A file `mappings/NAME.yaml`."""
    verify: Literal["hmac", "standard", "token", "basic"]
    """How a call proves that it is genuine."""
    secret: Secret
    """The key of the signature, the token, or the password."""
    header: str | None = None
    """Where the signature or the token stands; `x-signature` and `authorization` unless told."""
    timestamp_header: str | None = None
    """Of `hmac`: the header with the time (Unix seconds) that is signed before the body."""
    user: str = "vocative"
    """Of `basic`."""
    records: str | None = None
    """Where in the body the list of records stands; the body itself unless told."""


class Webhook(Source, MapsRecords):
    """Anything that posts JSON: Zapier, Make, n8n."""

    Options = WebhookOptions
    pushes: ClassVar[bool] = True
    options: WebhookOptions

    _mapper: RecordMapper | None = None
    _mapped_by: str | None = None
    """The text that the mapper was made of."""

    @classmethod
    def faults(cls, options: WebhookOptions) -> Iterable[Fault]:
        """WebhookOptions that mean nothing together."""
        if options.header is not None and options.verify in ("standard", "basic"):
            hint = f"{options.verify} has a header of its own: leave this out"
            yield ("header",), "this header would not be looked at", hint
        if options.timestamp_header is not None and options.verify != "hmac":
            yield ("timestamp_header",), "only `verify: hmac` signs a time of its own", None

    def receive(self, call: Call) -> Page:
        """The events that the call's records stand for.

        Raises:
            NotGenuine: the signature, token or password is missing or wrong.
            NotReadable: it is no JSON, or holds no records where the definition says.
        """
        verify(call, self.options, self.clock.now())
        records = records_in(call, self.options.records)
        try:
            mapped = self.map_records(records)
        except AuthorError:
            # The caller can do nothing about it, and would give up: what it told is kept.
            kept = [not_mapped(record, _WHY_NOT_NOW) for record in records]
            return Page(events=kept)
        refused = [not_mapped(records[number], why) for number, why in mapped.refused.items()]
        return Page(events=[*mapped.events, *refused], items=mapped.items)

    def map_records(self, records: Sequence[Record]) -> Mapped:
        """Map records by the mapping as its file says it now.

        Raises:
            AuthorError: the mapping is missing or wrong.
        """
        mapper, now = self._current_mapper(), self.clock.now()
        found = Mapped(events=[], items=[], refused={}, notes={})
        done = 0
        for at, some in groupby(records, key=heard_at):
            called = list(some)
            found.add(mapper.map(called, now=now, heard_at=at), after=done)
            done += len(called)
        return found

    def _current_mapper(self) -> RecordMapper:
        assert self.place is not None, "a webhook needs a place with mappings"  # noqa: S101
        text = self.place.mapping(self.options.mapping)
        if self._mapper is None or text.text != self._mapped_by:
            self.close()
            self._mapper = RecordMapper(
                text, timezone=self.place.timezone, origin=self.place.source
            )
            self._mapped_by = text.text
        return self._mapper

    def secret_headers(self) -> Collection[str]:
        """Where the token stands: any name may be chosen."""
        return () if self.options.header is None else (self.options.header,)

    def close(self) -> None:
        """Let go of the mapper's memory."""
        if self._mapper is not None:
            self._mapper.close()
            self._mapper = None


def heard_at(record: Record) -> datetime | None:
    """When the call came that a record is of."""
    stated = value_at(record, f"{DELIVERY}.received_at")
    return datetime.fromisoformat(stated) if isinstance(stated, str) else None


def verify(call: Call, options: WebhookOptions, now: datetime) -> None:
    """Make sure that a call comes from whom it says.

    Raises:
        NotGenuine: it does not, or it is an old one played back.
    """
    if options.verify == "token":
        _check_token(call, options)
    elif options.verify == "basic":
        _check_basic(call, options)
    elif options.verify == "standard":
        _check_standard(call, options.secret, now)
    else:
        _check_hmac(call, options, now)


def records_in(call: Call, path: str | None) -> list[Record]:
    """The records of a call, each with how it came under `delivery`.

    Raises:
        NotReadable: there are none where they should be.
    """
    body = read_json(call.body)
    found = body
    if path is not None:
        found = value_at(body, path) if isinstance(body, dict) else None
        if found is None:
            raise NotReadable(f"the body has nothing at {path}")
    records = found if isinstance(found, list) else [found]
    if len(records) > MOST_RECORDS:
        raise NotReadable(f"more than {MOST_RECORDS:,} records")
    if not all(isinstance(record, dict) for record in records):
        raise NotReadable("a record is no JSON object")
    delivery = _delivery(call)
    return [{**record, DELIVERY: delivery} for record in records]


def _delivery(call: Call) -> dict[str, str]:
    # The id that Standard Webhooks keeps when it sends again; else equal bodies are one delivery.
    named = call.headers.get("webhook-id") or hashlib.sha256(call.body).hexdigest()[:32]
    return {"id": named, "received_at": from_micros(call.received_at).isoformat()}


def _check_token(call: Call, options: WebhookOptions) -> None:
    name = (options.header or "authorization").lower()
    stated = call.headers.get(name)
    if stated is not None and name == "authorization":
        stated = stated.removeprefix("Bearer ")
    require_signature(stated, options.secret)


def _check_basic(call: Call, options: WebhookOptions) -> None:
    pair = base64.b64encode(f"{options.user}:{options.secret}".encode()).decode()
    scheme, _, stated = call.headers.get("authorization", "").partition(" ")
    require_signature(stated if scheme.lower() == "basic" else None, pair)


def _check_hmac(call: Call, options: WebhookOptions, now: datetime) -> None:
    content = call.body
    if options.timestamp_header is not None:
        signed_at = call.headers.get(options.timestamp_header.lower(), "")
        require_recent(_unix(signed_at), now)
        content = signed_at.encode() + b"." + content
    stated = call.headers.get((options.header or "x-signature").lower())
    digest = hmac.new(options.secret.encode(), content, hashlib.sha256).digest()
    require_signature(_as_hex(stated), digest.hex())


def _as_hex(stated: str | None) -> str | None:
    """A SHA-256 signature as lower-case hex: it comes as hex or base64, perhaps after `sha256=`."""
    if stated is None:
        return None
    written = stated.strip().removeprefix("sha256=")
    if len(written) == hashlib.sha256().digest_size * 2:
        return written.lower()
    try:
        return base64.b64decode(written, validate=True).hex()
    except (binascii.Error, ValueError):
        return written


def _check_standard(call: Call, secret: str, now: datetime) -> None:
    """Standard Webhooks: `v1` signatures of id, time and body; several while a key is changed."""
    headers: Mapping[str, str] = call.headers
    message_id, signed_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    require_recent(_unix(signed_at), now)
    content = f"{message_id}.{signed_at}.".encode() + call.body
    expected = base64.b64encode(hmac.new(_standard_key(secret), content, hashlib.sha256).digest())
    stated = [
        one.removeprefix("v1,")
        for one in headers.get("webhook-signature", "").split(" ")
        if one.startswith("v1,")
    ]
    if not message_id or not stated:
        raise NotGenuine("there is no signature")
    if not any(hmac.compare_digest(one.encode("utf-8", "replace"), expected) for one in stated):
        raise NotGenuine("the signature is wrong")


def _standard_key(secret: str) -> bytes:
    written = secret.removeprefix("whsec_")
    try:
        key = base64.b64decode(written + "==")
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise NotGenuine("the secret of this webhook is no Standard Webhooks secret (whsec_…)")
    return key


def _unix(stated: str) -> datetime | None:
    try:
        return from_micros(int(stated) * 1_000_000)
    except (ValueError, OverflowError):
        return None

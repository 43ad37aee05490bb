"""The mapping of a webhook for the web app: what came lately, what is written, what it would make.

Payloads hold what their senders put in them, personal data too: they are shown one at a time to
those who may see people, and every such look is audited. Nothing is put on the log here.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from vocative.collect.records import Record, RecordMapper, names_in
from vocative.collect.sources.base import NotReadable
from vocative.collect.sources.webhook import WebhookOptions, heard_at, records_in
from vocative.collect.sourcing.definitions import SourceDefinition, find_source
from vocative.collect.sourcing.payloads import KeptPayload, KeptPayloads
from vocative.errors import AuthorError, StateError, UnknownName, Where, nearest
from vocative.server.people import note_read
from vocative.workspace import Workspace
from vocative.workspace.yaml_text import parse_yaml

MOST_RECORDS = 10
"""Of a payload that are shown mapped."""
MOST_TEXT = 100_000
"""Characters of a mapping."""
STARTER = """\
# What a record says: of whom, and what happened. Names lead into the payload beside this text.
people:
  user_id: customer.id
  traits:
    email: customer.email
events:
  name: "'Order Completed'"
  at: created_at
  message_id: concat('order:', id)
  properties:
    order_id: id
    revenue: to_number(total)
"""


class MappingPage(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping, and what it is for."""

    source: str
    mapping: str
    file: str
    text: str
    stamp: str
    """Of the text; whoever saves says it, so that nobody's work is written over."""
    is_new: bool
    payloads: list[KeptPayload]
    refused: dict[str, int]
    """Records that wait to be mapped again, by reason."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a mapping."""

    message: str
    hint: str | None
    where: Where | None


class UnknownField(msgspec.Struct, frozen=True, kw_only=True):
    """A name that leads nowhere in the payload."""

    name: str
    nearest: str | None


class MappedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What one record would become."""

    events: list[dict[str, Any]]
    items: list[dict[str, Any]]
    refused: str | None


class MappingPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a mapping makes of a payload."""

    problem: Problem | None
    payload: Any
    """The JSON that came; None when there is none."""
    fields: list[str]
    """Every name that can be used."""
    unknown: list[UnknownField]
    records: list[MappedRecord]
    more: int
    """Records of the payload that are not shown."""


class MappingSaved(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping that was written."""

    file: str
    stamp: str


def show_mapping(workspace: Workspace, name: str) -> MappingPage:
    """The mapping of a webhook, and its latest payloads.

    Args:
        workspace: Where.
        name: The source.

    Raises:
        UnknownName: there is no such source.
        AuthorError: it has no mapping.
    """
    source = _mapped_source(workspace, name)
    path = _path(workspace, source)
    text = _read(path)
    with workspace.store.read() as tx:
        refused = tx.tuples(
            "SELECT reason, count(*) FROM rejected_events WHERE source = :source GROUP BY reason"
            " ORDER BY count(*) DESC, reason",
            {"source": name},
        )
    return MappingPage(
        source=name,
        mapping=source.options.mapping,
        file=_shown(workspace, path),
        text=STARTER if text is None else text,
        stamp=_stamp(text),
        is_new=text is None,
        payloads=KeptPayloads(workspace.log).latest(name),
        refused={str(reason): int(count) for reason, count in refused},
    )


def preview_mapping(
    workspace: Workspace, name: str, *, text: str, payload: int | None = None
) -> MappingPreview:
    """What a mapping would make of a payload; nothing is kept.

    Args:
        workspace: Where.
        name: The source.
        text: The mapping as it is typed.
        payload: One of its payloads; the latest unless told.

    Raises:
        UnknownName: there is no such source, or no such payload.
        AuthorError: the source has no mapping.
    """
    source = _mapped_source(workspace, name)
    shown, records = _payload(workspace, source, payload)
    try:
        mapper = _mapper(workspace, source, text)
    except AuthorError as error:
        problem = Problem(message=error.message, hint=error.hint, where=error.where)
        fields = list(dict.fromkeys(_fields(records, None)))
        return MappingPreview(
            problem=problem, payload=shown, fields=fields, unknown=[], records=[], more=0
        )
    with closing(mapper):
        fields = list(dict.fromkeys(_fields(records, mapper.mapping.mapping.each)))
        return MappingPreview(
            problem=None,
            payload=shown,
            fields=fields,
            unknown=list(_unknown(mapper, fields)) if records else [],
            records=[_mapped(workspace, mapper, record) for record in records[:MOST_RECORDS]],
            more=max(0, len(records) - MOST_RECORDS),
        )


def save_mapping(workspace: Workspace, name: str, *, text: str, stamp: str) -> MappingSaved:
    """Write a mapping's file, if it is right and nobody else wrote it meanwhile.

    Args:
        workspace: Where.
        name: The source.
        text: The mapping.
        stamp: That of the text which was changed.

    Raises:
        UnknownName: there is no such source.
        AuthorError: the mapping is wrong, or its file cannot be written.
        StateError: the file is not what was loaded.
    """
    source = _mapped_source(workspace, name)
    _mapper(workspace, source, text).close()
    path = _path(workspace, source)
    with workspace.worker_lock("mapping"):
        if _stamp(_read(path)) != stamp:
            raise StateError(
                f"{_shown(workspace, path)} was changed by somebody else",
                where=_shown(workspace, path),
                hint="load it again, and make your change there",
            )
        _write(path, text)
    return MappingSaved(file=_shown(workspace, path), stamp=_stamp(text))


def _mapped_source(workspace: Workspace, name: str) -> SourceDefinition:
    source = find_source(workspace, name)
    if not isinstance(source.options, WebhookOptions):
        raise AuthorError(
            f"the source {name!r} has no mapping that could be shown here",
            hint="webhooks (`kind: webhook`) have one",
        )
    return source


def _path(workspace: Workspace, source: SourceDefinition) -> Path:
    """The mapping's file; where it will be, if there is none."""
    found = workspace.definitions("mapping").get(source.options.mapping)
    if found is not None:
        return workspace.root / found.text.file
    name = str(source.options.mapping)
    if not name.replace("_", "").replace("-", "").isalnum():
        raise AuthorError(
            f"{name!r} cannot be the name of a mapping",
            where=source.definition.where("mapping"),
            hint="use letters, digits, - and _",
        )
    return workspace.root / "mappings" / f"{name}.yaml"


def _shown(workspace: Workspace, path: Path) -> str:
    return str(path.relative_to(workspace.root))


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise AuthorError(f"{path.name} cannot be read as text") from error


def _write(path: Path, text: str) -> None:
    """All of it or nothing: a running server may read it at any moment."""
    try:
        path.parent.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=".", delete=False
        ) as file:
            file.write(text)
        Path(file.name).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(file.name).replace(path)
    except OSError as error:
        raise AuthorError(f"{path.name} cannot be written: {error.strerror}") from error


def _stamp(text: str | None) -> str:
    return "" if text is None else hashlib.sha256(text.encode()).hexdigest()[:32]


def _mapper(workspace: Workspace, source: SourceDefinition, text: str) -> RecordMapper:
    file = _shown(workspace, _path(workspace, source))
    if len(text) > MOST_TEXT:
        raise AuthorError(f"a mapping has at most {MOST_TEXT:,} characters", where=file)
    mapper = RecordMapper(
        parse_yaml(text, file), timezone=workspace.settings.timezone, origin=source.name
    )
    try:
        mapper.map([], now=workspace.clock.now())
    except AuthorError:
        mapper.close()
        raise
    return mapper


def _payload(
    workspace: Workspace, source: SourceDefinition, wanted: int | None
) -> tuple[Any, list[Record]]:
    """The JSON of a payload, and the records in it."""
    kept = KeptPayloads(workspace.log)
    if wanted is None:
        latest = kept.latest(source.name)
        if not latest:
            return None, []
        wanted = latest[0].payload_id
    call = kept.read(source.name, wanted)
    if call is None:
        raise UnknownName("this payload is not kept any more", hint="look at a newer one")
    note_read(workspace, "show payload", f"{source.name} {wanted}")
    try:
        records = records_in(call, source.options.records)
    except NotReadable:
        records = []
    try:
        shown = msgspec.json.decode(call.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        shown = call.body.decode("utf-8", "replace")
    return shown, records


def _fields(records: list[Record], each: str | None) -> Iterator[str]:
    for record in records:
        yield from names_in(record, each=each)


def _unknown(mapper: RecordMapper, fields: list[str]) -> Iterator[UnknownField]:
    """Names of the mapping that no record has: a typing mistake, or what is seldom there."""
    known = {name for field in fields for name in _leading_to(field)}
    for column in mapper.mapping.columns:
        if column not in known:
            yield UnknownField(name=column, nearest=nearest(column, fields))


def _leading_to(field: str) -> Iterator[str]:
    """A field, and whatever it is a part of."""
    parts = field.split(".")
    for end in range(len(parts), 0, -1):
        yield ".".join(parts[:end])


def _mapped(workspace: Workspace, mapper: RecordMapper, record: Record) -> MappedRecord:
    found = mapper.map([record], now=workspace.clock.now(), heard_at=heard_at(record))
    return MappedRecord(events=found.events, items=found.items, refused=found.refused.get(0))

"""Forms and what people did with them: list, funnel, submissions, those that are kept aside.

The figures are counted from events, so they are as new as the log is applied.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from vocative.collect.forms.definition import Form, read_form, read_forms
from vocative.collect.forms.held import HeldSubmission, held_submissions
from vocative.collect.forms.submission import CONFIRMED, STEP_COMPLETED, SUBMITTED, VIEWED
from vocative.deliver.opt_in import find_waiting
from vocative.engines.base import Engine
from vocative.errors import UnknownName
from vocative.server.people import names_of, note_read
from vocative.streams.embedded import EmbeddedLog
from vocative.workspace import Workspace
from vocative.workspace.paging import part_of

PAGE = 50
MAX_PAGE = 500


class ListedForm(msgspec.Struct, frozen=True, kw_only=True):
    """One form in a list."""

    name: str
    title: str
    describe: str
    address: str
    """Where it is shown."""
    steps: int
    questions: int
    double_opt_in: bool
    views: int
    submissions: int
    confirmed: int
    held: int
    """Kept aside: hardly a person's."""


class FunnelStep(msgspec.Struct, frozen=True, kw_only=True):
    """How many came this far."""

    name: str
    visits: int


class ShownForm(msgspec.Struct, frozen=True, kw_only=True):
    """A form, how far people come in it, and how to embed it."""

    form: ListedForm
    version: str
    languages: list[str]
    sites: list[str]
    funnel: list[FunnelStep]
    embed: str
    """For a page: the form where this stands."""
    popup: str
    """For a page: the form over it."""


class FormSubmission(msgspec.Struct, frozen=True, kw_only=True):
    """A submission that was taken in."""

    submission: str
    at: datetime
    person_id: str | None
    name: str | None
    email: str | None
    """The person's; while it waits, the one that was typed."""
    waits: bool
    """Whether its address is still to be confirmed."""
    language: str
    answers: dict[str, Any]
    """Those that tell nobody's identity."""


class FormSubmissions(msgspec.Struct, frozen=True, kw_only=True):
    """A page of submissions, newest first, and what is kept aside."""

    submissions: list[FormSubmission]
    held: list[HeldSubmission]
    next: str | None
    """The `before` of the next page."""


class SubmittedAnswers(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was answered in one submission."""

    submission: str
    form: str
    at: datetime
    answers: dict[str, Any]


def list_forms(workspace: Workspace) -> list[ListedForm]:
    """Every form, by name, with what people did.

    Raises:
        AuthorError: a form is wrong.
    """
    counted, held = _counts(workspace), _held(workspace)
    forms = read_forms(workspace)
    return [_listed(workspace, forms[name], counted, held) for name in sorted(forms)]


def show_form(workspace: Workspace, name: str) -> ShownForm:
    """One form, how far people come in it, and how to embed it.

    Args:
        workspace: Where.
        name: Which.

    Raises:
        UnknownName: there is none of this name.
        AuthorError: a form is wrong.
    """
    form = read_form(workspace, name)
    base = workspace.settings.base_url.rstrip("/")
    tag = f'<script src="{base}/f.js" data-form="{form.name}"'
    return ShownForm(
        form=_listed(workspace, form, _counts(workspace), _held(workspace)),
        version=form.version,
        languages=list(form.languages),
        sites=form.body.sites,
        funnel=_funnel(workspace, form),
        embed=f"{tag} async></script>",
        popup=f'{tag} data-popup data-after="10" async></script>',
    )


def list_submissions(
    workspace: Workspace, name: str, *, before: str | None = None, limit: int = PAGE
) -> FormSubmissions:
    """What was sent, newest first, with who sent it; the read is audited.

    Args:
        workspace: Where.
        name: Which form.
        before: The `next` of the page before.
        limit: How many, at most 500.

    Raises:
        UnknownName: there is no form of this name.
    """
    form = read_form(workspace, name)
    part = part_of(before, limit, most=MAX_PAGE)
    with workspace.engine() as engine:
        rows = engine.rows(
            'SELECT person_id, "at", position, properties FROM events WHERE name = $name'
            f' AND {_FORM} = $form ORDER BY "at" DESC, event_id'
            f" LIMIT {part.wanted} OFFSET {part.skip}",
            {"name": SUBMITTED, "form": form.name},
        )
        confirmed = _confirmed(engine, form.name)
    shown = rows[: part.limit]
    names = names_of(workspace, [row["person_id"] for row in shown if row["person_id"]])
    note_read(workspace, "list submissions", f"form {form.name}")
    with workspace.store.read() as tx:
        held = [] if part.skip else held_submissions(tx, form.name, limit=part.limit)
    return FormSubmissions(
        submissions=[_submission(workspace.log, row, names, confirmed) for row in shown],
        held=held,
        next=part.next(len(rows)),
    )


def show_answers(workspace: Workspace, submission: str) -> SubmittedAnswers:
    """Everything that was answered in one submission; the read is audited.

    Args:
        workspace: Where.
        submission: Its id.

    Raises:
        UnknownName: no submission of this id was taken in, or the log does not have it any more.
    """
    with workspace.engine() as engine:
        rows = engine.rows(
            'SELECT "at", position, properties FROM events WHERE name = $name'
            " AND json_extract_string(properties, '$.submission') = $submission LIMIT 1",
            {"name": SUBMITTED, "submission": submission},
        )
    for row in rows:
        told = msgspec.json.decode(row["properties"], type=dict[str, Any])
        personal = _personal_answers(workspace.log, row["position"], submission)
        note_read(workspace, "show submission", submission)
        return SubmittedAnswers(
            submission=submission,
            form=str(told["form"]),
            at=row["at"].replace(tzinfo=UTC),
            answers={**told.get("answers", {}), **personal},
        )
    raise UnknownName(f"there is no submission {submission[:40]!r}")


_FORM = "json_extract_string(properties, '$.form')"
_STEP = "json_extract_string(properties, '$.step')"


def _counts(workspace: Workspace) -> dict[tuple[str, str], int]:
    """How many events there are, by form and name."""
    with workspace.engine() as engine:
        rows = engine.rows(
            f"SELECT {_FORM} AS form, name, count(*) AS events FROM events"
            " WHERE list_contains($names, name) GROUP BY 1, 2",
            {"names": [VIEWED, SUBMITTED, CONFIRMED]},
        )
    return {(row["form"], row["name"]): int(row["events"]) for row in rows if row["form"]}


def _held(workspace: Workspace) -> dict[str, int]:
    with workspace.store.read() as tx:
        rows = tx.tuples(
            "SELECT form, count(*) FROM held_submissions WHERE state = 'held' GROUP BY form"
        )
    return {form: int(count) for form, count in rows}


def _listed(
    workspace: Workspace,
    form: Form,
    counted: Mapping[tuple[str, str], int],
    held: Mapping[str, int],
) -> ListedForm:
    body = form.body
    return ListedForm(
        name=form.name,
        title=form.text(body.title, body.language),
        describe=body.describe,
        address=f"{workspace.settings.base_url.rstrip('/')}/f/{form.name}",
        steps=len(form.steps),
        questions=sum(1 for _ in form.questions),
        double_opt_in=body.double_opt_in,
        views=counted.get((form.name, VIEWED), 0),
        submissions=counted.get((form.name, SUBMITTED), 0),
        confirmed=counted.get((form.name, CONFIRMED), 0),
        held=held.get(form.name, 0),
    )


def _funnel(workspace: Workspace, form: Form) -> list[FunnelStep]:
    """Shown, each step but the last, sent, and confirmed where that is asked for."""
    with workspace.engine() as engine:
        rows = engine.rows(
            f"SELECT name, CASE WHEN name = $step THEN {_STEP} END AS step, count(*) AS events"
            f" FROM events WHERE {_FORM} = $form AND list_contains($names, name) GROUP BY 1, 2",
            {
                "step": STEP_COMPLETED,
                "form": form.name,
                "names": [VIEWED, STEP_COMPLETED, SUBMITTED, CONFIRMED],
            },
        )
    counted = {(row["name"], row["step"]): int(row["events"]) for row in rows}
    found = [FunnelStep(name="shown", visits=counted.get((VIEWED, None), 0))]
    for place in range(1, len(form.steps)):
        visits = counted.get((STEP_COMPLETED, str(place)), 0)
        found.append(FunnelStep(name=f"step {place}", visits=visits))
    found.append(FunnelStep(name="sent", visits=counted.get((SUBMITTED, None), 0)))
    if form.body.double_opt_in:
        found.append(FunnelStep(name="confirmed", visits=counted.get((CONFIRMED, None), 0)))
    return found


def _confirmed(engine: Engine, form: str) -> set[str]:
    rows = engine.rows(
        "SELECT json_extract_string(properties, '$.submission') AS submission FROM events"
        f" WHERE name = $name AND {_FORM} = $form",
        {"name": CONFIRMED, "form": form},
    )
    return {row["submission"] for row in rows}


def _submission(
    log: EmbeddedLog,
    row: Mapping[str, Any],
    names: Mapping[str, tuple[str | None, str | None]],
    confirmed: set[str],
) -> FormSubmission:
    told = msgspec.json.decode(row["properties"], type=dict[str, Any])
    name, email = names.get(row["person_id"], (None, None))
    submission = str(told.get("submission"))
    waits = bool(told.get("waits")) and submission not in confirmed
    if waits:
        # It is nobody's address yet: the form has it, and not who it leads to.
        waiting = find_waiting(log, row["position"], submission)
        email = waiting.email if waiting is not None else None
    return FormSubmission(
        submission=submission,
        at=row["at"].replace(tzinfo=UTC),
        person_id=row["person_id"],
        name=name,
        email=email,
        waits=waits,
        language=str(told.get("language")),
        answers=told.get("answers") or {},
    )


def _personal_answers(log: EmbeddedLog, position: int | None, submission: str) -> dict[str, Any]:
    """What only the log has; nothing when it does not have it any more."""
    batch = next(log.read(position - 1, most_events=1), None) if position else None
    if batch is None or batch.position != position:
        return {}
    for raw in batch.events:
        if submission.encode() in raw:
            event = msgspec.json.decode(raw, type=dict[str, Any])
            if event.get("event") == SUBMITTED:
                return dict(event["context"].get("formAnswers") or {})
    return {}

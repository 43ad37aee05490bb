"""What is expected of a source: `expectations/SOURCE.yaml`."""

from collections.abc import Iterator

import msgspec

from vocative.errors import AuthorError
from vocative.workspace import Definition, Workspace
from vocative.workspace.durations import seconds_of
from vocative.workspace.settings import convert

SETTLES_SECONDS = 600
"""After the end of an hour; by then what happened in it is here, unless something else is told."""


class ExpectationBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An expectation file; it is named as its source."""

    every: str | None = None
    settles_after: str | None = None
    alerts: bool = True
    describe: str = ""


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What is expected of a source."""

    every_seconds: int | None = None
    """At least one event in this time; None: nobody is told when none comes."""
    settles_seconds: int = SETTLES_SECONDS
    """So long after the end of an hour it is judged."""
    alerts: bool = True
    """Whether to watch how much comes in."""


def check_definitions(workspace: Workspace) -> None:
    """Check the workspace's expectations.

    Raises:
        AuthorError: one is wrong somewhere.
    """
    read_expectations(workspace)


def read_expectations(workspace: Workspace) -> dict[str, Expectation]:
    """Expectations by source, also of defined sources for which none is written.

    Raises:
        AuthorError: one is wrong somewhere.
    """
    found = workspace.definitions_together("expectation", "source")
    settles = {
        name: SETTLES_SECONDS + _pulled_every(source) for name, source in found["source"].items()
    }
    expectations = {name: Expectation(settles_seconds=seconds) for name, seconds in settles.items()}
    for name, definition in found["expectation"].items():
        expectations[name] = _read(definition, settles.get(name, SETTLES_SECONDS))
    return expectations


def _pulled_every(source: Definition) -> int:
    """How many seconds lie between two pulls of a source; 0 when it is not pulled."""
    every = source.body.get("every")
    return (seconds_of(every) or 0) if isinstance(every, str) else 0


def _read(definition: Definition, settles_seconds: int) -> Expectation:
    body = convert(definition.text, (), definition.body, ExpectationBody)
    for field in _wrong_lengths(body):
        raise AuthorError(
            "this is no length of time",
            where=definition.where(field),
            hint="write it as in 30min, 6h or 2d; ten years at most",
        )
    return Expectation(
        every_seconds=seconds_of(body.every) if body.every else None,
        settles_seconds=(
            settles_seconds if body.settles_after is None else seconds_of(body.settles_after) or 0
        ),
        alerts=body.alerts,
    )


def _wrong_lengths(body: ExpectationBody) -> Iterator[str]:
    for field in ("every", "settles_after"):
        written = getattr(body, field)
        if written is not None and seconds_of(written) is None:
            yield field

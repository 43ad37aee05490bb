"""What a workspace's engine cannot answer, found when it is written and not when it is asked.

A plan and an engine's name come in. Refused, with the place of the word: keys and functions that
the engine's SQL has no equal for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from vocative.errors import AuthorError, Where
from vocative.segment.definitions import Feature, Segment
from vocative.segment.plan import Plan
from vocative.sql import Expression, Type
from vocative.sql.nodes import Call

Without = Mapping[str, str]
"""Keys of features and functions that an engine has no equal for, each with the reason."""


def check_engine(plan: Plan, engine: str) -> None:
    """Check that an engine can answer a plan.

    Raises:
        UnknownName: there is no such engine.
        AuthorError: it cannot answer one of the definitions; the error points at the word.
    """
    if engine == "duckdb":
        return
    from vocative.engines.dialects import dialect_of

    for error in unsupported(plan, engine, dialect_of(engine).without):
        raise error


def unsupported(plan: Plan, engine: str, without: Without) -> Iterator[AuthorError]:
    """What an engine cannot answer, each as the error that tells its author."""
    features = (feature.written for feature in plan.features.values())
    segments = (segment.written for segment in plan.segments.values())
    for written in (*features, *segments):
        for word, where in _words(written):
            if word in without:
                yield _error(engine, word, without[word], where)
    for segment in plan.segments.values():
        if segment.is_family and segment.node.type is Type.BOOLEAN and "by boolean" in without:
            where = segment.written.definition.where("by")
            yield _error(engine, "a family by true and false", without["by boolean"], where)


def _error(engine: str, word: str, reason: str, where: Where) -> AuthorError:
    return AuthorError(
        f"the engine {engine} cannot answer {word}: {reason}",
        where=where,
        hint="write it another way, or choose another `engine:` in vocative.yaml",
    )


def _words(written: Feature | Segment) -> Iterator[tuple[str, Where]]:
    """The keys of a definition and the functions it calls, with their places."""
    for key in written.definition.body:
        yield key, written.definition.where(key, "@key")
    for expression in _expressions(written):
        for node in expression.node.walk():
            if isinstance(node, Call):
                yield node.function, expression.place(node.start)


def _expressions(part: Any) -> Iterator[Expression]:
    """Every expression of a definition and of its steps."""
    for field in fields(part):
        value = getattr(part, field.name)
        if isinstance(value, Expression):
            yield value
        for step in value if field.name == "steps" else ():
            yield from _expressions(step)

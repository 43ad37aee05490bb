"""What a compiled template names, and the branches it has, in all its languages."""

from collections.abc import Iterator

from liquid.ast import Node

from vocative.compose.language.branches import Arm
from vocative.compose.language.context import Context
from vocative.compose.template import LiquidPart, Template


def used_fields(template: Template) -> set[str]:
    """The fields of a person that a template names."""
    return {
        str(path[1])
        for part in _parts(template)
        for path in part.parsed.global_variable_segments()
        if len(path) > 1 and path[0] == "person" and isinstance(path[1], str)
    }


def branch_labels(template: Template) -> list[str]:
    """Every arm of every condition in words, as `Rendered.branches` has those that were taken."""
    found: dict[str, None] = {}
    for part in _parts(template):
        for node in part.parsed.nodes:
            for arm in _arms(node, part):
                found[part.label(arm)] = None
    return list(found)


def _parts(template: Template) -> Iterator[LiquidPart]:
    for one in (template, *template.languages.values()):
        for part in (one.subject, one.preheader, one.from_name, one.html, one.text):
            if part is not None:
                yield part


def _arms(node: Node, part: LiquidPart) -> Iterator[Arm]:
    arms = getattr(node, "arms", ())
    yield from arms.values() if isinstance(arms, dict) else arms
    for child in node.children(Context(part.parsed), include_partials=False):
        yield from _arms(child, part)

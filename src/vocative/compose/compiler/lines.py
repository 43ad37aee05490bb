"""A template's own text broken into lines that mail servers take, whoever the mail is for.

Lines of a mail have at most 998 bytes. What is printed between the template's own texts has at most
`VALUE_BYTES`, or the mail is encoded in another way; so lines are broken once, when the template is
compiled, and nothing has to be counted while it renders.
"""

import re
from collections.abc import Iterable, Sequence

from liquid.ast import BlockNode, Node
from liquid.builtin.content import ContentNode
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.capture_tag import CaptureNode
from liquid.builtin.tags.cycle_tag import CycleNode
from liquid.builtin.tags.for_tag import ForNode

from vocative.compose.compiler.expressions import Unsupported
from vocative.compose.compiler.names import children_of
from vocative.compose.language.branches import NotedCase, NotedIf, NotedUnless

VALUE_BYTES = 200
MAX_LINE_BYTES = 998
_SOFT_BYTES = 500
_MAX_ROUNDS = 5
# Outlook's conditions (`<!--[if mso|IE]>`) stay on one line.
_SPACE = re.compile(r"(?<!\[if)(?<!\[if lte) ")
_NEWLINE = re.compile(r"\r\n?")


class Lines:
    """Where a template's own texts are broken.

    Args:
        nodes: The nodes of the template.

    Raises:
        Unsupported: some line cannot be kept short.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.texts: dict[int, str] = {}
        """The texts in ASCII, with character references and line breaks, by their nodes' ids."""
        self._walk(nodes, 0)

    def _walk(self, nodes: Iterable[Node], column: int) -> int:
        """Break the texts of nodes; where the line behind them ends at most."""
        for node in nodes:
            column = self._after(node, column)
            if column > MAX_LINE_BYTES:
                raise Unsupported("a long line without a space")
        return column

    def _after(self, node: Node, column: int) -> int:
        if isinstance(node, ContentNode):
            self.texts[id(node)], column = _broken(node.text, column)
            return column
        if isinstance(node, OutputNode | CycleNode):
            return column + VALUE_BYTES
        if isinstance(node, CaptureNode):
            return column
        if isinstance(node, NotedIf | NotedUnless):
            return max(column, *(self._walk([arm], column) for arm in children_of(node)))
        if isinstance(node, ForNode | NotedCase):
            return self._repeated(node, column)
        return self._walk(node.nodes if isinstance(node, BlockNode) else children_of(node), column)

    def _repeated(self, node: Node, column: int) -> int:
        """Nodes that may follow themselves: they begin where they end at most."""
        begin = column
        for _ in range(_MAX_ROUNDS):
            end = max(column, *(self._walk([child], begin) for child in children_of(node)))
            if end <= begin:
                return end
            begin = end
        raise Unsupported("a loop without a line break")


def _broken(text: str, column: int) -> tuple[str, int]:
    ascii_text = text.encode("ascii", "xmlcharrefreplace").decode()
    written = []
    for number, part in enumerate(_NEWLINE.sub("\n", ascii_text).split("\n")):
        column, line = (column, part) if number == 0 else (0, part)
        while column + len(line) > _SOFT_BYTES:
            at = _space(line, _SOFT_BYTES - column, first=0 if column else 1)
            if at < 0:
                break
            written.append(line[:at])
            column, line = 0, line[at + 1 :]
        written.append(line)
        column += len(line)
    return "\n".join(written), column


def _space(line: str, limit: int, *, first: int) -> int:
    """Where to break a line: the last space before a limit, or else the next."""
    found = -1
    for space in _SPACE.finditer(line, first):
        if found >= 0 and space.start() > limit:
            break
        found = space.start()
    return found

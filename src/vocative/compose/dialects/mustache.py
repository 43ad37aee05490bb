"""Mustache: Handlebars without helpers, its names looked for outwards."""

from typing import ClassVar

from vocative.compose.dialects._handlebars.mustache import parse_mustache
from vocative.compose.dialects._handlebars.options import Options
from vocative.compose.dialects._handlebars.write import LiquidWriter
from vocative.compose.dialects.base import Dialect, Translation

MUSTACHE = Options(
    parse=parse_mustache,
    sendgrid=False,
    helpers=False,
    outwards="nearest",
    indents_source=True,
)


class Mustache(Dialect):
    """Mustache as its specification has it, without lambdas."""

    title: ClassVar[str] = "Mustache"

    def __init__(self, options: Options = MUSTACHE) -> None:
        self._options = options

    def translate(self, translation: Translation) -> None:
        """Read the source and write it as Liquid."""
        nodes = self._options.parse(translation.source)
        LiquidWriter(translation, self._options).write(nodes)

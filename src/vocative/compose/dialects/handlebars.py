"""Handlebars, with what SendGrid adds to it."""

from typing import ClassVar

from vocative.compose.dialects._handlebars.options import Options
from vocative.compose.dialects._handlebars.write import LiquidWriter
from vocative.compose.dialects.base import Dialect, Translation


class Handlebars(Dialect):
    """Handlebars as SendGrid runs it; every feature of the language that needs no JavaScript."""

    title: ClassVar[str] = "SendGrid (Handlebars)"

    def __init__(self, options: Options | None = None) -> None:
        self._options = options or Options()

    def translate(self, translation: Translation) -> None:
        """Read the source and write it as Liquid."""
        nodes = self._options.parse(translation.source)
        LiquidWriter(translation, self._options).write(nodes)

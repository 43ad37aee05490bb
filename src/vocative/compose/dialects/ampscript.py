"""AMPscript, the template language of Salesforce Marketing Cloud."""

import re
from typing import ClassVar

from vocative.compose.dialects._ampscript.parse import parse_ampscript
from vocative.compose.dialects._ampscript.write import LiquidWriter
from vocative.compose.dialects._handlebars.options import Options
from vocative.compose.dialects.base import Dialect, Translation
from vocative.compose.dialects.handlebars import Handlebars

_AMPSCRIPT = re.compile(r"%%[\[=A-Za-z_]|runat\s*=|\{\{\.", re.IGNORECASE)


class Ampscript(Dialect):
    """AMPscript in blocks, in script elements and between words; Handlebars where it is all."""

    title: ClassVar[str] = "Salesforce Marketing Cloud (AMPscript)"

    def __init__(self, handlebars: Options | None = None) -> None:
        self._handlebars = handlebars or Options(sendgrid=False)

    def translate(self, translation: Translation) -> None:
        """Read the source and write it as Liquid."""
        if "{{" in translation.source and not _AMPSCRIPT.search(translation.source):
            Handlebars(self._handlebars).translate(translation)
            return
        LiquidWriter(translation).write(parse_ampscript(translation.source))

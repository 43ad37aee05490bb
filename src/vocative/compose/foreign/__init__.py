"""What templates that came from other systems need while they are rendered.

Liquid cannot say everything that another language says. Where it cannot, a converted template calls
the filter named after its language, with the name of what it stands for: `handlebars: "each"`,
`ampscript: "DateAdd", 1, "D"`. The filters are ordinary ones under the ordinary limits.
"""

from vocative.compose.foreign.ampscript import ampscript
from vocative.compose.foreign.handlebars import handlebars

FILTERS = {"ampscript": ampscript, "handlebars": handlebars}

__all__ = ["FILTERS"]

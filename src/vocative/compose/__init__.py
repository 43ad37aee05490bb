"""How to say it: templates, rendered for each person; checked before anybody gets them.

In come a workspace's templates (MJML and Liquid) and one person's data, out go a subject, HTML
and plain text. See `docs/templates.md` for what an author writes.
"""

from vocative.compose.authoring.source import TemplateSource
from vocative.compose.checking.check import check_line, check_template
from vocative.compose.findings import Finding
from vocative.compose.language.skipping import MessageSkipped
from vocative.compose.links import rewrite_links
from vocative.compose.template import (
    Rendered,
    Template,
    compile_template,
    load_template,
    read_source,
)

__all__ = [
    "Finding",
    "MessageSkipped",
    "Rendered",
    "Template",
    "TemplateSource",
    "check_line",
    "check_template",
    "compile_template",
    "load_template",
    "read_source",
    "rewrite_links",
]

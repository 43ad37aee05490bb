"""Liquid as templates may use it: escaped, bounded, strict about names.

Three environments: HTML (every printed value escaped), plain text, and single lines such as the
subject. A name that does not exist is an error when printed; in a condition it is false, and
`default` replaces it.
"""

from collections.abc import Callable, Mapping
from functools import cache
from io import StringIO
from typing import Any

import liquid
from liquid.tag import Tag
from liquid.template import BoundTemplate

from vocative.compose.language import filters
from vocative.compose.language.branches import NotingCaseTag, NotingIfTag, NotingUnlessTag
from vocative.compose.language.context import Buffer, Context, Missing
from vocative.compose.language.limits import MAX_OUTPUT_CHARACTERS, Run
from vocative.compose.language.nodes import (
    BlockScopeTag,
    PrintEchoInTextTag,
    PrintEchoTag,
    PrintInTextTag,
    PrintTag,
    adapt,
)
from vocative.compose.language.skipping import SkipTag


class ParsedText(BoundTemplate):
    """Parsed Liquid that renders as a bounded run."""

    context_class = Context

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for node in self.nodes:
            adapt(node, self)

    def render_run(self, data: Mapping[str, object], run: Run) -> str:
        """The text for one person's data."""
        context = Context(self, globals=data)
        context.run = run
        buffer = self._get_buffer()
        self.render_with_context(context, buffer)
        return buffer.getvalue()

    def _get_buffer(self) -> StringIO:
        return Buffer(MAX_OUTPUT_CHARACTERS)


class Environment(liquid.Environment):
    """Liquid with our limits, filters and memory of branches; also the one for single lines."""

    template_class = ParsedText
    block_nesting_limit = 20
    local_namespace_limit = 1_000_000

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"undefined": Missing, **kwargs})

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Register the tags and filters a template may use."""
        super().setup_tags_and_filters(extra=extra)
        self._add_tags(NotingIfTag, NotingUnlessTag, NotingCaseTag, BlockScopeTag)
        self._add_tags(PrintTag, PrintEchoTag, SkipTag)
        filters.register(self)

    def _add_tags(self, *tags: type[Tag]) -> None:
        for tag in tags:
            self.add_tag(tag)


class HtmlEnvironment(Environment):
    """Every printed value is escaped, unless it is HTML that was cleaned."""

    def __init__(self) -> None:
        super().__init__(autoescape=True)

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Register the tags and filters a template may use."""
        super().setup_tags_and_filters(extra=extra)
        filters.register_html(self)


class TextEnvironment(Environment):
    """Plain text: filters that write HTML do nothing, data cannot look like a link."""

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Register the tags and filters a template may use."""
        super().setup_tags_and_filters(extra=extra)
        self._add_tags(PrintInTextTag, PrintEchoInTextTag)
        filters.register_plain(self)


@cache
def environment(kind: Callable[[], Environment]) -> Environment:
    """The process's one environment of a kind; it holds no state of a render."""
    return kind()

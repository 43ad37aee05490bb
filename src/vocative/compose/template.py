"""A compiled template: everything that does not depend on a person is done once.

In comes a `TemplateSource`, out goes a `Template` whose `render` turns one person's data into a
subject, a preheader, HTML and plain text. Refused: Liquid or MJML that is wrong (with the
author's line and a caret), names that do not exist, renders that cost too much.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from liquid.exceptions import (
    FilterArgumentError,
    FilterError,
    LiquidError,
    LiquidTypeError,
    ResourceLimitError,
    UndefinedError,
)

from vocative.clock import Clock, SystemClock
from vocative.compose.authoring.assets import addresses_in, with_addresses
from vocative.compose.authoring.blocks import assemble
from vocative.compose.authoring.languages import locale_of, read_template
from vocative.compose.authoring.source import Passage, TemplateSource, fallbacks
from vocative.compose.authoring.tags import check_tags
from vocative.compose.authoring.versions import version_of
from vocative.compose.compiler import CompiledText, Unsupported, compile_text
from vocative.compose.language.branches import Arm
from vocative.compose.language.environments import (
    Environment,
    HtmlEnvironment,
    ParsedText,
    TextEnvironment,
    environment,
)
from vocative.compose.language.limits import Run
from vocative.compose.language.raw_html import refuse_html_in_markup
from vocative.compose.links import refuse_unsafe_links
from vocative.compose.markup.layout import to_html
from vocative.compose.markup.offsets import Offsets
from vocative.compose.markup.plain import to_text
from vocative.compose.markup.protect import Protected
from vocative.errors import AuthorError, Where

if TYPE_CHECKING:
    from vocative.workspace import Workspace

MAX_LINE_BYTES = 998
# Outlook's conditions (`<!--[if mso|IE]>`) must stay on one line.
_SPACE = re.compile(r"(?<!\[if)(?<!\[if lte) ")
_CONTROL = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_BLANK_LINES = re.compile(r"\n{3,}")
# What went wrong, without the values that python-liquid's own messages may quote.
_BAD_VALUE = (FilterArgumentError, FilterError, LiquidTypeError)


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """One message, ready to be delivered."""

    subject: str
    preheader: str
    html: str
    text: str
    branches: tuple[str, ...]
    """The arms of conditions that were taken, as `file:line condition`."""
    from_name: str = ""
    """Whom the message says it is from; empty: the workspace's sender."""
    language: str | None = None
    """The language it is written in, where the template is there in several."""
    version: str = ""
    """Which state of the template it was made from."""


@dataclass(frozen=True)
class LiquidPart:
    """One parsed part of a template and the way back to the author's line."""

    parsed: ParsedText = field(repr=False)
    passage: Passage = field(repr=False)
    offsets: Offsets | None = field(default=None, repr=False)
    compiled: CompiledText | None = field(default=None, repr=False, compare=False)
    """The same as a function; what it leaves to the interpreter, the interpreter does."""
    _labels: dict[Arm, str] = field(default_factory=dict, repr=False, compare=False)

    def where(self, offset: int) -> Where:
        """The author's place of an offset in the parsed text."""
        return self.passage.where(self.offsets.source(offset) if self.offsets else offset)

    def label(self, arm: Arm) -> str:
        """An arm in words."""
        if arm not in self._labels:
            place = self.where(arm.offset)
            self._labels[arm] = f"{place.file}:{place.line} {arm.text}"
        return self._labels[arm]

    def render(self, data: Mapping[str, object], clock: Clock) -> tuple[str, list[str]]:
        """The text for one person's data, and the labels of the branches taken.

        Raises:
            AuthorError: a name does not exist, a filter got what it cannot use, or it costs
                too much.
        """
        run = Run(clock)
        try:
            text = (self.compiled or self.parsed).render_run(data, run)
        except LiquidError as error:
            raise self._as_author_error(error) from error
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise AuthorError(
                "the template cannot be rendered with this data", where=self.where(0)
            ) from error
        return text, [self.label(arm) for arm in run.taken]

    def as_function(self, constants: Mapping[str, object], frozen: Collection[str]) -> "LiquidPart":
        """The same part as a Python function, if it can be one."""
        try:
            return replace(self, compiled=compile_text(self.parsed, constants, frozen=frozen))
        except Unsupported:
            return self

    def _as_author_error(self, error: LiquidError) -> AuthorError:
        where = self.where(error.token.start_index if error.token else 0)
        if isinstance(error, UndefinedError):
            return AuthorError(
                f"the template prints a name that does not exist: {error.message}",
                where=where,
                hint="run `vocative check` to see every field and its nearest known name",
            )
        if isinstance(error, ResourceLimitError):
            return AuthorError(f"the template does too much: {error.message}", where=where)
        if isinstance(error, _BAD_VALUE):
            return AuthorError("a filter was given a value it cannot use", where=where)
        return AuthorError("the template cannot be rendered with this data", where=where)


@dataclass(frozen=True, kw_only=True)
class Template:
    """A template, compiled."""

    name: str
    from_name: LiquidPart | None
    subject: LiquidPart
    preheader: LiquidPart | None
    html: LiquidPart
    text: LiquidPart
    clock: Clock = field(default_factory=SystemClock, repr=False)
    version: str = ""
    language: str = ""
    """What it is written in."""
    languages: "Mapping[str, Template]" = field(default_factory=dict, repr=False)
    """The same template in other languages, by tag."""

    def for_language(self, wanted: str | None) -> "Template":
        """The template as somebody who reads `wanted` gets it: `de-AT`, else `de`, else this."""
        for tag in fallbacks(wanted) if self.languages else ():
            if tag in self.languages:
                return self.languages[tag]
        return self

    def render(self, data: Mapping[str, Any]) -> Rendered:
        """The message for one person, in the language that `person.language` says.

        Args:
            data: `person`, `products`, `offer`, `campaign`, `variant`, `unsubscribe_url`,
                `view_url`, `postal_address`, `sender_name`, `time_zone`, `currency`. Known facts
                that are missing are None. `locale` is set here.

        Raises:
            AuthorError: the template cannot be rendered with this data; the message holds none
                of it.
        """
        person = data.get("person")
        wanted = person.get("language") if isinstance(person, Mapping) else None
        wanted = wanted if isinstance(wanted, str) else None
        chosen = self.for_language(wanted)
        return chosen._render({**data, "locale": locale_of(wanted, chosen.language)})

    def _render(self, data: Mapping[str, Any]) -> Rendered:
        subject, branches = self.subject.render(data, self.clock)
        subject = _one_line(subject)
        if not subject:
            raise AuthorError("the subject came out empty", where=self.subject.where(0))
        preheader = ""
        if self.preheader is not None:
            preheader, taken = self.preheader.render(data, self.clock)
            preheader = _one_line(preheader)
            branches += taken
        from_name = ""
        if self.from_name is not None:
            from_name, taken = self.from_name.render(data, self.clock)
            from_name = _one_line(from_name)
            branches += taken
        html, taken = self.html.render({**data, "preheader": preheader}, self.clock)
        branches += taken
        text, taken = self.text.render(data, self.clock)
        branches += taken
        return Rendered(
            subject=subject,
            preheader=preheader,
            html=_fold(refuse_unsafe_links(html)),
            text=_fold(_tidy(text)),
            branches=tuple(dict.fromkeys(branches)),
            from_name=from_name,
            language=self.language or None,
            version=self.version,
        )

    def for_many(
        self, constants: Mapping[str, object], *, frozen: Collection[str] = ()
    ) -> "Template":
        """The same template made ready to be rendered for very many people.

        It takes some milliseconds and pays from some dozen messages on. What is rendered stays
        the same; see `vocative.compose.compiler`.

        Args:
            constants: Names of the data whose values are the same for everybody.
            frozen: Names of lists in the data whose items never change.
        """

        def ready(part: LiquidPart | None) -> LiquidPart | None:
            return part and part.as_function(constants, frozen)

        return replace(
            self,
            from_name=ready(self.from_name),
            subject=self.subject.as_function(constants, frozen),
            preheader=ready(self.preheader),
            html=self.html.as_function(constants, frozen),
            text=self.text.as_function(constants, frozen),
            languages={
                tag: one.for_many(constants, frozen=frozen) for tag, one in self.languages.items()
            },
        )

    def with_subject(self, subject: str, *, where: Where | None = None) -> "Template":
        """The same template under another subject, such as a variant's.

        Raises:
            AuthorError: the subject is not valid Liquid.
        """
        place = Passage.of_file("subject", subject).where if where is None else lambda _: where
        return replace(
            self,
            subject=parse(Passage(subject, place), Environment),
            languages={
                tag: one.with_subject(subject, where=where) for tag, one in self.languages.items()
            },
        )


def compile_template(
    source: TemplateSource, *, clock: Clock | None = None, language: str = ""
) -> Template:
    """Compile what an author wrote, in every language that it is there in.

    Args:
        source: The template as written.
        clock: What `now` is; the system's unless told.
        language: What it is written in.

    Raises:
        AuthorError: Liquid, MJML or a block is wrong; the error points at it.
    """
    layout = assemble(source)
    # Errors in Liquid are told before errors in markup.
    parsed = parse(layout, HtmlEnvironment).parsed
    addresses = addresses_in(layout, source.assets)
    protected = Protected(layout, source.markup)
    refuse_html_in_markup(parsed.nodes, protected)
    html = to_html(protected, preheader=source.preheader is not None)
    html = with_addresses(html, addresses)
    if source.text is not None:
        text = parse(source.text, TextEnvironment)
    else:
        text = _parse_restored(protected, to_text(html, protected), TextEnvironment)
    clock = clock or SystemClock()
    return Template(
        name=source.name,
        from_name=parse(source.from_name, Environment) if source.from_name else None,
        subject=parse(source.subject, Environment),
        preheader=parse(source.preheader, Environment) if source.preheader else None,
        html=_parse_restored(protected, html, HtmlEnvironment),
        text=text,
        clock=clock,
        version=version_of(source),
        language=language,
        languages={
            tag: replace(
                compile_template(one, clock=clock, language=tag), version=version_of(source)
            )
            for tag, one in source.languages.items()
        },
    )


def derived_text(source: TemplateSource) -> str:
    """The plain text that is made from a template's HTML, with its Liquid.

    Raises:
        AuthorError: the template is wrong.
    """
    protected = Protected(assemble(source), source.markup)
    return protected.restore(to_text(to_html(protected, preheader=False), protected)).text


def read_source(workspace: "Workspace", name: str) -> TemplateSource:
    """The source of a workspace's template.

    Raises:
        UnknownName: there is no such template.
        AuthorError: its files are wrong.
    """
    return read_template(workspace, name)


def load_template(workspace: "Workspace", name: str) -> Template:
    """A workspace's template, compiled once and rendered as often as needed.

    Raises:
        UnknownName: there is no such template.
        AuthorError: it is wrong; the error points at the author's line.
    """
    return compile_template(
        read_source(workspace, name),
        clock=workspace.clock,
        language=workspace.settings.language,
    )


def parse(passage: Passage, kind: Callable[[], Environment]) -> LiquidPart:
    """A passage of Liquid, parsed for one kind of output.

    Raises:
        AuthorError: it is not valid Liquid.
    """
    check_tags(passage)
    return LiquidPart(_parsed(passage.text, kind, passage.where), passage)


def _parse_restored(protected: Protected, text: str, kind: Callable[[], Environment]) -> LiquidPart:
    restored = protected.restore(text)

    def where(offset: int) -> Where:
        return protected.layout.where(restored.offsets.source(offset))

    parsed = _parsed(restored.text, kind, where)
    return LiquidPart(parsed, protected.layout, restored.offsets)


def _parsed(
    text: str, kind: Callable[[], Environment], where: Callable[[int], Where]
) -> ParsedText:
    try:
        parsed: Any = environment(kind).from_string(text)
    except LiquidError as error:
        offset = error.token.start_index if error.token and error.token.start_index >= 0 else 0
        too_deep = isinstance(error.__cause__, RecursionError)
        reason = "an expression is nested too deep" if too_deep else error.message
        raise AuthorError(f"Liquid: {reason}", where=where(offset)) from error
    found: ParsedText = parsed
    return found


def _one_line(text: str) -> str:
    """Text for a header: no line breaks, no control characters."""
    return _CONTROL.sub(" ", text).strip()


def _tidy(text: str) -> str:
    """Plain text without the gaps that branches not taken leave behind."""
    lines = "\n".join(line.strip() for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n", lines).strip() + "\n"


def _fold(body: str) -> str:
    """Break lines that are longer than SMTP takes, at a space."""
    if not has_long_line(body.encode(errors="replace"), MAX_LINE_BYTES):
        return body
    lines = body.split("\n")
    return "\n".join(
        part for line in lines for part in (_folded(line) if _is_long(line) else (line,))
    )


def has_long_line(body: bytes, limit: int) -> bool:
    r"""Whether a line has more bytes than `limit`, its end not counted.

    >>> has_long_line(b"abc\nabcd", 3), has_long_line(b"abc\nabc", 3)
    (True, False)
    """
    start = 0
    while len(body) - start > limit:
        end = body.rfind(b"\n", start, start + limit + 1)
        if end < 0:
            return True
        start = end + 1
    return False


def _is_long(line: str) -> bool:
    return len(line if line.isascii() else line.encode()) > MAX_LINE_BYTES


def _folded(line: str) -> list[str]:
    """The parts of a line; a word longer than a line is left to the transfer encoding."""
    parts, start, space, size = [], 0, 0, 0
    for at in (*(one.start() for one in _SPACE.finditer(line, 1)), len(line)):
        size += len(line[space:at].encode())
        if size > MAX_LINE_BYTES and space > start:
            parts.append(line[start:space])
            start = space + 1
            size = len(line[start:at].encode())
        space = at
    return [*parts, line[start:]]

"""What a dialect must do: read a template of another system and write it as Liquid.

One runtime dialect, Liquid, runs in Vocative; every other one is read into it once. A dialect
walks through a foreign text from left to right and writes through a `Translation`: what it keeps,
what it prints, what it decides, and a note on each tag. It never drops anything silently: what it
cannot carry is `refused` with what the author must do.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from vocative.compose.authoring.source import MAX_SOURCE_CHARACTERS, Passage
from vocative.compose.dialects._fields import FieldMap, Named
from vocative.compose.dialects._notes import Note, Outcome, shown
from vocative.compose.dialects._unreadable import Unreadable
from vocative.compose.dialects._writing import Writer, quoted
from vocative.compose.language.environments import Environment, HtmlEnvironment, TextEnvironment
from vocative.compose.template import parse
from vocative.errors import AuthorError

Medium = Literal["html", "line", "text"]
"""A layout (HTML or MJML), a single line such as the subject, or plain text."""
_ENVIRONMENTS = {"html": HtmlEnvironment, "line": Environment, "text": TextEnvironment}
MAX_NOTES = 5_000


@dataclass(frozen=True, kw_only=True)
class ForeignTemplate:
    """A template as another system has it."""

    name: str
    html: Passage
    subject: Passage | None = None
    preheader: Passage | None = None
    text: Passage | None = None
    parts: Mapping[str, Passage] = field(default_factory=dict)
    """Pieces that the template may put in by name: partials, content blocks, snippets."""

    def passages(self) -> dict[str, tuple[Passage, Medium]]:
        """Its texts by key, each with what it is for."""
        found: dict[str, tuple[Passage, Medium]] = {"html": (self.html, "html")}
        for key, passage, medium in (
            ("subject", self.subject, "line"),
            ("preheader", self.preheader, "line"),
            ("text", self.text, "text"),
        ):
            if passage is not None:
                found[key] = (passage, "text" if medium == "text" else "line")
        return found


@dataclass(frozen=True, kw_only=True)
class Converted:
    """A foreign template as Liquid, and what became of each of its parts."""

    html: str
    subject: str | None = None
    preheader: str | None = None
    text: str | None = None
    notes: tuple[Note, ...] = ()
    fields: Mapping[str, Named] = field(default_factory=dict)
    """What each foreign name became."""

    def count(self, outcome: Outcome) -> int:
        """How many parts had this outcome."""
        return sum(note.outcome == outcome for note in self.notes)

    @property
    def new_traits(self) -> list[str]:
        """Traits that the Liquid names and the workspace does not have, sorted."""
        paths = {named.path for named in self.fields.values() if not named.known}
        return sorted({re.split(r"[.\[]", path)[1] for path in paths})


class Translation:
    """One foreign text on its way into Liquid: what is written, and what there is to tell."""

    def __init__(
        self,
        passage: Passage,
        medium: Medium,
        fields: FieldMap,
        foreign: ForeignTemplate | None = None,
    ) -> None:
        self.passage = passage
        self.medium: Medium = medium
        self.parts: Mapping[str, Passage] = foreign.parts if foreign else {}
        self.subject = foreign.subject if foreign else None
        self._foreign = foreign
        self.writer = Writer()
        self.notes: list[Note] = []
        self.fields: dict[str, Named] = {}
        self._field_map = fields
        self._names = 0

    @property
    def source(self) -> str:
        """The foreign text."""
        return self.passage.text

    def keep(self, start: int, end: int) -> None:
        """Keep the source between two offsets as it is: it means itself."""
        self.writer.literal(self.source[start:end], start)

    def carried(self, start: int, end: int) -> None:
        """Note that what stands between two offsets means the same in Liquid."""
        self._note("carried", start, end, "", None)

    def approximated(self, start: int, end: int, difference: str, fix: str | None = None) -> None:
        """Note that what stands between two offsets is nearly the same in Liquid.

        Args:
            start: Where it begins.
            end: Where it ends.
            difference: How it differs.
            fix: What the author can do about it.
        """
        self._note("approximated", start, end, difference, fix)

    def refused(self, start: int, end: int, reason: str, fix: str) -> None:
        """Note that what stands between two offsets was left out.

        Args:
            start: Where it begins.
            end: Where it ends.
            reason: Why it cannot be carried.
            fix: What the author must do.
        """
        self._note("refused", start, end, reason, fix)

    def field(self, foreign: str, start: int, end: int, usual: str | None = None) -> Named:
        """What a foreign name stands for; noted when nothing answers to it yet.

        Args:
            foreign: The name as written, dots between the parts of a path.
            start: Where it stands.
            end: Where it ends.
            usual: The Liquid path that it stands for unless the mapping says otherwise.
        """
        named = self._field_map.find(foreign, usual)
        if foreign not in self.fields and not named.known:
            guess = f"; the nearest trait is {named.nearest}" if named.nearest else ""
            trait = named.path.removeprefix("person.")
            self.approximated(
                start,
                end,
                f"no trait answers to {shown(foreign)}: kept as {named.path}{guess}",
                f"declare {trait} in traits.yaml, or map {shown(foreign)} in the file of --fields",
            )
        self.fields.setdefault(foreign, named)
        return named

    def maps(self, foreign: str) -> bool:
        """Whether the mapping file says what a foreign name stands for."""
        return self._field_map.maps(foreign)

    def within(self, passage: Passage) -> "Translation":
        """A translation of a piece that is put into this text."""
        return Translation(passage, self.medium, self._field_map, self._foreign)

    def take(self, inner: "Translation", at: int) -> None:
        """Put in what `within` gave, once it is translated, in the place of the tag at `at`."""
        self.writer.liquid(inner.writer.text, at)
        self.notes += inner.notes[: max(0, MAX_NOTES - len(self.notes))]
        self.fields |= inner.fields

    def string(self, text: str, at: int) -> str:
        """A text as a Liquid expression; one that needs both kinds of quotes is set first.

        Write nothing between asking for it and writing the tag that uses it.
        """
        simple = quoted(text)
        if simple is not None:
            return simple
        name = self.new_name("text")
        self.writer.liquid(f"{{% capture {name} %}}", at)
        self.writer.literal(text, at)
        self.writer.liquid("{% endcapture %}", at)
        return name

    def new_name(self, word: str) -> str:
        """A name that the Liquid of this text uses for nothing else."""
        self._names += 1
        while f"{word}_{self._names}" in self.source:
            self._names += 1
        return f"{word}_{self._names}"

    def _note(self, outcome: Outcome, start: int, end: int, message: str, fix: str | None) -> None:
        if len(self.notes) < MAX_NOTES:
            self.notes.append(
                Note(
                    outcome=outcome,
                    source=shown(self.source[start:end]),
                    where=self.passage.where(start),
                    message=message,
                    fix=fix,
                )
            )


class Dialect(ABC):
    """A template language of another system."""

    title: ClassVar[str]
    """What its users call it."""

    @abstractmethod
    def translate(self, translation: Translation) -> None:
        """Read `translation.source` and write it as Liquid.

        Any text may come; what is malformed is `refused` and kept as text. May raise AuthorError
        or `Unreadable` to refuse the whole text, with the place.
        """

    def convert(self, foreign: ForeignTemplate, fields: FieldMap | None = None) -> Converted:
        """The template as Liquid. Whatever comes in, something that Vocative can read comes out.

        Args:
            foreign: The template.
            fields: What its names stand for.
        """
        texts: dict[str, str] = {}
        notes: list[Note] = []
        named: dict[str, Named] = {}
        for key, (passage, medium) in foreign.passages().items():
            translation = self._translated(passage, medium, fields or FieldMap(), foreign)
            texts[key] = translation.writer.text
            notes += translation.notes
            named |= translation.fields
        return Converted(**texts, notes=tuple(notes), fields=named)

    def _translated(
        self, passage: Passage, medium: Medium, fields: FieldMap, foreign: ForeignTemplate
    ) -> Translation:
        translation = Translation(passage, medium, fields, foreign)
        if len(passage.text) > MAX_SOURCE_CHARACTERS:
            longest = f"a template may hold {MAX_SOURCE_CHARACTERS:,} characters"
            return _left_as_it_is(translation, AuthorError(longest))
        try:
            self.translate(translation)
            writer = translation.writer
            parse(
                Passage(writer.text, lambda offset: passage.where(writer.source(offset))),
                _ENVIRONMENTS[medium],
            )
        except AuthorError as error:
            return _left_as_it_is(translation, error)
        except Unreadable as error:
            return _left_as_it_is(translation, error.in_passage(passage))
        except RecursionError:
            return _left_as_it_is(translation, AuthorError("it is nested too deep"))
        return translation


def _left_as_it_is(translation: Translation, error: AuthorError) -> Translation:
    """The text as plain text, because as a whole it cannot be Liquid."""
    passage = translation.passage
    plain = Translation(passage, translation.medium, FieldMap())
    plain.keep(0, min(len(passage.text), MAX_SOURCE_CHARACTERS))
    plain.notes = [
        *translation.notes,
        Note(
            outcome="refused",
            source=shown(passage.text[:40]),
            where=error.where or passage.where(0),
            message=f"this text could not be translated and was left as it is: {error.message}",
            fix=error.hint or "repair it where it comes from, and convert it again",
        ),
    ]
    return plain

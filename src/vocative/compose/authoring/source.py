"""What an author writes: a template's pieces of text and where each of them stands.

In comes a template definition (`<name>.mjml` or `<name>.html` beside `<name>.yaml`, perhaps with
`<name>.txt`) and the folder's shared pieces; out goes a `TemplateSource`. Refused: keys that mean
nothing, a missing subject, text that is too long.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from vocative.errors import AuthorError, Where, nearest, unknown_name
from vocative.workspace.definitions import Definition

Markup = Literal["mjml", "html"]
"""What a template is written in; its blocks and its layout are written in the same."""
MAX_SOURCE_CHARACTERS = 300_000
BLOCKS_FOLDER = "blocks"
LAYOUTS_FOLDER = "layouts"
_MODULES = Path(__file__).parent / "modules"
_CAME_ALONG = "vocative:"
KEYS = frozenset({"subject", "preheader", "from_name", "text", "layout", "describe"})


@dataclass(frozen=True)
class Passage:
    """A text by the author and the way back to where a character of it stands."""

    text: str
    where: Callable[[int], Where] = field(repr=False, compare=False)

    @classmethod
    def of_file(cls, file: str, text: str) -> "Passage":
        """A whole file."""
        return cls(text, lambda offset: Where.in_text(file, text, offset))


Pieces = Mapping[str, Passage]
"""Shared pieces by name, all of one kind and in one markup."""


@dataclass(frozen=True, kw_only=True)
class TemplateSource:
    """A template as written, not yet compiled."""

    name: str
    body: Passage
    subject: Passage
    markup: Markup = "mjml"
    preheader: Passage | None = None
    text: Passage | None = None
    from_name: Passage | None = None
    layout: Passage | None = None
    """The page that the body is put into."""
    describe: str = ""
    blocks: Pieces = field(default_factory=dict)
    languages: "Mapping[str, TemplateSource]" = field(default_factory=dict)
    """The same template in other languages, by language tag."""
    assets: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Addresses of pictures by file name."""

    @classmethod
    def of(
        cls,
        name: str,
        *,
        subject: str,
        mjml: str | None = None,
        html: str | None = None,
        **more: Any,
    ) -> "TemplateSource":
        """A template from plain texts, such as a draft in an editor.

        Args:
            name: The template's name.
            subject: Its subject line, Liquid.
            mjml: Its body, MJML with Liquid.
            html: Its body, HTML with Liquid; instead of `mjml`.
            more: `preheader`, `text`, `from_name`, `layout` as text; `blocks` as name -> text;
                `languages` as tag -> source.
        """
        markup: Markup = "mjml" if html is None else "html"
        blocks = more.pop("blocks", {})
        for key in ("preheader", "text", "from_name", "layout"):
            if more.get(key) is not None:
                more[key] = Passage.of_file(f"{name}.{key}", more[key])
        return cls(
            name=name,
            markup=markup,
            body=Passage.of_file(f"{name}.{markup}", (mjml if html is None else html) or ""),
            subject=Passage.of_file(f"{name}.subject", subject),
            blocks={
                block: Passage.of_file(f"{BLOCKS_FOLDER}/{block}.{markup}", text)
                for block, text in blocks.items()
            },
            **more,
        )

    def lines(self) -> Iterator[tuple[str, Passage]]:
        """The parts that are plain text, with their key."""
        for key, passage in (
            ("subject", self.subject),
            ("preheader", self.preheader),
            ("from_name", self.from_name),
            ("text", self.text),
        ):
            if passage is not None:
                yield key, passage


def source_of(
    definition: Definition, pieces: "SharedPieces", *, language: str | None = None
) -> TemplateSource:
    """The source of a template that is defined in a workspace.

    Args:
        definition: The template.
        pieces: The workspace's blocks and layouts.
        language: The language it is written in, when its name tells one.

    Raises:
        AuthorError: a key is unknown or missing, or a value is not text.
        UnknownName: there is no such layout.
    """
    _check_keys(definition)
    markup: Markup = "html" if definition.suffix == ".html" else "mjml"
    file = Path(definition.text.file)
    return TemplateSource(
        name=definition.name,
        markup=markup,
        body=_limited(
            Passage.of_file(str(file.with_suffix(definition.suffix)), definition.source or "")
        ),
        subject=_from_yaml(definition, "subject"),
        preheader=_stated(definition, "preheader"),
        from_name=_stated(definition, "from_name"),
        text=_text_of(definition, str(file.with_suffix(".txt"))),
        layout=_layout_of(definition, pieces.layouts(markup, language)),
        describe=definition.body.get("describe") or "",
        blocks=pieces.blocks(markup, language),
    )


def _check_keys(definition: Definition) -> None:
    for key, value in definition.body.items():
        if key not in KEYS:
            guess = nearest(key, KEYS)
            raise AuthorError(
                f"unknown key {key!r} in a template",
                where=definition.where(key, "@key"),
                hint=f"did you mean {guess!r}?" if guess else f"known: {', '.join(sorted(KEYS))}",
            )
        if value is not None and not isinstance(value, str):
            raise AuthorError(f"{key} must be text", where=definition.where(key), hint="quote it")
    if not definition.body.get("subject"):
        raise AuthorError(
            f"the template {definition.name!r} has no subject",
            where=definition.where(),
            hint='add a line such as: subject: "Picked for you"',
        )


def _layout_of(definition: Definition, layouts: Pieces) -> Passage | None:
    name = definition.body.get("layout")
    if not name:
        return None
    if name not in layouts:
        raise unknown_name("layout", name, layouts, where=definition.where("layout"))
    return layouts[name]


def _text_of(definition: Definition, file: str) -> Passage | None:
    if definition.plain is None:
        return _stated(definition, "text")
    if definition.body.get("text"):
        raise AuthorError(
            "the plain text is written twice, here and in a file of its own",
            where=definition.where("text"),
            hint=f"remove text:, or {file}",
        )
    return _limited(Passage.of_file(file, definition.plain))


class SharedPieces:
    """The pieces that templates of a workspace share: its own, and those that come along."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read: dict[tuple[str, str], dict[str, Passage]] = {}

    def blocks(self, markup: Markup, language: str | None = None) -> Pieces:
        """Blocks by name; a block of the workspace goes before one that comes along."""
        return self._pieces(BLOCKS_FOLDER, markup, language)

    def layouts(self, markup: Markup, language: str | None = None) -> Pieces:
        """Layouts by name."""
        return self._pieces(LAYOUTS_FOLDER, markup, language)

    def _pieces(self, folder: str, markup: Markup, language: str | None) -> Pieces:
        key = (folder, markup)
        if key not in self._read:
            self._read[key] = {
                **_files(_MODULES / folder, f"*.{markup}", _CAME_ALONG),
                **_files(self._root / "templates" / folder, f"*.{markup}", f"templates/{folder}/"),
            }
        return in_language(self._read[key], language)


def _files(folder: Path, pattern: str, shown_in: str) -> dict[str, Passage]:
    """Texts by name; only the folder's own files are ever read."""
    return {
        path.stem: _limited(
            Passage.of_file(f"{shown_in}{path.name}", path.read_text(encoding="utf-8"))
        )
        for path in sorted(folder.glob(pattern))
        if path.resolve().is_relative_to(folder.resolve())
    }


def in_language(pieces: Pieces, language: str | None) -> Pieces:
    """The pieces as a template in `language` sees them: `footer.de` stands for `footer` there."""
    found = dict(pieces)
    for tag in reversed(fallbacks(language)):
        for name, passage in pieces.items():
            plain, _, written_in = name.partition(".")
            if written_in.lower() == tag:
                found[plain] = passage
    return found


@lru_cache(maxsize=1_000)
def fallbacks(language: str | None) -> tuple[str, ...]:
    """The language tags that serve somebody who reads `language`, the best first.

    >>> fallbacks("zh_Hant_TW"), fallbacks(None)
    (('zh-hant-tw', 'zh-hant', 'zh'), ())
    """
    parts = (language or "").strip().replace("_", "-").lower().split("-")
    return tuple("-".join(parts[:length]) for length in range(len(parts), 0, -1) if parts[0])


def _limited(passage: Passage) -> Passage:
    if len(passage.text) > MAX_SOURCE_CHARACTERS:
        raise AuthorError(
            f"a template may hold {MAX_SOURCE_CHARACTERS:,} characters,"
            f" this one has {len(passage.text):,}",
            where=passage.where(0),
        )
    return passage


def _stated(definition: Definition, key: str) -> Passage | None:
    return _from_yaml(definition, key) if definition.body.get(key) else None


def _from_yaml(definition: Definition, key: str) -> Passage:
    value: str = definition.body[key]
    start = definition.where(key)
    indicator = (start.source_line or "")[(start.column or 1) - 1 :][:1]
    if indicator not in ("|", ">"):
        return _limited(Passage(value, lambda offset: definition.where(key, offset=offset)))
    # A block: its lines follow the indicator, indented, and are joined by YAML in its own way.
    lines = definition.text.text.split("\n")
    starts: list[tuple[int, int]] = []
    at = 0
    for number in range(start.line or 1, len(lines)):
        found = value.find(lines[number].strip(), at)
        if found < 0:
            break
        starts.append((found, number))
        at = found + len(lines[number].strip())

    def where(offset: int) -> Where:
        found, number = max((one for one in starts if one[0] <= offset), default=(0, 0))
        line = lines[number]
        column = len(line) - len(line.lstrip()) + offset - found + 1
        return Where(file=start.file, line=number + 1, column=column, source_line=line)

    return _limited(Passage(value, where))

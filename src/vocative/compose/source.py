"""What an author writes: a template's pieces of text and where each of them stands.

In comes a template definition (`<name>.mjml` or `<name>.html` beside `<name>.yaml`) and the folder
of blocks; out goes a `TemplateSource`. Refused: keys that mean nothing, a missing subject, text
that is too long.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from vocative.errors import AuthorError, Where, nearest
from vocative.workspace.definitions import Definition

Markup = Literal["mjml", "html"]
"""What a template is written in; blocks are written in the markup of the template."""
MAX_SOURCE_CHARACTERS = 300_000
BLOCKS_FOLDER = "blocks"
KEYS = frozenset({"subject", "preheader", "from_name", "text", "describe"})


@dataclass(frozen=True)
class Passage:
    """A text by the author and the way back to where a character of it stands."""

    text: str
    where: Callable[[int], Where] = field(repr=False, compare=False)

    @classmethod
    def of_file(cls, file: str, text: str) -> "Passage":
        """A whole file."""
        return cls(text, lambda offset: Where.in_text(file, text, offset))


@dataclass(frozen=True, kw_only=True)
class TemplateSource:
    """A template as written, not yet compiled."""

    name: str
    body: Passage
    subject: Passage
    markup: Markup = "mjml"
    preheader: Passage | None = None
    text: Passage | None = None
    from_name: str | None = None
    describe: str = ""
    blocks: Mapping[str, Passage] = field(default_factory=dict)

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
            more: `preheader`, `text`, `from_name` as text; `blocks` as name -> text.
        """
        markup: Markup = "mjml" if html is None else "html"
        blocks = more.pop("blocks", {})
        for key in ("preheader", "text"):
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
        """The parts that are plain text: subject, preheader and own plain text, with their key."""
        for key, passage in (
            ("subject", self.subject),
            ("preheader", self.preheader),
            ("text", self.text),
        ):
            if passage is not None:
                yield key, passage


def source_of(
    definition: Definition, blocks: Mapping[Markup, Mapping[str, Passage]]
) -> TemplateSource:
    """The source of a template that is defined in a workspace.

    Args:
        definition: The template.
        blocks: The workspace's blocks by markup and name, see `read_blocks`.

    Raises:
        AuthorError: a key is unknown or missing, or a value is not text.
    """
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
    markup: Markup = "html" if definition.suffix == ".html" else "mjml"
    file = str(Path(definition.text.file).with_suffix(definition.suffix))
    return TemplateSource(
        name=definition.name,
        markup=markup,
        body=_limited(Passage.of_file(file, definition.source or "")),
        subject=_from_yaml(definition, "subject"),
        preheader=_from_yaml(definition, "preheader") if definition.body.get("preheader") else None,
        text=_from_yaml(definition, "text") if definition.body.get("text") else None,
        from_name=_one_line(definition.body.get("from_name")),
        describe=definition.body.get("describe") or "",
        blocks=blocks[markup],
    )


def read_blocks(root: Path) -> dict[Markup, dict[str, Passage]]:
    """The blocks of a workspace folder, by markup and name.

    Only this folder's own files are ever read.
    """
    return {"mjml": _read_pieces(root, "mjml"), "html": _read_pieces(root, "html")}


def _read_pieces(root: Path, markup: Markup) -> dict[str, Passage]:
    folder = root / "templates" / BLOCKS_FOLDER
    return {
        path.stem: _limited(
            Passage.of_file(str(path.relative_to(root)), path.read_text(encoding="utf-8"))
        )
        for path in sorted(folder.glob(f"*.{markup}"))
        if path.resolve().is_relative_to(folder.resolve())
    }


def _limited(passage: Passage) -> Passage:
    if len(passage.text) > MAX_SOURCE_CHARACTERS:
        raise AuthorError(
            f"a template may hold {MAX_SOURCE_CHARACTERS:,} characters,"
            f" this one has {len(passage.text):,}",
            where=passage.where(0),
        )
    return passage


def _one_line(text: str | None) -> str | None:
    return " ".join(text.split()) or None if text else None


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

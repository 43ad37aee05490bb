"""The documentation as tests read it: pages, code in them, headings, links."""

import re
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCED = re.compile(r"^ *```[^\n]*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


class Page:
    """One Markdown file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path.relative_to(ROOT))
        self.text = path.read_text(encoding="utf-8")

    def __repr__(self) -> str:
        return self.name

    @cached_property
    def fenced(self) -> list[str]:
        """The text of each fenced block."""
        return _FENCED.findall(self.text)

    @cached_property
    def prose(self) -> str:
        """Everything outside fenced blocks."""
        return _FENCED.sub("", self.text)

    @cached_property
    def spans(self) -> set[str]:
        """What stands in backticks in the prose."""
        return {" ".join(span.split()) for _, span in _SPAN.findall(self.prose)}

    @cached_property
    def links(self) -> list[str]:
        """Where its links lead."""
        return _LINK.findall(_SPAN.sub("", self.prose))

    @cached_property
    def headings(self) -> list[str]:
        """Its headings, without their marks."""
        return re.findall(r"^#+ (.+)$", self.prose, flags=re.MULTILINE)

    @cached_property
    def anchors(self) -> set[str]:
        """The names of its headings, as links write them."""
        plain = [re.sub(r"[^\w\- ]", "", title.lower()) for title in self.headings]
        return {title.replace(" ", "-") for title in plain}


def pages() -> list[Page]:
    """Every page that is for readers."""
    found = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    found += sorted((ROOT / "docs").rglob("*.md"))
    return [Page(path) for path in found if path.exists()]


def page(name: str) -> Page:
    """A page of docs/."""
    return Page(ROOT / "docs" / name)


def missing(names: set[str], *places: str) -> list[str]:
    """Names that are neither in backticks nor a heading on any of these pages of docs/."""
    found = [page(place) for place in places]
    return sorted(names.difference(*(one.spans for one in found), *(one.headings for one in found)))

"""What the documentation says can be typed and followed: commands, flags, links."""

import itertools
import re
import shlex

import click
import pytest
from pages import ROOT, Page, pages

from vocative.cli.main import main

_PLACEHOLDER = re.compile(r"[A-Z][A-Z_]*|…|\[.*\]|COMMAND")
ALL = pages()


def invocations(page: Page) -> set[str]:
    """Every `vocative …` of a page that stands in code."""
    lines = list(page.spans)
    for block in page.fenced:
        lines += [line.strip().removeprefix("$ ") for line in block.splitlines()]
    matches = (re.match(r"(?:\.venv/bin/)?vocative (.+)", line) for line in lines)
    return {match.group(1) for match in matches if match}


def words_of(text: str) -> list[str]:
    """The words of a command, up to a pipe, a comment or the next command."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(itertools.takewhile(lambda word: word[0] not in "|&;><", lexer))


@pytest.mark.parametrize("page", ALL, ids=repr)
def test_commands_and_flags_exist(page: Page) -> None:
    wrong = [text for text in sorted(invocations(page)) if not _exists(text)]
    assert wrong == []


def _exists(text: str) -> bool:
    words = words_of(text)
    command: click.Command = main
    context = click.Context(main, info_name="vocative")
    while words and isinstance(command, click.Group):
        found = command.get_command(context, words[0])
        if found is None:
            return words[0].startswith("--") or _PLACEHOLDER.fullmatch(words[0]) is not None
        command, words = found, words[1:]
        context = click.Context(command, parent=context, info_name=command.name)
    flags = {"--help", "-h", "--version"}
    for parameter in command.get_params(context):
        flags |= set(parameter.opts) | set(parameter.secondary_opts)
    return all(word.partition("=")[0] in flags for word in words if word.startswith("-"))


@pytest.mark.parametrize("page", ALL, ids=repr)
def test_links_lead_somewhere(page: Page) -> None:
    known = {other.path.resolve(): other for other in ALL}
    broken = []
    for link in page.links:
        if re.match(r"https?:|mailto:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.path.parent / file).resolve() if file else page.path.resolve()
        there = target.exists() and ROOT in (target, *target.parents)
        if not there or (anchor and anchor not in known[target].anchors):
            broken.append(link)
    assert broken == []


def test_every_page_can_be_reached() -> None:
    start = ROOT / "README.md"
    known = {page.path.resolve(): page for page in ALL}
    seen, left = set(), [start.resolve()]
    while left:
        here = left.pop()
        if here in seen or here not in known:
            continue
        seen.add(here)
        left += [(here.parent / link.partition("#")[0]).resolve() for link in known[here].links]
    assert sorted(str(path.relative_to(ROOT)) for path in set(known) - seen) == []

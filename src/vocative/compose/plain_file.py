"""The plain text of a template as a file of its own, derived once and then its author's.

`<name>.txt` begins with a comment that says what it was derived from. As long as nobody edits it,
it is derived again when asked. Once edited it is kept, and a warning says when the HTML has moved
on since.
"""

import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import msgspec

from vocative.compose.authoring.languages import read_each
from vocative.compose.authoring.source import TemplateSource
from vocative.compose.findings import Finding
from vocative.compose.template import derived_text
from vocative.errors import StateError, unknown_name

if TYPE_CHECKING:
    from vocative.workspace import Workspace

_NOTE = re.compile(
    r"\A\{% comment %\}derived ([0-9a-f]{12}), do not edit this line\{% endcomment %\}\n"
)


class PlainText(msgspec.Struct, frozen=True, kw_only=True):
    """A template's plain text and where it stands."""

    template: str
    text: str
    """As derived from the HTML now."""
    file: str | None
    """The file that was written, if one was."""
    state: Literal["derived", "written", "kept"]
    """Not in a file; in a file as derived; in a file that its author edited."""


def derive_text(
    workspace: "Workspace", template: str, *, write: bool = False, accept: bool = False
) -> PlainText:
    """The plain text of a template as derived from its HTML; put into a file when asked.

    Args:
        workspace: Where.
        template: The template's name.
        write: Write templates/NAME.txt, unless it was edited.
        accept: Keep an edited file and note that it fits the HTML as it is now.

    Raises:
        UnknownName: there is no such template.
        AuthorError: the template is wrong.
        StateError: the plain text is in the YAML; nothing is written.
    """
    sources = {source.name: source for source in read_each(workspace)}
    if template not in sources:
        raise unknown_name("template", template, sources)
    source = sources[template]
    text = derived_text(replace(source, text=None))
    path = workspace.root / "templates" / f"{template}.txt"
    shown_as = str(path.relative_to(workspace.root))
    if source.text is not None and not path.exists():
        raise StateError(
            f"the template {template!r} has its plain text in the YAML",
            hint=f"move it to {shown_as}, or remove `text:`",
        )
    edited = path.exists() and not _is_as_derived(path.read_text(encoding="utf-8"))
    if edited:
        if accept:
            own = _NOTE.sub("", path.read_text(encoding="utf-8"))
            path.write_text(_note(text) + own, encoding="utf-8")
        return PlainText(template=template, text=text, file=shown_as, state="kept")
    if not write:
        return PlainText(template=template, text=text, file=None, state="derived")
    path.write_text(_note(text) + text, encoding="utf-8")
    return PlainText(template=template, text=text, file=shown_as, state="written")


def check_plain_file(source: TemplateSource) -> list[Finding]:
    """A warning when the HTML has moved on since the plain text was derived from it.

    Raises:
        AuthorError: the template is wrong.
    """
    noted = _NOTE.match(source.text.text) if source.text else None
    if source.text is None or noted is None:
        return []
    now = derived_text(replace(source, text=None))
    if noted[1] == _hash(now):
        return []
    edited = not _is_as_derived(source.text.text)
    fix = (
        f"bring it up to date, then run `vocative template text {source.name} --accept`"
        if edited
        else f"run `vocative template text {source.name} --write`"
    )
    return [
        Finding(
            severity="warning",
            code="text_is_older",
            message="the HTML was changed since this plain text was derived from it",
            where=source.text.where(0),
            fix=fix,
        )
    ]


def _is_as_derived(text: str) -> bool:
    noted = _NOTE.match(text)
    return noted is not None and noted[1] == _hash(text[noted.end() :])


def _note(text: str) -> str:
    return f"{{% comment %}}derived {_hash(text)}, do not edit this line{{% endcomment %}}\n"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]

"""The guide's example is a template that works and passes the check."""

import re
from pathlib import Path

from mails import data

from vocative.compose import check_template, load_template, read_source
from vocative.sql import Field
from vocative.workspace import Workspace

GUIDE = Path(__file__).parents[2] / "docs" / "templates.md"


def examples() -> dict[str, str]:
    text = GUIDE.read_text(encoding="utf-8")
    return dict(re.findall(r"^```(mjml|yaml)\n(.*?)^```", text, re.MULTILINE | re.DOTALL))


def test_the_example_works(workspace: Workspace, catalog: dict[str, Field]):
    folder = workspace.root / "templates"
    folder.mkdir()
    for kind, text in examples().items():
        (folder / f"autumn.{kind}").write_text(text, encoding="utf-8")
    assert check_template(read_source(workspace, "autumn"), catalog) == []
    rendered = load_template(workspace, "autumn").render(data())
    assert rendered.subject == "Ann, autumn is here"
    assert "£49.00" in rendered.html
    assert "good to see you" in rendered.text


def test_the_mistake_it_shows_is_shown_so(workspace: Workspace, catalog: dict[str, Field]):
    folder = workspace.root / "templates"
    folder.mkdir()
    found = examples()
    (folder / "autumn.yaml").write_text(found["yaml"], encoding="utf-8")
    wrong = found["mjml"].replace("person.first_name", "person.frist_name", 1)
    (folder / "autumn.mjml").write_text(wrong, encoding="utf-8")
    shown = str(check_template(read_source(workspace, "autumn"), catalog)[0])
    assert shown in GUIDE.read_text(encoding="utf-8")

"""The guide's example is a template that works and passes the check."""

import re
from pathlib import Path

import pytest
from mails import data

from vocative.compose import check_template, load_template, read_source
from vocative.sql import Field
from vocative.workspace import Workspace

GUIDE = Path(__file__).parents[2] / "docs" / "templates.md"


def examples() -> dict[str, str]:
    text = GUIDE.read_text(encoding="utf-8")
    return dict(re.findall(r"^```(mjml|yaml)\n(.*?)^```", text, re.MULTILINE | re.DOTALL))


def files() -> dict[str, str]:
    """Examples that say which file they are."""
    text = GUIDE.read_text(encoding="utf-8")
    return dict(re.findall(r"^```(?:mjml|yaml) (\S+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL))


def filter_examples() -> list[str]:
    section = GUIDE.read_text(encoding="utf-8").partition("Filters are Liquid's own")[2]
    return re.findall(r"`(\{[{%].*?)`", section.partition("\n## ")[0])


def test_the_layout_the_block_and_the_template_of_the_guide_work(
    workspace: Workspace, catalog: dict[str, Field]
):
    for name, text in files().items():
        (workspace.root / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace.root / name).write_text(text, encoding="utf-8")
    assert check_template(read_source(workspace, "thanks"), catalog) == []
    rendered = load_template(workspace, "thanks").render(data())
    assert rendered.subject == "Thank you, Ann"
    assert "Your order <https://shop.example/orders>" in rendered.text
    assert "Thank you. The Shop" in rendered.text
    assert "Unsubscribe: https://shop.example/u/token" in rendered.text


@pytest.mark.parametrize("example", filter_examples())
def test_the_filters_of_the_guide_work(render, example: str):
    person = {"last_order_at": "2026-03-02T09:30:00Z", "points": None}
    found = render("", subject=f"x{example}", data={"person": person, "time_zone": "Asia/Tokyo"})
    assert "{" not in found.subject


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

"""Templates of other systems are taken into a workspace, their sources kept."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from vocative.cli.start import init
from vocative.compose import compile_template, read_source
from vocative.compose.authoring.source import Passage
from vocative.compose.converting import convert, read_foreign, template_name
from vocative.errors import AuthorError, StateError, UnknownName
from vocative.workspace import Workspace

WELCOME = (
    "<html><head><title>Hello *|FNAME|*</title></head><body><p>Dear *|MMERGE5|* *|FEED:x|*</p>"
    '<a href="*|UNSUB|*">Leave</a> *|LIST:ADDRESS|*</body></html>\n'
)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    init(tmp_path / "shop")
    with Workspace(tmp_path / "shop") as opened:
        yield opened


@pytest.fixture
def welcome(tmp_path: Path) -> str:
    file = tmp_path / "Welcome Mail.html"
    file.write_text(WELCOME, encoding="utf-8")
    return str(file)


def test_a_file_becomes_a_template_and_is_kept(workspace: Workspace, welcome: str) -> None:
    (done,) = convert(workspace, [welcome], from_="mailchimp")
    assert done.template == "welcome_mail"
    assert (done.refused, done.new_traits) == (1, ("mmerge5",))
    kept = workspace.root / "templates" / "sources" / "welcome_mail.mailchimp.html"
    assert kept.read_text("utf-8") == WELCOME
    source = read_source(workspace, "welcome_mail")
    assert source.subject.text == 'Hello {{ person.first_name | default: "" }}'
    assert not [found for found in done.findings if found.severity == "error"]
    data = {
        "person": {"first_name": "A", "mmerge5": "B"},
        "unsubscribe_url": "https://shop.example/u",
        "postal_address": "1 Street",
    }
    rendered = compile_template(source).render(data)
    assert rendered.subject == "Hello A"
    assert "Dear B" in rendered.html


def test_nothing_is_written_by_a_dry_run(workspace: Workspace, welcome: str) -> None:
    before = sorted(workspace.root.rglob("*"))
    (done,) = convert(workspace, [welcome], from_="mailchimp", dry_run=True)
    assert (done.written, done.refused) == ((), 1)
    assert sorted(workspace.root.rglob("*")) == before


def test_a_template_is_not_written_over_unasked(workspace: Workspace, welcome: str) -> None:
    convert(workspace, [welcome], from_="mailchimp")
    with pytest.raises(StateError, match="welcome_mail"):
        convert(workspace, [welcome], from_="mailchimp")
    convert(workspace, [welcome], from_="mailchimp", subject="New", replace=True)
    assert read_source(workspace, "welcome_mail").subject.text == "New"


def test_fields_and_parts_are_read(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "fields.yaml").write_text("shoe: city\n", encoding="utf-8")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "foot.html").write_text("Bye {{customer.shoe}}", encoding="utf-8")
    mail = tmp_path / "a.html"
    mail.write_text("<p>{{snippets.foot}}</p>", encoding="utf-8")
    (tmp_path / "a.txt").write_text("{{customer.first_name}}", encoding="utf-8")
    (tmp_path / "customer.yaml").write_text("customer.shoe: city\n", encoding="utf-8")
    convert(
        workspace,
        [str(mail)],
        from_="customerio",
        fields=tmp_path / "customer.yaml",
        parts=tmp_path / "parts",
    )
    written = (workspace.root / "templates" / "a.html").read_text("utf-8")
    assert written == '<p>Bye {{ person.city | default: "" }}</p>'
    plain = (workspace.root / "templates" / "a.txt").read_text("utf-8")
    assert plain == '{{ person.first_name | default: "" }}'


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\xff\xfe", "not UTF-8"), (b"x" * 2_000_001, "larger than"), (None, "cannot be read")],
)
def test_a_file_that_is_no_text_is_refused(
    workspace: Workspace, tmp_path: Path, content: bytes | None, message: str
) -> None:
    file = tmp_path / "a.html"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(AuthorError, match=message):
        convert(workspace, [str(file)], from_="klaviyo")


def test_wrong_arguments_are_told(workspace: Workspace, welcome: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownName):
        convert(workspace, [welcome], from_="mailchump")
    with pytest.raises(AuthorError, match="two of the files"):
        convert(workspace, [welcome, welcome], from_="mailchimp")
    with pytest.raises(AuthorError, match="folder of parts"):
        convert(workspace, [welcome], from_="mailchimp", parts=tmp_path / "none")


def test_mjml_stays_mjml(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "spring.mjml"
    file.write_text(
        "<mjml><mj-body><mj-section><mj-column><mj-text>{{ user.name }}</mj-text></mj-column>"
        "</mj-section></mj-body></mjml>",
        encoding="utf-8",
    )
    (done,) = convert(workspace, [str(file)], from_="liquid", subject="Spring")
    assert "templates/spring.mjml" in done.written
    assert read_source(workspace, "spring").markup == "mjml"


@pytest.mark.parametrize(
    ("head", "subject"),
    [
        ("<title>A &amp; B</title>", "A & B"),
        ("<title>*|MC:SUBJECT|*</title>", "Autumn news"),
        ("", "Autumn news"),
    ],
)
def test_the_subject_is_the_title_of_the_page(tmp_path: Path, head: str, subject: str) -> None:
    file = tmp_path / "autumn-news.html"
    file.write_text(head, encoding="utf-8")
    foreign = read_foreign(file)
    assert isinstance(foreign.subject, Passage)
    assert foreign.subject.text == subject
    assert template_name(Path("?.html")) == "imported"


def test_the_command_reports_every_part(workspace: Workspace, welcome: str) -> None:
    from click.testing import CliRunner

    from vocative.cli.main import main

    words = ["convert", welcome, "--from", "mailchimp", "--to", "liquid", "-w", str(workspace.root)]
    told = CliRunner().invoke(main, [*words, "--dry-run"])
    assert told.exit_code == 0, told.output
    assert "refused: *|FEED:x|*" in told.output
    assert "Declare in traits.yaml: mmerge5" in told.output
    (found,) = json.loads(CliRunner().invoke(main, [*words, "--json"]).stdout)
    assert found["refused"] == 1
    assert found["notes"][0]["where"]["line"] == 1
    assert "templates/welcome_mail.html" in found["written"]

"""A template looked at before anybody gets it: as a person, as nobody, or with made-up data."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from vocative.campaign.asked import Asked, Shelf
from vocative.campaign.explain import find_person
from vocative.campaign.rendering import Facts
from vocative.compose.apart.process import render_apart
from vocative.compose.authoring.languages import read_template, written_in
from vocative.compose.authoring.versions import settled, version_of
from vocative.compose.checking.sample import sample_data
from vocative.compose.kept import FOLDER, source_of_version, text_diff, unified
from vocative.compose.language.amounts import zone_or
from vocative.compose.language.lookups import LOOKUPS
from vocative.compose.markup.schemes import in_scheme
from vocative.compose.template import Rendered
from vocative.errors import unknown_name
from vocative.predict import read_models
from vocative.segment import field_catalog
from vocative.workspace import Workspace

_PRODUCTS = 4


class TemplateSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One template in a list."""

    name: str
    describe: str
    markup: Literal["mjml", "html"]
    languages: list[str]
    """Others than the workspace's own."""
    version: str


class TemplatePreview(msgspec.Struct, frozen=True, kw_only=True):
    """A template rendered for one person, for nobody, or with made-up data."""

    template: str
    version: str
    language: str
    from_name: str
    subject: str
    preheader: str
    html: str
    text: str
    branches: list[str]
    """The arms of conditions that were taken."""
    shown: Literal["html", "text"] = "text"
    """What the command line prints."""


class TemplateDiff(msgspec.Struct, frozen=True, kw_only=True):
    """What changed between two states of a template, as unified diffs."""

    written: str
    """In what the author wrote."""
    rendered: str
    """In the subject, preheader and plain text that somebody gets."""


def list_templates(workspace: Workspace) -> list[TemplateSummary]:
    """The templates of a workspace, those in another language with their own.

    Raises:
        AuthorError: the files of one are wrong.
    """
    found = []
    for name in workspace.definitions("template"):
        if written_in(name) is None:
            source = read_template(workspace, name)
            found.append(
                TemplateSummary(
                    name=name,
                    describe=source.describe,
                    markup=source.markup,
                    languages=sorted(source.languages),
                    version=version_of(source),
                )
            )
    return found


def preview_template(
    workspace: Workspace,
    template: str,
    *,
    person: str | None = None,
    nobody: bool = False,
    recommender: str | None = None,
    version: str = FOLDER,
    language: str | None = None,
    scheme: Literal["light", "dark"] | None = None,
    as_: Literal["html", "text"] = "text",
) -> TemplatePreview:
    """Render a template without sending it.

    Args:
        workspace: Where.
        template: The template's name.
        person: A person id, e-mail address or user id; made-up data without one.
        nobody: Render it for somebody of whom nothing is known, whoever the person is.
        recommender: Whose items to show to the person; none unless told.
        version: A version of the template, or `folder`.
        language: As if the person read this language.
        scheme: As a screen in light or dark shows it; as each screen prefers unless told.
        as_: What the command line prints.

    Raises:
        UnknownName: there is no such template, version, person or recommender.
        AuthorError: the template is wrong.
    """
    data = _data(workspace, None if nobody else person, recommender, nobody=nobody)
    if language:
        data["person"] = {**data["person"], "language": language}
    rendered = _render(workspace, template, version, data)
    html = rendered.html if scheme is None else in_scheme(rendered.html, scheme)
    return TemplatePreview(
        template=template,
        version=rendered.version,
        language=rendered.language or workspace.settings.language,
        from_name=rendered.from_name or workspace.settings.sender.name,
        subject=rendered.subject,
        preheader=rendered.preheader,
        html=html,
        text=rendered.text,
        branches=list(rendered.branches),
        shown=as_,
    )


def diff_template(
    workspace: Workspace,
    template: str,
    old: str,
    new: str = FOLDER,
    *,
    person: str | None = None,
) -> TemplateDiff:
    """What changed between two versions, in what was written and in what somebody gets.

    Args:
        workspace: Where.
        template: The template's name.
        old: A version.
        new: A version, or `folder` for what the folder has now.
        person: For whom both are rendered; made-up data without one.

    Raises:
        UnknownName: there is no such template, version or person.
        AuthorError: a version cannot be rendered.
    """
    written = text_diff(
        source_of_version(workspace, template, old), source_of_version(workspace, template, new)
    )
    data = _data(workspace, person, None, nobody=False)
    before = _told(_render(workspace, template, old, data))
    after = _told(_render(workspace, template, new, data))
    return TemplateDiff(written=written, rendered=unified(before, after, "mail"))


def _render(workspace: Workspace, template: str, version: str, data: Mapping[str, Any]) -> Rendered:
    """Render in a process apart: what somebody typed was looked at by nobody yet."""
    source = settled(source_of_version(workspace, template, version))
    return render_apart(source, data, clock=workspace.clock, language=workspace.settings.language)


def _told(rendered: Rendered) -> str:
    return f"{rendered.subject}\n{rendered.preheader}\n\n{rendered.text}"


def _data(
    workspace: Workspace, person: str | None, recommender: str | None, *, nobody: bool
) -> dict[str, Any]:
    settings = workspace.settings
    if person is None and not nobody:
        data = sample_data(field_catalog(workspace), "usual")
        facts, person_id = data["person"], ""
        # Pictures that this server draws itself: a preview asks no other for anything.
        pictures = f"{settings.base_url}/demo/items/"
        products = [{**one, "image_url": f"{pictures}{one['id']}.svg"} for one in data["products"]]
    else:
        person_id = find_person(workspace, person) if person else ""
        facts, products = _facts(workspace, person_id), []
        data = {"offer": None, "variant": None}
    asked = Asked(Shelf(workspace), person_id, {})
    if recommender is not None:
        known = [name for name, one in read_models(workspace).items() if one.kind == "recommender"]
        if recommender not in known:
            raise unknown_name("recommender", recommender, known)
        products = asked.recommend(recommender, _PRODUCTS)
    return {
        **data,
        "person": facts,
        "products": products,
        "campaign": {"name": "preview"},
        "unsubscribe_url": f"{settings.base_url}/u/preview",
        "preferences_url": f"{settings.base_url}/p/preview",
        "view_url": f"{settings.base_url}/v/preview",
        "postal_address": settings.postal_address,
        "sender_name": settings.sender.name,
        "time_zone": zone_or(facts.get("timezone"), settings.timezone),
        "currency": settings.currency,
        LOOKUPS: asked,
    }


def _facts(workspace: Workspace, person_id: str) -> dict[str, Any]:
    personal: Mapping[str, str] = {}
    if person_id:
        with workspace.store.read() as tx:
            personal = workspace.vault.get(tx, person_id)
    ids = [person_id] if person_id else []
    return Facts(workspace, ids).of([person_id], {person_id: personal})[person_id]

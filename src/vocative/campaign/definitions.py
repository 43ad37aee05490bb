"""What `campaigns/*.yaml` say: audience, template, experiment, holdout, offers, goal.

A definition comes in, a checked `Campaign` goes out. Refused, with file, line and column: unknown
segments, templates and recommenders, shares outside their range, variants without weight.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec

from vocative.campaign.canary import Canary, CanaryBody
from vocative.campaign.problems import known_rules
from vocative.campaign.schedule import ScheduleBody, check_schedule
from vocative.compose import check_line, load_template
from vocative.decide import Offer, offer_place, read_codes
from vocative.errors import AuthorError, unknown_name
from vocative.predict import read_models
from vocative.segment import Plan, build_plan, field_catalog
from vocative.segment.audience import checked_condition
from vocative.segment.plan import base_name
from vocative.sql import Field, in_document
from vocative.workspace import Definition, Workspace
from vocative.workspace.durations import seconds_of
from vocative.workspace.settings import convert

_SHARE = re.compile(r"(\d+(?:\.\d+)?) ?%")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


class Variant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One arm of a campaign's experiment; what it leaves out is the template's."""

    weight: float = 1.0
    subject: str | None = None
    template: str | None = None


class Goal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a campaign is for."""

    event: str = "Order Completed"
    within: str = "7d"
    value: Literal["revenue"] | None = "revenue"


class PreflightBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is looked at before a campaign is sent, and what stops it."""

    sample: int | None = None
    """How many people to render; all of them unless told."""
    at_most: dict[str, str | float] = {}
    """The largest share of people that may have a problem."""


class CampaignBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys a campaign may have."""

    template: str
    segment: str | None = None
    where: str | None = None
    exclude: list[str] = []
    purpose: str = "marketing"
    channel: str = "email"
    holdout: str | float = 0.0
    variants: dict[str, Variant] = {}
    recommender: str | None = None
    products: int = 4
    offers: list[Offer] = []
    goal: Goal = Goal()
    schedule: ScheduleBody = ScheduleBody()
    canary: CanaryBody | None = None
    approve_above: Annotated[int, msgspec.Meta(ge=0)] | None = None
    priority: Annotated[float, msgspec.Meta(ge=0, le=1_000_000)] = 0.0
    preflight: PreflightBody = PreflightBody()
    describe: str = ""


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """A checked campaign. `holdout` is a share in [0, 1)."""

    name: str
    body: CampaignBody
    holdout: float
    variants: dict[str, Variant]
    definition: Definition
    canary: Canary | None = None

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each variant."""
        return {name: variant.weight for name, variant in self.variants.items()}

    def as_json(self) -> dict[str, Any]:
        """The definition as a run keeps it."""
        kept: dict[str, Any] = msgspec.to_builtins(self.body)
        kept["name"] = self.name
        kept["holdout"] = self.holdout
        kept["variants"] = msgspec.to_builtins(self.variants)
        return kept


def read_campaign(workspace: Workspace, name: str) -> Campaign:
    """One campaign of a workspace, checked.

    Raises:
        UnknownName: there is no such campaign, or it names something that does not exist.
        AuthorError: its definition is wrong.
    """
    definitions = workspace.definitions("campaign")
    if name not in definitions:
        raise unknown_name("campaign", name, definitions)
    return _checked(workspace, definitions[name], build_plan(workspace))


def check_definitions(workspace: Workspace) -> None:
    """Check every campaign.

    Raises:
        AuthorError: one is wrong.
    """
    plan = build_plan(workspace)
    for definition in workspace.definitions("campaign").values():
        _checked(workspace, definition, plan)


def _checked(workspace: Workspace, definition: Definition, plan: Plan) -> Campaign:
    body = convert(definition.text, definition.path, definition.body, CampaignBody)
    if not _NAME.fullmatch(definition.name):
        raise AuthorError(
            f"the campaign name {definition.name!r} is not a plain lower-case word",
            where=definition.where("@key"),
            hint="use letters, digits and _",
        )
    _check_audience(definition, body, plan)
    _check_names(workspace, definition, body)
    for index, offer in enumerate(body.offers):
        checked_condition(plan, offer.when, offer_place(definition, index, offer.when))
        _check_codes(workspace, definition, index, offer)
    holdout = parse_share(definition, body.holdout, "holdout")
    variants = body.variants or {"only": Variant()}
    for name, variant in variants.items():
        if name == "holdout" or variant.weight <= 0:
            raise AuthorError(
                "a variant needs a weight above 0 and a name other than holdout",
                where=definition.where("variants", name, "@key"),
            )
    if not 0 <= body.products <= 50:
        raise AuthorError("products must be from 0 to 50", where=definition.where("products"))
    parse_days(definition, body.goal.within)
    check_schedule(definition, body.schedule, workspace.settings)
    campaign = Campaign(
        name=definition.name,
        body=body,
        holdout=holdout,
        variants=variants,
        definition=definition,
        canary=_canary(definition, body.canary),
    )
    fields = field_catalog(workspace)
    _check_preflight(definition, body.preflight, fields)
    for name, variant in variants.items():
        load_template(workspace, variant.template or body.template)
        if variant.subject is not None:
            place = definition.where("variants", name, "subject")
            for finding in check_line(variant.subject, fields, where=place):
                if finding.severity == "error":
                    raise finding.as_error()
    return campaign


def _check_codes(workspace: Workspace, definition: Definition, index: int, offer: Offer) -> None:
    if offer.codes is None:
        return
    place = definition.where("offers", index, "codes")
    if offer.code is not None:
        raise AuthorError("an offer has either code: or codes:", where=place, hint="remove one")
    read_codes(workspace, offer.codes, where=place)


def _check_audience(definition: Definition, body: CampaignBody, plan: Plan) -> None:
    if (body.segment is None) == (body.where is None):
        raise AuthorError(
            "a campaign needs either segment: or where:",
            where=definition.where("segment" if body.segment else "@key"),
        )
    if body.segment is not None:
        _known("segment", body.segment, plan.segments, definition, "segment")
    if body.where is not None:
        place = in_document(
            body.where,
            file=definition.text.file,
            document=definition.text.text,
            start=definition.where("where"),
        )
        checked_condition(plan, body.where, place)
    for index, name in enumerate(body.exclude):
        _known("segment", name, plan.segments, definition, "exclude", index)


def _check_names(workspace: Workspace, definition: Definition, body: CampaignBody) -> None:
    templates = workspace.definitions("template")
    _known("template", body.template, templates, definition, "template")
    for name, variant in body.variants.items():
        if variant.template is not None:
            _known("template", variant.template, templates, definition, "variants", name)
    _known("purpose", body.purpose, workspace.settings.purposes, definition, "purpose")
    if body.recommender is not None:
        known = [
            name for name, model in read_models(workspace).items() if model.kind == "recommender"
        ]
        _known("recommender", body.recommender, known, definition, "recommender")
    best = body.schedule.best_hour
    if best is not None and best.score is not None:
        models = [m for m, model in read_models(workspace).items() if model.kind != "recommender"]
        _known("model", best.score, models, definition, "schedule", "best_hour", "score")


def _known(
    what: str, name: str, known: Iterable[str], definition: Definition, *path: str | int
) -> None:
    plain = base_name(name) if what == "segment" else name
    if plain not in known:
        raise unknown_name(what, name, known, where=definition.where(*path))


def parse_share(definition: Definition, written: str | float, *path: str | int) -> float:
    """A share that is written like 10% or 0.1.

    Raises:
        AuthorError: it is not, or it is not below 100 %.
    """
    percent = _SHARE.fullmatch(written.strip()) if isinstance(written, str) else None
    share = float(percent.group(1)) / 100 if percent else written
    if not isinstance(share, int | float) or not 0 <= share < 1:
        raise AuthorError(
            f"{written!r} is no share",
            where=definition.where(*path),
            hint="write 10% or 0.1; it must be below 100 %",
        )
    return float(share)


def _canary(definition: Definition, body: CanaryBody | None) -> Canary | None:
    if body is None:
        return None
    wait = seconds_of(body.wait)
    if wait is None:
        raise AuthorError(
            f"{body.wait!r} is no length of time",
            where=definition.where("canary", "wait"),
            hint="write 30min, 2h or 1d",
        )
    share = parse_share(definition, body.share, "canary", "share")
    if share == 0:
        raise AuthorError(
            "the first share must be above 0", where=definition.where("canary", "share")
        )
    return Canary(
        share=share,
        wait=timedelta(seconds=wait),
        errors=parse_share(definition, body.errors, "canary", "errors"),
        complaints=parse_share(definition, body.complaints, "canary", "complaints"),
    )


def _check_preflight(
    definition: Definition, body: PreflightBody, fields: Mapping[str, Field]
) -> None:
    if body.sample is not None and body.sample < 1:
        raise AuthorError(
            "a sample has at least one person", where=definition.where("preflight", "sample")
        )
    for rule, written in body.at_most.items():
        known = known_rules(list(fields))
        if rule not in known:
            place = definition.where("preflight", "at_most", rule, "@key")
            raise unknown_name("rule", rule, known, where=place)
        parse_share(definition, written, "preflight", "at_most", rule)


def parse_days(definition: Definition, written: str) -> float:
    """The length of a goal's window in days.

    Raises:
        AuthorError: it is not written like 7d, 48h or 2w.
    """
    seconds = seconds_of(written)
    if seconds is None:
        raise AuthorError(
            f"{written!r} is no length of time",
            where=definition.where("goal", "within"),
            hint="write 48h, 7d or 2w",
        )
    return seconds / 86_400

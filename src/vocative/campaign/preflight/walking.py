"""Renders a campaign's audience as a send would, and sends nothing.

In comes a campaign, out goes a `Preflight`. The people, the decisions and the messages come from
what sends campaigns (`planned_messages`, `Renderer`), so a pre-flight cannot say otherwise than
the send. Nothing is planned, no offer code is given away, no address is looked at.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from vocative.campaign.audience import FIRST, audience, planned_messages
from vocative.campaign.definitions import Campaign, read_campaign
from vocative.campaign.preflight.addresses import Addresses
from vocative.campaign.preflight.report import Preflight
from vocative.campaign.preflight.rules import broken_rules
from vocative.campaign.preflight.tally import Looked, Tally, lacking
from vocative.campaign.problems import Problem
from vocative.campaign.rendering import Renderer
from vocative.compose.authoring.source import fallbacks
from vocative.compose.checking.check import CLIP_BYTES
from vocative.compose.checking.used import branch_labels, used_fields
from vocative.decide import HOLDOUT, sellable_items
from vocative.decide.products import FALLBACK_REASON
from vocative.deliver.ledger import Claim, PlannedMessage
from vocative.deliver.links import LinkSigner
from vocative.deliver.message import OutgoingMessage, Skip
from vocative.errors import AuthorError, StateError
from vocative.ids import stable_fraction
from vocative.segment import advance, field_catalog
from vocative.workspace import Workspace

LONG_SUBJECT = 70
"""Characters; most inboxes on a computer show fewer."""
_BATCH = 200
_BRANCHES = 200
_LINKS = 20


def preflight(
    workspace: Workspace,
    campaign: str,
    *,
    occurrence: str = FIRST,
    sample: int | None = None,
    follow_links: bool = False,
    progress: Callable[..., None] | None = None,
) -> Preflight:
    """Render everything a campaign would send now, and tell what is worth looking at.

    Args:
        workspace: Whose campaign.
        campaign: Its name.
        occurrence: Which of its runs; it decides who gets which variant.
        sample: How many people to render, drawn the same way each time; all of them unless told.
        follow_links: Also ask for the page behind each link, without its body; up to 500.
        progress: Told how far it is.

    Raises:
        UnknownName: there is no such campaign.
        AuthorError: the campaign or its template is wrong.
        StateError: nobody is in the audience, or an offer has too few codes.
    """
    found = read_campaign(workspace, campaign)
    # As for a send: the audience is exact at this instant.
    advance(workspace)
    return look_at(
        workspace,
        found,
        occurrence,
        sample=found.body.preflight.sample if sample is None else sample,
        follow_links=follow_links,
        progress=progress,
    )


def look_at(
    workspace: Workspace,
    campaign: Campaign,
    occurrence: str,
    *,
    sample: int | None = None,
    follow_links: bool = False,
    progress: Callable[..., None] | None = None,
) -> Preflight:
    """`preflight` of a campaign that was read, on segments as they are."""
    began = time.monotonic()
    everybody = audience(workspace, campaign)
    if not everybody:
        raise StateError(
            f"nobody is in the audience of {campaign.name}",
            where=campaign.definition.where("segment" if campaign.body.segment else "where"),
            hint="see `vocative segment list`, or import data first",
        )
    people = _drawn(everybody, sample)
    walk = _Walk(workspace, campaign, occurrence, people)
    for done in walk.steps():
        if progress is not None:
            progress(done, len(people), "rendering")
    followed = walk.addresses.follow() if follow_links else 0
    tally = walk.tally
    return Preflight(
        campaign=campaign.name,
        occurrence=occurrence,
        audience=len(everybody),
        held_out=walk.held_out,
        rendered=tally.rendered,
        sampled=len(people) < len(everybody),
        variants=dict(tally.variants),
        problems=tally.found(),
        broken_rules=broken_rules(campaign, tally.problems, tally.gaps, tally.rendered),
        branches=tally.branches_of(walk.labels)[:_BRANCHES],
        gaps=tally.gaps_of(walk.fields),
        languages=tally.by_language(),
        longest_subjects=tally.longest_subjects(),
        links=len(walk.addresses),
        links_followed=followed,
        broken_links=walk.addresses.broken(_LINKS),
        worst=list(tally.worst()),
        error=walk.error,
        seconds=round(time.monotonic() - began, 2),
    )


def _drawn(people: list[str], sample: int | None) -> list[str]:
    """Exactly `sample` of the people, the same each time."""
    if sample is None or sample >= len(people):
        return people
    sample = max(sample, 1)
    return sorted(sorted(people, key=lambda one: stable_fraction("preflight", one))[:sample])


class _Walk:
    """One way through an audience."""

    def __init__(
        self, workspace: Workspace, campaign: Campaign, occurrence: str, people: list[str]
    ) -> None:
        self._workspace = workspace
        self._campaign = campaign
        self._planned = planned_messages(workspace, campaign, occurrence, people)
        self._renderer = Renderer(workspace, campaign, people)
        self._items = sellable_items(workspace)
        self._stock_is_kept = any(item["stock"] is not None for item in self._items.values())
        settings = workspace.settings
        self.addresses = Addresses(
            LinkSigner(workspace.key.sign, settings.base_url), settings.base_url
        )
        templates = self._renderer.templates
        self.labels = list(
            dict.fromkeys(label for one in templates for label in branch_labels(one))
        )
        known = field_catalog(workspace)
        self.fields = {name for one in templates for name in used_fields(one) if name in known}
        self._names = {
            name for name in self.fields if known[name].personal and name.endswith("name")
        }
        self.tally = Tally()
        self.held_out = 0
        self.error: str | None = None

    def steps(self) -> Iterator[int]:
        """Render batch by batch; how many people are done after each."""
        done = 0
        while batch := list(islice(self._planned, _BATCH)):
            self._look_at([one for one in batch if one.arm != HOLDOUT])
            self.held_out += sum(one.arm == HOLDOUT for one in batch)
            done += len(batch)
            yield done

    def _look_at(self, planned: list[PlannedMessage]) -> None:
        with self._workspace.store.read() as tx:
            personal = self._workspace.vault.get_many(tx, [one.person_id for one in planned])
        claims = [_claim(one, personal.get(one.person_id, {})) for one in planned]
        facts = self._renderer.facts(claims)
        for claim in claims:
            person = facts[claim.person_id]
            self.tally.add(self._looked(claim, person, self._composed(claim, person)))

    def _composed(self, claim: Claim, person: dict[str, Any]) -> OutgoingMessage | Skip | None:
        try:
            return self._renderer.message(claim, person)
        except AuthorError as error:
            self.error = self.error or str(error)
            return None

    def _looked(
        self, claim: Claim, person: Mapping[str, Any], message: OutgoingMessage | Skip | None
    ) -> Looked:
        gaps = lacking(person, self.fields)
        reads = person.get("language")
        problems: list[Problem] = []
        if self._names and not any(person.get(name) for name in self._names):
            problems.append("empty_name")
        problems += self._about_items(claim)
        looked = Looked(
            person_id=claim.person_id,
            variant=claim.arm,
            problems=(),
            gaps=gaps,
            reads=reads if isinstance(reads, str) else None,
        )
        if not isinstance(message, OutgoingMessage):
            problems.append("failed" if message is None else "skipped_by_template")
            return replace(looked, problems=tuple(problems))
        wrote = str(message.decision.get("language") or self._workspace.settings.language)
        if isinstance(reads, str) and wrote.split("-", maxsplit=1)[0] not in fallbacks(reads):
            problems.append("other_language")
        if not message.unsubscribe_url or message.unsubscribe_url not in message.html:
            problems.append("no_way_to_leave")
        if not self.addresses.look(message.html, claim.person_id):
            problems.append("broken_link")
        if len(message.subject) > LONG_SUBJECT:
            problems.append("long_subject")
        size = len(message.html.encode())
        if size > CLIP_BYTES:
            problems.append("too_large")
        return replace(
            looked,
            problems=tuple(problems),
            branches=tuple(message.decision.get("branches") or ()),
            written_in=wrote,
            subject_characters=len(message.subject),
            html_bytes=size,
        )

    def _about_items(self, claim: Claim) -> Iterator[Problem]:
        if not self._campaign.body.recommender:
            return
        chosen = claim.decision.get("products") or ()
        shown = [self._items[item_id] for item_id, _ in chosen if item_id in self._items]
        if not shown:
            yield "no_products"
        elif len(shown) < self._campaign.body.products:
            yield "fewer_products"
        if any(reason == FALLBACK_REASON for _, reason in chosen):
            yield "filled_up"
        if any(item["price"] is None for item in shown):
            yield "without_price"
        if self._stock_is_kept and any(item["stock"] is None for item in shown):
            yield "stock_unknown"


def _claim(planned: PlannedMessage, personal: Mapping[str, str]) -> Claim:
    """A planned message as a sender would hold it."""
    return Claim(
        message_id=planned.message_id,
        campaign=planned.campaign,
        occurrence=planned.occurrence,
        person_id=planned.person_id,
        channel=planned.channel,
        purpose=planned.purpose,
        arm=planned.arm,
        fence=0,
        owner="preflight",
        attempts=0,
        decision=planned.decision,
        personal=personal,
    )

"""Why somebody got a campaign's mail, or did not: every step with what it saw.

A person (by id, e-mail address or user id) and a campaign come in; an `Explanation` goes out. It
is read from the ledger and the segment plan, never from a log made for the purpose.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from vocative.campaign.audience import FIRST, audience, audience_condition, experiment_name
from vocative.campaign.definitions import Campaign, read_campaign
from vocative.clock import from_micros
from vocative.decide import HOLDOUT
from vocative.errors import UnknownName
from vocative.privacy import consent
from vocative.privacy.addresses import normal_email
from vocative.privacy.permit import REFUSALS
from vocative.segment import Condition, explain_condition
from vocative.stores import Row
from vocative.workspace import Workspace


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the way to a message; `verdict` None: it was not reached or does not apply."""

    title: str
    verdict: bool | None
    detail: str
    conditions: list[Condition] = []


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The whole way."""

    person_id: str
    campaign: str
    occurrence: str
    outcome: str
    """A ledger state, or `not planned`."""
    sentence: str
    steps: list[Step]


def explain(
    workspace: Workspace, person: str, *, campaign: str, occurrence: str = FIRST
) -> Explanation:
    """Why a person got a campaign's mail, or did not.

    Args:
        workspace: Where.
        person: A person id, an e-mail address, or the user id of the shop.
        campaign: The campaign's name.
        occurrence: Which of its runs.

    Raises:
        UnknownName: there is no such person or campaign.
    """
    found = read_campaign(workspace, campaign)
    person_id = find_person(workspace, person)
    row = _ledger_row(workspace, person_id, found, occurrence)
    steps = [_audience_step(workspace, found, person_id, row)]
    if row is not None:
        decision = msgspec.json.decode(row["decision"], type=dict[str, Any])
        steps.append(_experiment_step(found, occurrence, row, decision))
        if row["arm"] != HOLDOUT:
            steps.append(_content_step(workspace, found, decision))
            steps += _time_steps(row, decision)
            steps.append(_permit_step(workspace, row, decision))
            steps.append(_template_step(found, row, decision))
            steps.append(_delivery_step(row))
            steps.append(_response_step(workspace, row))
    outcome = _outcome(row)
    return Explanation(
        person_id=person_id,
        campaign=campaign,
        occurrence=occurrence,
        outcome=outcome,
        sentence=_sentence(outcome, row, steps[0]),
        steps=steps,
    )


def find_person(workspace: Workspace, person: str) -> str:
    """The id of a person given by id, e-mail address or user id.

    Raises:
        UnknownName: nobody is known by that.
    """
    profile = find_profile(workspace, person)
    with workspace.store.read() as tx:
        return str(
            tx.value(
                "SELECT coalesce(merged_into, person_id) FROM profiles WHERE person_id = :p",
                {"p": profile},
            )
        )


def find_profile(workspace: Workspace, person: str) -> str:
    """The profile to which an id, e-mail address or user id leads, merged into another one or not.

    Raises:
        UnknownName: nobody is known by that.
    """
    with workspace.store.read() as tx:
        if tx.value("SELECT 1 FROM profiles WHERE person_id = :p", {"p": person}):
            return person
        identities = [("user_id", person.strip()), ("anonymous_id", person.strip())]
        email = normal_email(person) if "@" in person else None
        if email:
            identities.insert(0, ("email", email))
        for namespace, value in identities:
            found = tx.value(
                "SELECT coalesce(origin, person_id) FROM identities"
                " WHERE namespace = :n AND value_hash = :h",
                {"n": namespace, "h": workspace.vault.lookup_hash(namespace, value)},
            )
            if found is not None:
                return str(found)
    raise UnknownName(
        "nobody is known by that",
        hint="give a person id (p…), an e-mail address, or the user id your shop uses",
    )


def _ledger_row(
    workspace: Workspace, person_id: str, campaign: Campaign, occurrence: str
) -> Row | None:
    with workspace.store.read() as tx:
        return tx.row(
            "SELECT * FROM messages WHERE campaign = :campaign AND occurrence = :occurrence"
            " AND person_id = :person_id AND channel = :channel",
            {
                "campaign": campaign.name,
                "occurrence": occurrence,
                "person_id": person_id,
                "channel": campaign.body.channel,
            },
        )


def _audience_step(
    workspace: Workspace, campaign: Campaign, person_id: str, row: Row | None
) -> Step:
    conditions = explain_condition(workspace, person_id, audience_condition(campaign))
    # Single conditions do not say how they are joined; sending asks this very question.
    inside = person_id in audience(workspace, campaign)
    if row is not None:
        at = from_micros(row["planned_at"])
        detail = f"in the audience when the campaign was planned, {at:%Y-%m-%d %H:%M} UTC"
        if not inside:
            detail += "; would not be now"
        return Step(title="Audience", verdict=True, detail=detail, conditions=conditions)
    with workspace.store.read() as tx:
        planned = tx.value(
            "SELECT planned_at FROM campaign_runs WHERE campaign = :c", {"c": campaign.name}
        )
    if planned is None:
        detail = "the campaign was not sent yet; " + (
            "would get it" if inside else "would not get it"
        )
    elif inside:
        detail = "in the audience now, but was not when the campaign was planned"
    else:
        detail = "not in the audience"
    return Step(title="Audience", verdict=False, detail=detail, conditions=conditions)


def _experiment_step(
    campaign: Campaign, occurrence: str, row: Row, decision: Mapping[str, Any]
) -> Step:
    name = experiment_name(campaign.name, occurrence)
    share = float(decision.get("propensity") or 0.0)
    if row["arm"] == HOLDOUT:
        return Step(
            title="Holdout",
            verdict=False,
            detail=f"drawn into the holdout of {name} ({campaign.holdout:.0%} of the audience get"
            " nothing, to show what the campaign changes)",
        )
    return Step(
        title="Experiment",
        verdict=True,
        detail=f"not held out; drew variant {row['arm']!r} of {name} with probability {share:.0%}",
    )


def _content_step(workspace: Workspace, campaign: Campaign, decision: Mapping[str, Any]) -> Step:
    parts = []
    offer = decision.get("offer")
    if campaign.body.offers:
        rule = next((o for o in campaign.body.offers if o.name == offer), None)
        parts.append(f"offer {offer!r} because {rule.when}" if rule else "no offer: no rule held")
    chosen = decision.get("products") or []
    if chosen:
        with workspace.store.read() as tx:
            titles = {
                item_id: tx.value("SELECT title FROM items WHERE item_id = :i", {"i": item_id})
                for item_id, _ in chosen
            }
        shown = "; ".join(f"{titles[i] or i} ({reason})" for i, reason in chosen)
        parts.append(f"items: {shown}")
    return Step(title="Content", verdict=True, detail=". ".join(parts) or "the same for everyone")


def _time_steps(row: Row, decision: Mapping[str, Any]) -> list[Step]:
    """When the message is due, where a schedule or the first share of the run decides it."""
    parts = []
    if "send_at" in decision:
        due = datetime.fromisoformat(decision["send_at"])
        zone = str(decision["zone"])
        local = due.astimezone(ZoneInfo(zone.partition(" ")[0]))
        parts.append(f"due {due:%Y-%m-%d %H:%M} UTC, which is {local:%H:%M} in {zone}")
    if "best_hour" in decision:
        parts.append(f"best hour {decision['best_hour']}")
    if row["state"] == "deferred" and row["next_attempt_at"] is None:
        parts.append("waits until the first share of the run has gone well")
    return [Step(title="Time", verdict=None, detail="; ".join(parts))] if parts else []


def _permit_step(workspace: Workspace, row: Row, decision: Mapping[str, Any]) -> Step:
    refusal = decision.get("refusal")
    if row["state"] == "skipped":
        words = str(row["reason"] or "").replace("_", " ")
        detail = f"refused: {words}{_room(refusal)}"
        return Step(title="Permit", verdict=False, detail=detail)
    if refusal is not None and row["reason"] in REFUSALS:
        detail = f"not yet: {refusal['words']}{_room(refusal)}"
        return Step(title="Permit", verdict=None, detail=detail)
    if row["handed_at"] is None:
        return Step(
            title="Permit", verdict=None, detail="asked for when the message is handed over"
        )
    with workspace.store.read() as tx:
        given = consent.latest(
            tx, [row["person_id"]], purpose=row["purpose"], channel=row["channel"]
        ).get(row["person_id"])
    because = (
        f"consent {given.status} on {given.at:%Y-%m-%d} ({given.source})"
        if given
        else "this purpose needs no consent"
    )
    return Step(
        title="Permit",
        verdict=True,
        detail=f"for {row['purpose']} by {row['channel']}: {because}; address not suppressed",
    )


def _room(refusal: Mapping[str, Any] | None) -> str:
    """What the caps rested on, in words."""
    caps = (refusal or {}).get("caps") or []
    return "".join(
        f"; cap {cap['cap']}: had {cap['had']}, {cap['of_higher_priority']} of higher priority wait"
        for cap in caps
    )


def _template_step(campaign: Campaign, row: Row, decision: Mapping[str, Any]) -> Step:
    variant = campaign.variants.get(row["arm"])
    template = (variant.template if variant else None) or campaign.body.template
    branches = decision.get("branches") or []
    if not branches:
        return Step(title="Template", verdict=None, detail=f"{template}, not rendered")
    return Step(
        title="Template",
        verdict=True,
        detail=f"{template}, branches taken: " + "; ".join(str(branch) for branch in branches),
    )


def _delivery_step(row: Row) -> Step:
    state, reply = row["state"], row["provider_reply"]
    when = f" at {from_micros(row['handed_at']):%Y-%m-%d %H:%M:%S} UTC" if row["handed_at"] else ""
    said = f"; the provider said: {reply}" if reply else ""
    verdict = {"accepted": True, "bounced": False, "failed": False, "skipped": False}.get(state)
    return Step(title="Delivery", verdict=verdict, detail=f"{state}{when}{said}")


def _response_step(workspace: Workspace, row: Row) -> Step:
    with workspace.engine() as engine:
        events = engine.rows(
            'SELECT name, min("at") AS first_at, count(*) AS times,'
            " json_extract_string(properties, '$.verdict') AS verdict FROM events"
            " WHERE message_id = $message_id AND name NOT IN ('Email Delivered',"
            " 'Experiment Exposed') GROUP BY ALL ORDER BY first_at",
            {"message_id": row["message_id"]},
        )
    if not events:
        return Step(title="Response", verdict=None, detail="none so far")
    told = [
        f"{event['name']} ×{event['times']}"
        + (f" ({event['verdict']})" if event["verdict"] else "")
        + f", first {event['first_at']:%Y-%m-%d %H:%M} UTC"
        for event in events
    ]
    return Step(title="Response", verdict=True, detail="; ".join(told))


def _outcome(row: Row | None) -> str:
    if row is None:
        return "not planned"
    return "held out" if row["arm"] == HOLDOUT else str(row["state"])


def _sentence(outcome: str, row: Row | None, audience: Step) -> str:
    if row is None:
        return f"Got no mail: {audience.detail}."
    if outcome == "held out":
        return "Got no mail on purpose: drawn into the holdout."
    if outcome == "accepted":
        return f"Got the mail (variant {row['arm']!r})."
    if outcome == "skipped":
        return f"Got no mail: {str(row['reason'] or 'skipped').replace('_', ' ')}."
    if outcome == "ambiguous":
        return "May have got the mail: the connection broke between handing over and the answer."
    return f"The mail is {outcome}" + (f": {row['reason']}." if row["reason"] else ".")

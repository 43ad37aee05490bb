"""One person for the web app: what is known, and what happened."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from vocative.campaign.explain import find_person, find_profile
from vocative.clock import from_micros, to_micros
from vocative.collect.addresses import meant_email
from vocative.identify.past import person_at
from vocative.identify.separating import Joined, merges_of
from vocative.privacy import consent, suppression
from vocative.segment import list_features, people_data
from vocative.server.people import MAX_PAGE, PAGE, name_of, note_read
from vocative.stores import Transaction
from vocative.workspace import Workspace
from vocative.workspace.paging import part_of


class FeatureValue(msgspec.Struct, frozen=True, kw_only=True):
    """A feature's value now."""

    name: str
    value: Any
    describe: str


class SegmentSince(msgspec.Struct, frozen=True, kw_only=True):
    """A segment that the person is in."""

    name: str
    since_at: datetime


class ScoreValue(msgspec.Struct, frozen=True, kw_only=True):
    """A score with its reasons."""

    model: str
    value: float
    reasons: list[str]
    scored_at: datetime


class Recommended(msgspec.Struct, frozen=True, kw_only=True):
    """An item recommended to the person."""

    item_id: str
    title: str
    price: float | None
    currency: str | None
    image_url: str | None
    reason: str
    recommender: str


class ConsentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One statement of the consent ledger."""

    purpose: str
    channel: str
    status: str
    at: datetime
    source: str


class SuppressionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A suppressed address of the person."""

    channel: str
    reason: str
    added_at: datetime


class PersonMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was planned for the person."""

    message_id: str
    campaign: str
    arm: str
    state: str
    reason: str | None
    handed_at: datetime | None


class IdentityRow(msgspec.Struct, frozen=True, kw_only=True):
    """Something that leads to the person."""

    namespace: str
    value: str | None
    """Known only as of an instant, where somebody stated it; otherwise there is but its hash."""
    since: datetime


class MergeRow(msgspec.Struct, frozen=True, kw_only=True):
    """Why several profiles are this person."""

    gone: str
    """Can be taken out again: `vocative person separate`."""
    kept: str
    decided: bool
    """By somebody; otherwise by a rule."""
    at: datetime


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known about one person, now or as of an instant.

    As of an instant there are no features, scores and recommendations: these are of now.
    """

    person_id: str
    as_of: datetime | None = None
    """None: as of now."""
    name: str | None
    email: str | None
    email_meant: str | None = None
    """The address that was probably meant, when it is misspelt."""
    phone: str | None
    first_seen_at: datetime
    traits: dict[str, Any]
    features: list[FeatureValue]
    segments: list[SegmentSince]
    scores: list[ScoreValue]
    recommendations: list[Recommended]
    consents: list[ConsentRow]
    suppressed: list[SuppressionRow]
    messages: list[PersonMessage]
    identities: list[IdentityRow]
    merges: list[MergeRow]


class TimelineEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something a person did."""

    event_id: str
    name: str
    at: datetime
    summary: str
    properties: dict[str, Any]


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """A page of events, newest first; `next` is the `before` of the next page."""

    events: list[TimelineEvent]
    next: str | None


def show_person(workspace: Workspace, person_id: str, *, at: datetime | None = None) -> Person:
    """Everything known about one person.

    Args:
        workspace: Where.
        person_id: A person id, an e-mail address or a user id.
        at: Show who that was at this instant, by all that is known of it today.

    Raises:
        UnknownName: there is no such person, or nothing was known of them then.
        StateError: the log does not reach back to what was stated.
    """
    if at is not None:
        return past_person(workspace, person_id, at)
    person_id = find_person(workspace, person_id)
    bound = {"p": person_id}
    with workspace.store.read() as tx:
        profile = tx.row("SELECT first_seen_at, traits FROM profiles WHERE person_id = :p", bound)
        personal = workspace.vault.get(tx, person_id)
        segments = tx.rows(
            "SELECT segment, since_at FROM memberships WHERE person_id = :p AND until_at IS NULL"
            " ORDER BY segment",
            bound,
        )
        scores = tx.rows("SELECT * FROM scores WHERE person_id = :p ORDER BY model", bound)
        consents = consent.history(tx, person_id)
        messages = tx.rows(
            "SELECT message_id, campaign, arm, state, reason, handed_at FROM messages"
            " WHERE person_id = :p ORDER BY planned_at DESC",
            bound,
        )
        suppressed = _suppressed(workspace, tx, personal)
        recommendations = _recommendations(tx, person_id, workspace.settings.base_url)
        identities = tx.tuples(
            "SELECT namespace, first_seen_at FROM identities WHERE person_id = :p ORDER BY 1, 2",
            bound,
        )
        merges = merges_of(tx, person_id)
    assert profile is not None  # noqa: S101 - find_person found it
    note_read(workspace, "show person", person_id)
    return Person(
        person_id=person_id,
        name=name_of(personal),
        email=personal.get("email"),
        email_meant=meant_email(personal.get("email") or ""),
        phone=personal.get("phone"),
        first_seen_at=from_micros(profile["first_seen_at"]),
        traits=msgspec.json.decode(profile["traits"]),
        features=_features(workspace, person_id),
        segments=[
            SegmentSince(name=row["segment"], since_at=from_micros(row["since_at"]))
            for row in segments
        ],
        scores=[
            ScoreValue(
                model=row["model"],
                value=row["value"],
                reasons=[str(reason) for reason in msgspec.json.decode(row["reasons"])],
                scored_at=from_micros(row["scored_at"]),
            )
            for row in scores
        ],
        recommendations=recommendations,
        consents=[_consent_row(one) for one in reversed(consents)],
        suppressed=suppressed,
        messages=[
            PersonMessage(
                **{
                    name: row[name] for name in ("message_id", "campaign", "arm", "state", "reason")
                },
                handed_at=from_micros(row["handed_at"]) if row["handed_at"] else None,
            )
            for row in messages
        ],
        identities=[
            IdentityRow(namespace=namespace, value=None, since=from_micros(since))
            for namespace, since in identities
        ],
        merges=[_merge_row(found) for found in merges],
    )


def past_person(workspace: Workspace, person_id: str, at: datetime) -> Person:
    """Who somebody was at an instant: a profile by id, or whoever has an address or user id now.

    Raises:
        UnknownName: there is no such person, or nothing was known of them then.
        StateError: the log does not reach back to what was stated.
    """
    until, profile = to_micros(at), find_profile(workspace, person_id)
    with workspace.store.read() as tx:
        found = person_at(workspace, tx, profile, until)
        bound = {"p": found.person_id, "at": until}
        segments = tx.tuples(
            "SELECT segment, since_at FROM memberships WHERE person_id = :p AND since_at <= :at"
            " AND (until_at IS NULL OR until_at > :at) ORDER BY segment",
            bound,
        )
        messages = tx.rows(
            "SELECT message_id, campaign, arm, state, reason, handed_at FROM messages"
            " WHERE person_id = :p AND handed_at <= :at ORDER BY handed_at DESC",
            bound,
        )
        stated = consent.stated_by(tx, found.profiles, until=at)
        suppressed = _suppressed(workspace, tx, found.fields)
    note_read(workspace, "show person", found.person_id)
    return Person(
        person_id=found.person_id,
        as_of=at,
        name=name_of(found.fields),
        email=found.fields.get("email"),
        phone=found.fields.get("phone"),
        first_seen_at=from_micros(found.first_seen_at),
        traits={name: value for name, (value, _) in found.traits.items()},
        features=[],
        segments=[SegmentSince(name=name, since_at=from_micros(since)) for name, since in segments],
        scores=[],
        recommendations=[],
        consents=[_consent_row(one) for one in reversed(stated)],
        suppressed=[one for one in suppressed if one.added_at <= at],
        messages=[
            PersonMessage(**{**row, "handed_at": from_micros(row["handed_at"])}) for row in messages
        ],
        identities=[
            IdentityRow(namespace=one.namespace, value=one.value, since=from_micros(one.since))
            for one in found.identities
        ],
        merges=[_merge_row(one) for one in found.merges],
    )


def _merge_row(found: Joined) -> MergeRow:
    return MergeRow(
        gone=found.gone, kept=found.kept, decided=found.decided, at=from_micros(found.at)
    )


def _consent_row(found: consent.Consent) -> ConsentRow:
    return ConsentRow(
        purpose=found.purpose,
        channel=found.channel,
        status=found.status,
        at=found.at,
        source=found.source,
    )


def timeline(
    workspace: Workspace,
    person_id: str,
    *,
    before: str | None = None,
    limit: int = PAGE,
    name: str | None = None,
) -> Timeline:
    """What a person did, newest first.

    Args:
        workspace: Where.
        person_id: Whose.
        before: The `next` of the page before.
        limit: How many events, at most 200.
        name: Only events with this name.
    """
    person_id = find_person(workspace, person_id)
    part = part_of(before, limit, most=MAX_PAGE)
    condition = " AND name = $name" if name else ""
    bound: dict[str, Any] = {"p": person_id, **({"name": name} if name else {})}
    with workspace.engine() as engine:
        rows = engine.rows(
            f'SELECT * FROM events WHERE person_id = $p{condition} ORDER BY "at" DESC, event_id'
            f" LIMIT {part.wanted} OFFSET {part.skip}",
            bound,
        )
    return Timeline(events=[_event(row) for row in rows[: part.limit]], next=part.next(len(rows)))


def _features(workspace: Workspace, person_id: str) -> list[FeatureValue]:
    values = people_data(workspace, [person_id]).get(person_id, {})
    return [
        FeatureValue(name=feature.name, value=values.get(feature.name), describe=feature.describe)
        for feature in list_features(workspace)
    ]


def _suppressed(
    workspace: Workspace, tx: Transaction, personal: dict[str, str]
) -> list[SuppressionRow]:
    address = personal.get("email")
    if not address:
        return []
    rows = tx.rows(
        "SELECT channel, reason, added_at FROM suppressions WHERE address_hash = :hash",
        {"hash": suppression.address_hash(workspace.vault, "email", address)},
    )
    return [
        SuppressionRow(
            channel=row["channel"], reason=row["reason"], added_at=from_micros(row["added_at"])
        )
        for row in rows
    ]


def _recommendations(tx: Transaction, person_id: str, base_url: str) -> list[Recommended]:
    found = []
    for row in tx.rows(
        "SELECT recommender, items FROM recommendations WHERE person_id = :p", {"p": person_id}
    ):
        for entry in msgspec.json.decode(row["items"])[:8]:
            item = tx.row(
                "SELECT title, price, currency, image_url FROM items WHERE item_id = :i",
                {"i": entry["item_id"]},
            )
            if item is not None:
                # Pictures of this server are shown from wherever it is being looked at.
                if item["image_url"]:
                    item["image_url"] = str(item["image_url"]).removeprefix(base_url)
                found.append(
                    Recommended(
                        item_id=entry["item_id"],
                        reason=str(entry.get("reason") or ""),
                        recommender=row["recommender"],
                        **item,
                    )
                )
    return found


def _event(row: dict[str, Any]) -> TimelineEvent:
    properties = msgspec.json.decode(row["properties"] or "{}", type=dict[str, Any])
    for name in (
        "order_id",
        "product_id",
        "category",
        "price",
        "quantity",
        "revenue",
        "currency",
        "campaign",
        "message_id",
    ):
        if row[name] is not None:
            properties[name] = row[name]
    return TimelineEvent(
        event_id=row["event_id"],
        name=row["name"],
        at=row["at"].replace(tzinfo=UTC),
        summary=_summary(row, properties),
        properties=properties,
    )


def _summary(row: dict[str, Any], properties: dict[str, Any]) -> str:
    if row["revenue"] is not None:
        return f"{row['revenue']:,.2f} {row['currency'] or ''}".strip()
    if row["campaign"]:
        verdict = properties.get("verdict")
        return f"{row['campaign']}" + (f" ({verdict})" if verdict else "")
    return str(row["category"] or row["product_id"] or "")

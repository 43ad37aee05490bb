"""Sends a campaign: plan once, then deliver what is planned, as often as it takes.

Planning writes one ledger row per person of the audience in one transaction; from then on the
ledger alone says what is left to do. Sending again resumes; it never plans a second time.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from vocative.campaign.audience import FIRST, audience, experiment_name, planned_messages
from vocative.campaign.definitions import Campaign, read_campaign
from vocative.campaign.preflight.holding import hold_rules
from vocative.campaign.rendering import Renderer
from vocative.clock import from_micros, to_micros
from vocative.collect.door import OWN_SOURCE, accept
from vocative.compose.kept import load_to_send
from vocative.decide import HOLDOUT, codes
from vocative.deliver import ledger
from vocative.deliver.channels import CHANNELS, Channel, channel_for
from vocative.deliver.sender import DeliveryReport, deliver
from vocative.errors import AuthorError, StateError
from vocative.identify.apply import apply_log
from vocative.segment import advance
from vocative.workspace import Workspace


class SendReport(msgspec.Struct, frozen=True, kw_only=True):
    """Where a campaign's run stands after sending."""

    campaign: str
    occurrence: str
    channel: str
    status: str
    planned: int
    """Everyone in the audience, the holdout included."""
    counts: dict[str, int]
    """Messages by state; skipped ones as `skipped: reason`."""
    resumed: bool
    ambiguous: list[str]
    """Messages whose hand-over nobody can be sure of."""


class CampaignSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One campaign in a list."""

    campaign: str
    describe: str
    status: str
    """`never sent`, or the state of its latest run."""
    template: str
    audience: str
    occurrence: str | None = None
    planned_at: datetime | None = None
    finished_at: datetime | None = None
    planned: int = 0
    accepted: int = 0
    skipped: int = 0
    ambiguous: int = 0


def send(
    workspace: Workspace,
    campaign: str,
    *,
    occurrence: str = FIRST,
    channel: str | None = None,
    smtp: str | None = None,
    override: str | None = None,
    stop: Callable[[], bool] | None = None,
    progress: Callable[..., None] | None = None,
) -> SendReport:
    """Plan a campaign's messages, if that is not done, and deliver them.

    Args:
        workspace: Whose campaign.
        campaign: Its name.
        occurrence: Which run; a new name plans a new one.
        channel: What carries the mails; the first of the settings unless told.
        smtp: HOST:PORT of a mail server to use without further settings.
        override: Why to send although a rule of the campaign's pre-flight speaks against it; noted
            in the audit trail.
        stop: Asked between messages; True finishes the one in flight and pauses.
        progress: Told how far it is.

    Raises:
        UnknownName: there is no such campaign or channel.
        AuthorError: the campaign or its template is wrong; then nothing is planned.
        StateError: nobody is in the audience, or a rule of the pre-flight does not hold.
        ProviderError: the channel cannot be used; sending again goes on from there.
    """
    found = read_campaign(workspace, campaign)
    name, carrier = _channel(workspace, channel, smtp)
    if carrier.medium != found.body.channel:
        raise AuthorError(
            f"{name} carries {carrier.medium}, the campaign is for {found.body.channel}",
            where=found.definition.where("channel"),
        )
    resumed = _is_planned(workspace, campaign, occurrence)
    if not resumed:
        # The audience is exact at the instant of launch.
        advance(workspace)
        hold_rules(workspace, found, occurrence, override=override, progress=progress)
        _plan(workspace, found, occurrence)
    people = _people_left(workspace, campaign, occurrence)
    delivery = DeliveryReport()
    if people:
        renderer = Renderer(workspace, found, people, load=load_to_send)
        delivery = deliver(
            workspace,
            campaign,
            occurrence,
            renderer.compose,
            carrier,
            stop=stop or (lambda: False),
            progress=_progress(progress, len(people)),
        )
    _tell(workspace, campaign, occurrence)
    _finish(workspace, campaign, occurrence, stopped=delivery.stopped)
    return send_report(workspace, campaign, occurrence, channel=name, resumed=resumed)


def _channel(workspace: Workspace, channel: str | None, smtp: str | None) -> tuple[str, Channel]:
    if smtp is not None:
        host, _, port = smtp.rpartition(":")
        if not host or not port.isdigit():
            raise AuthorError(f"{smtp!r} is not HOST:PORT", hint="for example --smtp localhost:25")
        kind = CHANNELS.load("smtp")
        settings = msgspec.convert(
            {"host": host, "port": int(port), "security": "none"}, kind.Settings
        )
        return "smtp", kind(settings, state_dir=workspace.state_dir)
    name = channel or next(iter(workspace.settings.channels), None)
    if name is None:
        raise AuthorError(
            "vocative.yaml names no channel",
            where="vocative.yaml",
            hint="add `channels: {outbox_folder: {}}`",
        )
    return name, channel_for(workspace, name)


def _is_planned(workspace: Workspace, campaign: str, occurrence: str) -> bool:
    with workspace.store.read() as tx:
        status = tx.value(
            "SELECT status FROM campaign_runs WHERE campaign = :campaign"
            " AND occurrence = :occurrence",
            {"campaign": campaign, "occurrence": occurrence},
        )
    return status is not None


def _plan(workspace: Workspace, campaign: Campaign, occurrence: str) -> None:
    people = audience(workspace, campaign)
    if not people:
        raise StateError(
            f"nobody is in the audience of {campaign.name}",
            where=campaign.definition.where("segment" if campaign.body.segment else "where"),
            hint="see `vocative segment list`, or import data first",
        )
    if any(offer.codes for offer in campaign.body.offers):
        # What is left of the codes must not change until it is noted who gets which.
        with workspace.worker_lock(codes.LOCK):
            _plan_for(workspace, campaign, occurrence, people)
    else:
        _plan_for(workspace, campaign, occurrence, people)


def _plan_for(workspace: Workspace, campaign: Campaign, occurrence: str, people: list[str]) -> None:
    messages = list(planned_messages(workspace, campaign, occurrence, people))
    now = workspace.clock.now()
    with workspace.store.transaction() as tx:
        added = tx.run(
            "INSERT INTO campaign_runs (campaign, occurrence, status, definition, planned_at)"
            " VALUES (:campaign, :occurrence, 'sending', :definition, :now)"
            " ON CONFLICT (campaign, occurrence) DO NOTHING",
            {
                "campaign": campaign.name,
                "occurrence": occurrence,
                "definition": msgspec.json.encode(campaign.as_json()).decode(),
                "now": to_micros(now),
            },
        )
        # Two processes that launch at once: the one that was first has planned it.
        if added:
            ledger.plan(tx, messages, at=now)


def _people_left(workspace: Workspace, campaign: str, occurrence: str) -> list[str]:
    with workspace.store.read() as tx:
        rows = tx.tuples(
            "SELECT person_id FROM messages WHERE campaign = :campaign"
            " AND occurrence = :occurrence AND state NOT IN ('accepted', 'bounced', 'failed',"
            " 'ambiguous', 'skipped') ORDER BY person_id",
            {"campaign": campaign, "occurrence": occurrence},
        )
    return [row[0] for row in rows]


def _progress(
    progress: Callable[..., None] | None, total: int
) -> Callable[[DeliveryReport], None] | None:
    if progress is None:
        return None

    def told(report: DeliveryReport) -> None:
        done = report.accepted + report.bounced + report.failed + report.ambiguous + report.skipped
        progress(done, total, "sending")

    return told


def _tell(workspace: Workspace, campaign: str, occurrence: str) -> None:
    """Put what happened on the event log: deliveries, bounces, exposures, the holdout.

    The ids derive from the messages, so telling again adds nothing.
    """
    with workspace.store.read() as tx:
        rows = tx.rows(
            "SELECT message_id, person_id, arm, state, handed_at, planned_at FROM messages"
            " WHERE campaign = :campaign AND occurrence = :occurrence"
            " AND (state IN ('accepted', 'bounced') OR arm = 'holdout') ORDER BY message_id",
            {"campaign": campaign, "occurrence": occurrence},
        )
    experiment = experiment_name(campaign, occurrence)
    events = [event for row in rows for event in _events_of(row, campaign, experiment)]
    if events:
        accept(workspace, events, source=OWN_SOURCE)
        apply_log(workspace)


_TOLD = {"accepted": "Email Delivered", "bounced": "Email Bounced"}


def _events_of(row: Mapping[str, Any], campaign: str, experiment: str) -> Iterator[dict[str, Any]]:
    about = {"campaign": campaign, "message_id": row["message_id"]}
    common = {
        "type": "track",
        "timestamp": from_micros(row["handed_at"] or row["planned_at"]).isoformat(),
        "context": {"personId": row["person_id"]},
    }
    yield {
        "messageId": f"exposed-{row['message_id']}",
        "event": "Experiment Exposed",
        "properties": {**about, "experiment": experiment, "arm": row["arm"]},
        **common,
    }
    if row["arm"] != HOLDOUT:
        told = _TOLD[row["state"]]
        yield {
            "messageId": f"{row['state']}-{row['message_id']}",
            "event": told,
            "properties": about,
            **common,
        }


def _finish(workspace: Workspace, campaign: str, occurrence: str, *, stopped: bool) -> None:
    left = len(_people_left(workspace, campaign, occurrence))
    status = "paused" if stopped else "waiting" if left else "finished"
    with workspace.store.transaction() as tx:
        tx.run(
            "UPDATE campaign_runs SET status = :status, finished_at = :at"
            " WHERE campaign = :campaign AND occurrence = :occurrence",
            {
                "status": status,
                "at": to_micros(workspace.clock.now()) if status == "finished" else None,
                "campaign": campaign,
                "occurrence": occurrence,
            },
        )


def send_report(
    workspace: Workspace, campaign: str, occurrence: str, *, channel: str, resumed: bool
) -> SendReport:
    """Where a run stands."""
    with workspace.store.read() as tx:
        counts = ledger.counts(tx, campaign=campaign, occurrence=occurrence)
        unsure = ledger.ambiguous(tx, campaign=campaign, occurrence=occurrence)
        status = tx.value(
            "SELECT status FROM campaign_runs WHERE campaign = :campaign"
            " AND occurrence = :occurrence",
            {"campaign": campaign, "occurrence": occurrence},
        )
    by_state: dict[str, int] = {}
    for count in counts:
        named = f"skipped: {count.reason}" if count.state == "skipped" else count.state
        by_state[named] = by_state.get(named, 0) + count.messages
    return SendReport(
        campaign=campaign,
        occurrence=occurrence,
        channel=channel,
        status=str(status),
        planned=sum(by_state.values()),
        counts=by_state,
        resumed=resumed,
        ambiguous=[message.message_id for message in unsure],
    )


def list_campaigns(workspace: Workspace) -> list[CampaignSummary]:
    """Every campaign with the state of its latest run, most recently planned first."""
    with workspace.store.read() as tx:
        runs = tx.rows(
            "SELECT campaign, occurrence, status, definition, planned_at, finished_at"
            " FROM campaign_runs ORDER BY planned_at"
        )
        states = tx.tuples(
            "SELECT campaign, occurrence, state, count(*) FROM messages"
            " GROUP BY campaign, occurrence, state"
        )
    counted: dict[tuple[str, str], dict[str, int]] = {}
    for campaign, occurrence, state, count in states:
        counted.setdefault((campaign, occurrence), {})[state] = int(count)
    latest = {run["campaign"]: run for run in runs}
    bodies = {name: d.body for name, d in workspace.definitions("campaign").items()}
    for name, run in latest.items():
        bodies.setdefault(name, msgspec.json.decode(run["definition"]))
    found = [_summary(name, body, latest.get(name), counted) for name, body in bodies.items()]
    return sorted(found, key=lambda c: (c.planned_at is None, -_seconds(c.planned_at), c.campaign))


def _seconds(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0


def _summary(
    name: str,
    body: Mapping[str, Any],
    run: Mapping[str, Any] | None,
    counted: Mapping[tuple[str, str], Mapping[str, int]],
) -> CampaignSummary:
    summary = CampaignSummary(
        campaign=name,
        describe=str(body.get("describe") or ""),
        status="never sent",
        template=str(body.get("template") or ""),
        audience=str(body.get("segment") or body.get("where") or ""),
    )
    if run is None:
        return summary
    counts = counted.get((name, run["occurrence"]), {})
    return msgspec.structs.replace(
        summary,
        status=run["status"],
        occurrence=run["occurrence"],
        planned_at=from_micros(run["planned_at"]),
        finished_at=from_micros(run["finished_at"]) if run["finished_at"] else None,
        planned=sum(counts.values()),
        accepted=counts.get("accepted", 0),
        skipped=counts.get("skipped", 0),
        ambiguous=counts.get("ambiguous", 0),
    )

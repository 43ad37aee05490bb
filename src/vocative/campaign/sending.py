"""Sends a campaign: plan once, then deliver what is planned, as often as it takes.

Planning is in `planning.py`. Sending again resumes; it never plans a second time.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from vocative.campaign import canary
from vocative.campaign.audience import FIRST, experiment_name
from vocative.campaign.definitions import Campaign, read_campaign
from vocative.campaign.halting import refuse_halted
from vocative.campaign.planning import launch, new_run
from vocative.campaign.rendering import Renderer
from vocative.campaign.runs import (
    Run,
    Status,
    anything_left,
    change_run,
    find_run,
    get_run,
    people_left,
)
from vocative.clock import from_micros, to_micros
from vocative.collect.door import OWN_SOURCE, accept
from vocative.compose.kept import load_to_send
from vocative.decide import HOLDOUT
from vocative.deliver import ledger
from vocative.deliver.channels import CHANNELS, Channel, channel_for
from vocative.deliver.ledger import Claim
from vocative.deliver.message import OutgoingMessage, Skip
from vocative.deliver.sender import DeliveryReport, deliver
from vocative.errors import AuthorError, StateError
from vocative.identify.apply import apply_log
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
    name, carrier = find_channel(workspace, found, channel, smtp)
    with workspace.store.read() as tx:
        run = find_run(tx, campaign, occurrence)
        refuse_halted(tx, campaign)
    resumed = run is not None and run.is_planned
    kept = None if smtp else name
    if not resumed:
        run = run or new_run(
            campaign, occurrence, at=workspace.clock.now(), channel=kept, conductor="command"
        )
        if override is not None:
            details = msgspec.structs.replace(run.details, override=override)
            run = msgspec.structs.replace(run, details=details)
        launch(workspace, found, run, progress=progress)
    with workspace.store.read() as tx:
        run = get_run(tx, campaign, occurrence)
    if run.status in ("canceled", "held"):
        why = f": {run.details.why}" if run.details.why else ""
        go_on = f"`vocative campaign resume {campaign}` lets it go" if run.status == "held" else ""
        raise StateError(
            f"this run of {campaign} is {run.status}{why}",
            hint=go_on or "begin another run with --occurrence",
        )
    if run.status != "unapproved" and (run.status != "finished" or people_left_in(workspace, run)):
        drive(
            workspace,
            found,
            msgspec.structs.replace(run, channel=kept, conductor="command"),
            carrier,
            stop=stop or (lambda: False),
            progress=progress,
            tell_all=not resumed,
        )
    return send_report(workspace, campaign, occurrence, channel=name, resumed=resumed)


def drive(
    workspace: Workspace,
    campaign: Campaign,
    run: Run,
    carrier: Channel,
    *,
    stop: Callable[[], bool],
    progress: Callable[..., None] | None = None,
    tell_all: bool = False,
    patience_seconds: float = 5.0,
) -> None:
    """Deliver what is due of a run, and say in the store how it stands then.

    Args:
        workspace: Whose campaign.
        campaign: The campaign.
        run: One that is planned.
        carrier: What carries the messages.
        stop: Asked between messages; True finishes the one in flight.
        progress: Told how far it is.
        tell_all: Whether nothing was told of this run to the event log yet.
        patience_seconds: Waits for messages that are due so soon.

    Raises:
        ProviderError: the channel cannot be used; driving again goes on from there.
        StateError: somebody paused, canceled or held the run meanwhile.
    """
    now = workspace.clock.now()
    _begin(workspace, run)
    run = msgspec.structs.replace(run, status="sending")
    verdict = canary.Verdict(release=True)
    if campaign.canary is not None:
        verdict = canary.judge(workspace, run, campaign.canary)
        if verdict.hold is not None:
            _hold(workspace, run, verdict.hold)
            return
    if verdict.release:
        with workspace.store.transaction() as tx:
            ledger.release(tx, campaign=run.campaign, occurrence=run.occurrence, at=now)
    with workspace.store.read() as tx:
        people = people_left(tx, run, due_before=now + timedelta(seconds=patience_seconds))
    stopped = False
    if people:
        stopped = deliver(
            workspace,
            run.campaign,
            run.occurrence,
            _Rendering(workspace, campaign, people).compose,
            carrier,
            window=campaign.body.schedule.window,
            stop=stop,
            progress=_progress(progress, len(people)),
            patience_seconds=patience_seconds,
        ).stopped
    done = not people_left_in(workspace, run)
    _tell(workspace, run, since=None if tell_all or done else now)
    _end(workspace, run, done=done, stopped=stopped)


class _Rendering:
    """Renders for the people of a run; facts are looked up for those who are due."""

    def __init__(self, workspace: Workspace, campaign: Campaign, people: list[str]) -> None:
        self._workspace = workspace
        self._campaign = campaign
        self._look_up(people)

    def _look_up(self, people: list[str]) -> None:
        self._known = set(people)
        self._renderer = Renderer(self._workspace, self._campaign, people, load=load_to_send)

    def compose(self, claims: list[Claim]) -> list[OutgoingMessage | Skip]:
        """One message, or the reason for none, per claim."""
        asked = {claim.person_id for claim in claims}
        if not asked <= self._known:
            # They came to be due while others were sent.
            self._look_up(sorted(asked))
        return self._renderer.compose(claims)


def _begin(workspace: Workspace, run: Run) -> None:
    details = msgspec.structs.replace(run.details, why=None)
    with workspace.store.transaction() as tx:
        begun = change_run(
            tx,
            run,
            status="sending",
            came_from=("sending", "waiting", "paused", "finished"),
            details=details,
        )
    if not begun:
        raise StateError(
            f"this run of {run.campaign} was stopped meanwhile",
            hint=f"see `vocative campaign runs {run.campaign}`",
        )


def _hold(workspace: Workspace, run: Run, why: str) -> None:
    details = msgspec.structs.replace(run.details, why=why)
    with workspace.store.transaction() as tx:
        change_run(tx, run, status="held", details=details)


def _end(workspace: Workspace, run: Run, *, done: bool, stopped: bool) -> None:
    """Say how a run stands; what somebody decided about it meanwhile stays as it is."""
    now = workspace.clock.now()
    status: Status = "finished" if done else "waiting"
    conductor = "server"
    if not done and stopped and run.conductor == "command":
        # Whoever stopped the command goes on with it; a server that stops goes on by itself.
        status, conductor = "paused", "command"
    with workspace.store.transaction() as tx:
        change_run(
            tx,
            run,
            status=status,
            conductor=conductor if run.channel else run.conductor,
            finished_at=now if done else None,
            details=msgspec.structs.replace(run.details, why=None),
        )
        still = find_run(tx, run.campaign, run.occurrence)
        if still is not None and still.status == "canceled":
            ledger.cancel(tx, campaign=run.campaign, occurrence=run.occurrence, at=now)


def people_left_in(workspace: Workspace, run: Run) -> bool:
    """Whether anything of a run is not settled."""
    with workspace.store.read() as tx:
        return anything_left(tx, run)


def find_channel(
    workspace: Workspace, campaign: Campaign, channel: str | None, smtp: str | None = None
) -> tuple[str, Channel]:
    """What carries a campaign's messages, with its name.

    Raises:
        UnknownName: there is no such channel.
        AuthorError: it carries something else.
    """
    name, carrier = _channel(workspace, channel, smtp)
    if carrier.medium != campaign.body.channel:
        raise AuthorError(
            f"{name} carries {carrier.medium}, the campaign is for {campaign.body.channel}",
            where=campaign.definition.where("channel"),
        )
    return name, carrier


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


def _progress(
    progress: Callable[..., None] | None, total: int
) -> Callable[[DeliveryReport], None] | None:
    if progress is None:
        return None

    def told(report: DeliveryReport) -> None:
        done = report.accepted + report.bounced + report.failed + report.ambiguous + report.skipped
        progress(done, total, "sending")

    return told


def _tell(workspace: Workspace, run: Run, *, since: datetime | None) -> None:
    """Put what happened on the event log: deliveries, bounces, exposures, the holdout.

    The ids derive from the messages, so telling again adds nothing. What happened before `since`
    was told, unless a sender died over it: everything is told once more when the run is finished.
    """
    campaign, occurrence = run.campaign, run.occurrence
    with workspace.store.read() as tx:
        rows = tx.rows(
            "SELECT message_id, person_id, arm, state, handed_at, planned_at FROM messages"
            " WHERE campaign = :campaign AND occurrence = :occurrence"
            " AND (state IN ('accepted', 'bounced') OR arm = 'holdout')"
            " AND updated_at >= :since ORDER BY message_id",
            {
                "campaign": campaign,
                "occurrence": occurrence,
                "since": 0 if since is None else to_micros(since),
            },
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

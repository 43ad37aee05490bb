"""Replays a journey: a draft, or the version that is live, over the last days of real events."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from vocative.campaign.journeys import state
from vocative.campaign.journeys.definition import Journey, read_journey
from vocative.campaign.journeys.ledgering import campaign_name, occurrence_of, step_of
from vocative.campaign.journeys.run import Run
from vocative.campaign.journeys.versions import compiled
from vocative.campaign.replay.comparing import Planned, compare
from vocative.campaign.replay.facts import Asked, Facts, NotKnown
from vocative.campaign.replay.past import PastEvents, Period, date_occasions, segment_occasions
from vocative.campaign.replay.results import Against, Replay, ReplayedMessage, ReplayedPerson
from vocative.campaign.replay.walk import Occasion, Person, Sent, Walked, walk
from vocative.clock import from_micros, to_micros
from vocative.engines.base import Engine
from vocative.errors import StateError
from vocative.ids import message_id_for
from vocative.segment import build_plan
from vocative.workspace import Workspace

PEOPLE = 20
MOST_PEOPLE = 1_000
MOST_DAYS = 3_660
Progress = Callable[[int, int, str], None]


def replay_journey(
    workspace: Workspace,
    journey: str,
    *,
    days: int = 30,
    live: bool = False,
    against: Against = "live",
    people: int = PEOPLE,
    progress: Progress | None = None,
) -> Replay:
    """Run a journey over real events of the past; nothing is sent and nothing is written.

    Args:
        workspace: Where.
        journey: Its name.
        days: How far back, up to now, at most 3,660. It begins with nobody in the journey.
        live: Replay the version that is live instead of the draft in the folder.
        against: What to compare with: the `live` version over the same time, the `ledger` since the
            live version was started, or `nothing`.
        people: So many people and differences are listed, at most 1,000.
        progress: Told how many people are done.

    Raises:
        UnknownName: there is no such journey.
        AuthorError: its definition is wrong.
        StateError: it was never started, and the live version or the ledger is asked for.
    """
    days, people = max(1, min(days, MOST_DAYS)), max(0, min(people, MOST_PEOPLE))
    began = time.perf_counter()
    now = workspace.clock.now()
    started = _live(workspace, journey)
    if started is None and (live or against == "ledger"):
        raise StateError(
            f"the journey {journey!r} was never started", hint="replay its draft: leave out --live"
        )
    chosen = started[0] if live and started else read_journey(workspace, journey)
    period = Period(to_micros(now - timedelta(days=days)), to_micros(now))
    if against == "ledger" and started:
        period = Period(max(started[1], period.since), period.until)
    with workspace.engine() as engine:
        # A replay is written nowhere, so that the live version's one is computed beside it.
        done = _Replaying(workspace, engine, chosen, period, progress)
        before = _before(workspace, engine, started, period, against, chosen, done)
    return Replay(
        journey=journey,
        version=chosen.version,
        since=from_micros(period.since),
        until=from_micros(period.until),
        events=done.events,
        entered=sum(len(one.runs) for one in done.walked.values()),
        people=sum(1 for one in done.walked.values() if one.runs),
        outcomes=dict(Counter(run.outcome or run.state for run in done.runs())),
        refused=dict(Counter(no.reason for one in done.walked.values() for _, no in one.refused)),
        messages=dict(Counter(sent.step for one in done.walked.values() for sent in one.sent)),
        reached_goal=sum(run.reached_at is not None for run in done.runs()),
        ways=done.ways(people),
        differences=None
        if before is None
        else compare(done.planned(), before, against=against, most=people),
        seconds=round(time.perf_counter() - began, 3),
        remarks=_remarks(chosen),
    )


def _live(workspace: Workspace, name: str) -> tuple[Journey, int] | None:
    """The version that is live and when it was started; None: no version ever was."""
    with workspace.store.read() as tx:
        started = [one for one in state.versions(tx, name) if one.status != "replaced"]
    if not started:
        return None
    version = started[-1]
    return compiled(workspace, version, build_plan(workspace)), version.started_at


def _before(
    workspace: Workspace,
    engine: Engine,
    started: tuple[Journey, int] | None,
    period: Period,
    against: Against,
    chosen: Journey,
    done: "_Replaying",
) -> list[Planned] | None:
    """The messages that a replay is compared with; None: with nothing."""
    if against == "nothing" or started is None:
        return None
    if against == "ledger":
        return list(_ledger(workspace, chosen, period))
    if started[0].version == chosen.version:
        return list(done.planned())
    return list(_Replaying(workspace, engine, started[0], period, None).planned())


def _ledger(workspace: Workspace, journey: Journey, period: Period) -> Iterator[Planned]:
    """The messages of a journey that were really planned."""
    with workspace.store.read() as tx:
        rows = tx.tuples(
            "SELECT m.message_id, coalesce(p.merged_into, m.person_id), m.planned_at, m.decision"
            " FROM messages m LEFT JOIN profiles p ON p.person_id = m.person_id"
            " WHERE m.campaign = :campaign AND m.planned_at BETWEEN :since AND :until"
            " ORDER BY m.planned_at, m.message_id",
            {
                "campaign": campaign_name(journey.name),
                "since": period.since,
                "until": period.until,
            },
        )
        runs = tx.tuples(
            "SELECT run_id, entry_key FROM journey_runs WHERE journey = :journey",
            {"journey": journey.name},
        )
    keys = dict(runs)
    for message_id, person_id, at, decision in rows:
        decided = msgspec.json.decode(decision)
        step = step_of(journey, decided)
        template = "" if step is None else step.body.template
        yield Planned(person_id, keys.get(decided.get("run"), ""), template, at, message_id)


class _Replaying:
    """Walks everybody whom a journey concerned through it."""

    def __init__(
        self,
        workspace: Workspace,
        engine: Engine,
        journey: Journey,
        period: Period,
        progress: Progress | None,
    ) -> None:
        self._journey = journey
        self._workspace = workspace
        self._engine = engine
        self._period = period
        self.events = 0
        self.walked: dict[str, Walked] = {}
        self._walk(self._occasions(), progress)

    def runs(self) -> Iterator[Run]:
        """Every run."""
        for one in self.walked.values():
            yield from one.runs.values()

    def planned(self) -> Iterator[Planned]:
        """Every message."""
        for person_id, one in self.walked.items():
            for sent in one.sent:
                yield Planned(
                    person_id,
                    sent.key,
                    self._journey.steps[sent.step].body.template,
                    sent.at,
                    self._message_id(one.runs[sent.run_id], sent),
                )

    def ways(self, most: int) -> list[ReplayedPerson]:
        """The runs that began first."""
        first = sorted(self.runs(), key=lambda run: (run.entered_at, run.run_id))[:most]
        return [self._way(run) for run in first]

    def _way(self, run: Run) -> ReplayedPerson:
        walked = self.walked[run.person_id]
        return ReplayedPerson(
            person_id=run.person_id,
            key=run.key,
            entered_at=from_micros(run.entered_at),
            state=run.state,
            outcome=run.outcome,
            messages=[
                ReplayedMessage(
                    step=sent.step,
                    template=self._journey.steps[sent.step].body.template,
                    at=from_micros(sent.at),
                    message_id=self._message_id(run, sent),
                )
                for sent in walked.sent
                if sent.run_id == run.run_id
            ],
            reasons=[
                {"at": from_micros(note.at), "step": note.step, "did": note.did, "saw": note.saw}
                for note in walked.notes[run.run_id]
            ],
        )

    def _message_id(self, run: Run, sent: Sent) -> str:
        return message_id_for(
            campaign=campaign_name(self._journey.name),
            occurrence=occurrence_of(run, sent.step),
            person_id=run.person_id,
            channel=self._journey.steps[sent.step].body.channel,
        )

    def _occasions(self) -> dict[str, list[Occasion]]:
        journey, period = self._journey, self._period
        past = PastEvents(self._engine, journey.events, period)
        self.events = past.count
        found = past.of
        with self._workspace.store.read() as tx:
            more = list(segment_occasions(tx, journey, period))
        self._zones, dates = self._people(journey.body.enter.date)
        if journey.body.enter.date is not None:
            people = ((who, dates[who], zone) for who, zone in self._zones.items())
            more += date_occasions(journey, people, period)
        for person_id, occasion in more:
            found.setdefault(person_id, []).append(occasion)
        for occasions in found.values():
            occasions.sort(key=lambda one: one.at)
        return {who: found[who] for who in sorted(found) if who in self._zones}

    def _people(self, trait: str | None) -> tuple[dict[str, ZoneInfo], dict[str, Any]]:
        """The zone of each person, and a trait of theirs."""
        table = self._engine.query("SELECT * FROM people")
        ids = table.column("person_id").to_pylist()
        zones = map(ZoneInfo, table.column("local_zone").to_pylist())
        stated = table.column(trait).to_pylist() if trait else [None] * len(ids)
        return dict(zip(ids, zones, strict=True)), dict(zip(ids, stated, strict=True))

    def _walk(self, occasions: dict[str, list[Occasion]], progress: Progress | None) -> None:
        journey, period = self._journey, self._period
        plan = build_plan(self._workspace)
        facts = Facts(self._workspace, self._engine, plan, journey.conditions)
        left = list(occasions)
        if any(rule.condition for rule in journey.exits):
            # Being in a segment is looked at on every occasion: better at once than one by one.
            facts.look_up({Asked(who, one.at) for who in left for one in occasions[who]})
        while left:
            asked = set[Asked]()
            for person_id in left:
                person = Person(
                    person_id=person_id,
                    zone=self._zones[person_id],
                    known=facts.of,
                    quiet_hours=self._workspace.settings.quiet_hours,
                )
                try:
                    self.walked[person_id] = walk(
                        journey,
                        person,
                        occasions[person_id],
                        since=period.since,
                        until=period.until,
                    )
                except NotKnown as question:
                    asked.add(question.asked)
            left = sorted(one.person_id for one in asked)
            if asked:
                facts.look_up(asked)
            if progress is not None:
                progress(len(occasions) - len(left), len(occasions), "replaying")


def _remarks(journey: Journey) -> list[str]:
    found = ["nobody was in the journey when the replay began"]
    if journey.conditions:
        found.append("traits and scores are as they are today")
    rule = journey.body.enter
    if rule.segment or rule.leaves or any(one.segment for one in journey.exits):
        found.append("changes of segments are those that were recorded at the time")
    return found

"""The live runner: what people do and the time that passes take them through journeys.

One piece of work at a time: some events of history, some changes of segments, dates that came
round, timers that are due. Each piece is committed with how far it was looked through, the runs
it changed and all they do, in one transaction. So after a crash at any instant nobody is
forgotten and nothing is done twice. What leaves the store waits in `journey_effects`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from vocative.campaign.journeys import state
from vocative.campaign.journeys.calendar import anniversaries, instant_of, local_day
from vocative.campaign.journeys.definition import Journey
from vocative.campaign.journeys.entering import Refused, Trigger, enter, trigger_of
from vocative.campaign.journeys.known import Known, know
from vocative.campaign.journeys.ledgering import Chooser, planned_message
from vocative.campaign.journeys.matching import COLUMNS
from vocative.campaign.journeys.run import (
    Advanced,
    Call,
    Happened,
    Moment,
    Run,
    Send,
    Tell,
    Update,
)
from vocative.campaign.journeys.state import QUERIES, Kept, Version, Waiting
from vocative.campaign.journeys.stepping import advance, end, listen
from vocative.campaign.journeys.steps.wait import time_of
from vocative.campaign.journeys.versions import CHANGES, EVENTS, LOCK, compiled, withdraw
from vocative.clock import from_micros, to_micros
from vocative.compose.language.amounts import zone_or
from vocative.deliver import ledger
from vocative.deliver.ledger import PlannedMessage
from vocative.errors import AuthorError
from vocative.identify.apply import CONSUMER as IDENTIFY
from vocative.segment import build_plan
from vocative.sql import quote_name, quote_text
from vocative.stores import Transaction, in_lists
from vocative.workspace import Workspace
from vocative.workspace.analytics import open_history
from vocative.workspace.definitions import definitions_stamp

EVENTS_PER_PIECE = 5_000
PEOPLE_PER_PIECE = 500
SCAN_SECONDS = 300
"""How often dates are looked for: everybody who has one is looked at."""
_SCAN_MICROS = SCAN_SECONDS * 1_000_000
_INSTANTS = ("at", "received_at")
_RESTS_ON = ("feature", "segment", "model")
"""Kinds of definitions that conditions name."""


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """Something at which a person is looked at: an event, a trigger, or that time has passed."""

    person_id: str
    event: Happened | None = None
    triggers: tuple[tuple[str, Trigger], ...] = ()
    """Other triggers than events, by journey."""


class RunnerReport(msgspec.Struct, kw_only=True):
    """What a runner did since it was made."""

    events: int = 0
    entered: int = 0
    ended: int = 0
    planned: int = 0
    """Messages."""
    broken: dict[str, str] = {}
    """Journeys that cannot go on, and why."""


class JourneyRunner:
    """Takes the journeys of a workspace as far as they go now.

    One at a time works, whichever process it is in: each piece takes the lock `journeys`.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.report = RunnerReport()
        self._seen: object = None
        self._versions: dict[tuple[str, int], Version] = {}
        self._journeys: dict[tuple[str, int], Journey] = {}

    def run(self) -> RunnerReport:
        """Work until nothing is left to do now."""
        while self.turn():
            pass
        return self.report

    def turn(self) -> bool:
        """Do one piece of work; whether there was any.

        Raises:
            StateError: another process has been working for long.
            StoreBusy, EngineError: nothing of the piece was kept; the next turn tries it again.
        """
        with self._workspace.worker_lock(LOCK):
            self._take_up()
            if not self._journeys:
                return False
            return self._events() or self._changes() or self._dates() or self._timers()

    # What there is

    def _take_up(self) -> None:
        """Compile versions that are new, or all when what they rest on has changed."""
        workspace = self._workspace
        with workspace.store.read() as tx:
            found = {(one.journey, one.version): one for one in state.versions(tx)}
        self._versions = found
        # The plan is built anew only when a file that it is made of has changed: a look is cheap.
        stamp = definitions_stamp(workspace.root, *_RESTS_ON), _stat(workspace.root / "traits.yaml")
        seen = (sorted(found), stamp)
        if not found or seen == self._seen:
            return
        plan = build_plan(workspace)
        self._seen, self._plan, self._journeys = seen, plan, {}
        self.report.broken = {}
        for key, version in found.items():
            try:
                self._journeys[key] = compiled(workspace, version, plan)
            except AuthorError as error:
                # Its people wait until what it names is there again.
                self.report.broken[version.journey] = error.message

    def _live(self) -> list[Journey]:
        """The versions into which people come."""
        return [
            journey for key, journey in self._journeys.items() if self._status(journey) == "live"
            and key in self._versions
        ]  # fmt: skip

    def _status(self, journey: Journey) -> str:
        return self._versions[journey.name, journey.version].status

    def _is_paused(self, name: str) -> bool:
        """Whether the newest version of a journey stands still, and so do older ones."""
        newest = max(version for journey, version in self._versions if journey == name)
        return self._versions[name, newest].status == "paused"

    # Pieces

    def _events(self) -> bool:
        with self._workspace.store.read() as tx:
            after, until = state.position(tx, EVENTS), state.position(tx, IDENTIFY)
        if after >= until:
            return False
        names = {name for journey in self._journeys.values() for name in journey.events}
        found, until = self._history(names, after, until)
        self._work([Occasion(person_id=one.person_id, event=one) for one in found], EVENTS, until)
        self.report.events += len(found)
        return True

    def _history(self, names: Iterable[str], after: int, until: int) -> tuple[list[Happened], int]:
        """Events that journeys listen to, after one position of the log and up to another.

        Returns:
            They, in their order; and up to which position they are complete.
        """
        chosen = ", ".join(_column_sql(name) for name in COLUMNS)
        listed = ", ".join(quote_text(name) for name in sorted(names)) or "NULL"
        with open_history(self._workspace) as engine:
            rows = engine.query(
                f"SELECT {chosen} FROM events AS e WHERE name IN ({listed})"
                f" AND position > {after} AND position <= {until} AND person_id IS NOT NULL"
                f" ORDER BY position, e.at, event_id LIMIT {EVENTS_PER_PIECE + 1}"
            )
        facts = list(zip(*(column.to_pylist() for column in rows.columns), strict=True))
        if len(facts) > EVENTS_PER_PIECE and facts[0][-1] != facts[-1][-1]:
            last = facts[-1][-1]
            facts, until = [fact for fact in facts if fact[-1] < last], last - 1
        return [Happened(fact[0], fact[1], fact[2], fact[3], fact) for fact in facts], until

    def _changes(self) -> bool:
        with self._workspace.store.read() as tx:
            after = state.position(tx, CHANGES)
            rows = tx.rows(QUERIES["changes"], {"after": after, "most": EVENTS_PER_PIECE})
        if not rows:
            return False
        occasions = []
        for row in rows:
            triggers = tuple(
                (journey.name, Trigger(kind="segment", id=str(row["seq"]), at=row["at"]))
                for journey in self._live()
                if _is_entry(journey, row)
            )
            leaves = any(
                rule.segment == row["segment"]
                for journey in self._journeys.values()
                for rule in journey.exits
            )
            if triggers or leaves:
                occasions.append(Occasion(person_id=row["person_id"], triggers=triggers))
        self._work(occasions, CHANGES, rows[-1]["seq"])
        return True

    def _dates(self) -> bool:
        """Dates that came round since they were last looked for."""
        now = to_micros(self._workspace.clock.now())
        for journey in self._live():
            version = self._versions[journey.name, journey.version]
            if journey.body.enter.date and now - version.scanned_until >= _SCAN_MICROS:
                self._scan(journey, version.scanned_until, now)
                return True
        return False

    def _scan(self, journey: Journey, since: int, now: int) -> None:
        rule, after = journey.body.enter, ""
        mark = f'%"{rule.date}":%'
        while True:
            with self._workspace.store.read() as tx:
                named = {"after": after, "mark": mark, "most": EVENTS_PER_PIECE}
                rows = tx.rows(QUERIES["people_with"], named)
            if not rows:
                break
            after = rows[-1]["person_id"]
            occasions = [
                Occasion(person_id=row["person_id"], triggers=((journey.name, trigger),))
                for row in rows
                for trigger in self._came_round(journey, row["traits"], since, now)
            ]
            for start in range(0, len(occasions), PEOPLE_PER_PIECE):
                self._work(occasions[start : start + PEOPLE_PER_PIECE])
        # Killed before this, the same dates are found again, and begin no second run.
        with self._workspace.store.transaction() as tx:
            named = {"journey": journey.name, "version": journey.version, "at": now}
            tx.run(QUERIES["set_scanned"], named)

    def _came_round(self, journey: Journey, traits: str, since: int, now: int) -> Iterable[Trigger]:
        rule, stated = journey.body.enter, msgspec.json.decode(traits)
        at = time_of(rule.at)
        try:
            first = date.fromisoformat(str(stated.get(rule.date)))
        except ValueError:
            return
        if at is None:
            return
        zone, shift, day = self._zone(stated), timedelta(days=rule.days), timedelta(days=1)
        start, until = local_day(since, zone) - day - shift, local_day(now, zone) + day - shift
        for found in anniversaries(first, rule.every, start, until):
            instant = instant_of(found + shift, at, zone)
            if since < instant <= now:
                key = found.isoformat()
                yield Trigger(kind="date", id=key, at=instant, key=key, entry={"date": key})

    def _timers(self) -> bool:
        moving = sorted(key for key in self._journeys if not self._is_paused(key[0]))
        now = to_micros(self._workspace.clock.now())
        with self._workspace.store.read() as tx:
            people = state.due_people(tx, at=now, of=moving, most=PEOPLE_PER_PIECE)
        if not people:
            return False
        self._work([Occasion(person_id=person_id) for person_id in people])
        return True

    # One piece

    def _work(
        self, occasions: Sequence[Occasion], consumer: str | None = None, until: int = 0
    ) -> None:
        """Look at people on some occasions, and commit everything that comes of it."""
        workspace = self._workspace
        now = to_micros(workspace.clock.now())
        with workspace.store.read() as tx:
            living = _living(tx, {one.person_id for one in occasions})
            erased = {one.person_id for one in occasions} - set(living)
            kept = state.runs_of(tx, sorted({who for who, _ in living.values()} | erased))
        piece = _Piece(self._journeys, kept, now)
        by_journey = self._asked(occasions, living, kept)
        facts = self._facts(by_journey)
        for person_id in sorted(erased):
            piece.forget(person_id)
        for occasion in occasions:
            if occasion.person_id in erased:
                continue
            person_id, traits = living[occasion.person_id]
            piece.join(person_id)
            self._look(piece, occasion, person_id, self._zone(traits), facts)
        messages, effects = self._effects(piece, now)
        with workspace.store.transaction() as tx:
            ledger.plan(tx, messages, at=from_micros(now))
            state.write_runs(tx, piece.changed.values())
            state.write_waiting(tx, effects)
            withdraw(tx, list(piece.changed.values()), now)
            if consumer is not None:
                state.set_position(tx, consumer, until)
        self.report.planned += len(messages)
        self.report.entered += piece.entered
        self.report.ended += sum(not one.is_active for one in piece.changed.values())

    def _asked(
        self,
        occasions: Sequence[Occasion],
        living: Mapping[str, tuple[str, dict[str, Any]]],
        kept: Mapping[str, list[Kept]],
    ) -> dict[tuple[str, int], set[str]]:
        """Of whom each version has to know what is true: who is in it, and who may come into it."""
        asked: dict[tuple[str, int], set[str]] = defaultdict(set)
        for occasion in occasions:
            if occasion.person_id not in living:
                continue
            person_id = living[occasion.person_id][0]
            for one in kept[person_id]:
                if one.is_active:
                    asked[one.run.journey, one.run.version].add(person_id)
            for journey in self._live():
                if _triggers(journey, occasion):
                    asked[journey.name, journey.version].add(person_id)
        return asked

    def _facts(
        self, asked: Mapping[tuple[str, int], set[str]]
    ) -> dict[tuple[str, int], dict[str, Known]]:
        return {
            key: know(self._workspace, self._plan, self._journeys[key].conditions, sorted(people))
            for key, people in asked.items()
            if key in self._journeys
        }

    def _look(
        self,
        piece: "_Piece",
        occasion: Occasion,
        person_id: str,
        zone: ZoneInfo,
        facts: Mapping[tuple[str, int], Mapping[str, Known]],
    ) -> None:
        """What one occasion does to one person's runs, and whether it begins one."""
        for one in list(piece.runs[person_id]):
            journey = self._journeys.get((one.run.journey, one.run.version))
            if journey is None:
                continue
            known = facts.get((journey.name, journey.version), {}).get(person_id, {})
            moment = self._moment(piece.now, zone, known, occasion.event)
            go_on = listen if self._is_paused(journey.name) else advance
            piece.put(person_id, one, go_on(journey, one.run, moment))
        for journey in self._live():
            known = facts.get((journey.name, journey.version), {}).get(person_id, {})
            moment = self._moment(piece.now, zone, known, occasion.event)
            version = self._versions[journey.name, journey.version]
            for trigger in _triggers(journey, occasion):
                earlier = [
                    one.as_earlier
                    for one in piece.runs[person_id]
                    if one.run.journey == journey.name
                ]
                begun = enter(
                    journey,
                    person_id,
                    trigger,
                    moment,
                    earlier,
                    started_at=_since(self._versions, version),
                )
                if not isinstance(begun, Refused):
                    piece.begin(person_id, begun)

    def _moment(self, now: int, zone: ZoneInfo, known: Known, event: Happened | None) -> Moment:
        hours = self._workspace.settings.quiet_hours
        return Moment(now=now, zone=zone, known=known, quiet_hours=hours, event=event)

    def _zone(self, traits: Mapping[str, Any]) -> ZoneInfo:
        return ZoneInfo(zone_or(traits.get("timezone"), self._workspace.settings.timezone))

    # What it does

    def _effects(self, piece: "_Piece", now: int) -> tuple[list[PlannedMessage], list[Waiting]]:
        """Ledger rows to plan, and effects to keep; runs learn of their messages."""
        chooser = Chooser(self._workspace)
        messages: list[PlannedMessage] = []
        waiting: list[Waiting] = []
        for run_id, effects in piece.effects.items():
            for number, effect in enumerate(effects):
                kept = piece.changed[run_id]
                journey = self._journeys[kept.run.journey, kept.run.version]
                if isinstance(effect, Send):
                    step = journey.steps[effect.step]
                    products = chooser.choose(step.body, kept.run.person_id)
                    message = planned_message(journey, kept.run, step, products)
                    messages.append(message)
                    sent = {**kept.run.sent, effect.step: message.message_id}
                    run = msgspec.structs.replace(kept.run, sent=sent)
                    piece.changed[run_id] = Kept(run, kept.notes)
                    waiting.append(_message_waits(run, message, now))
                elif isinstance(effect, Call):
                    waiting.append(_call(journey, kept.run, effect, now))
                else:
                    waiting.append(_event(journey, kept.run, effect, number, now))
        return messages, waiting


class _Piece:
    """The runs of a piece of work as they change."""

    def __init__(
        self,
        journeys: Mapping[tuple[str, int], Journey],
        runs: Mapping[str, list[Kept]],
        now: int,
    ) -> None:
        self.journeys = journeys
        self.now = now
        self.runs = {person_id: list(found) for person_id, found in runs.items()}
        self.changed: dict[str, Kept] = {}
        self.effects: dict[str, list[Any]] = {}
        self.entered = 0
        self._joined: set[str] = set()

    def forget(self, person_id: str) -> None:
        """End the runs of somebody who was erased."""
        for one in list(self.runs[person_id]):
            if one.is_active:
                self.put(person_id, one, end(one.run, "erased", "has no profile", self.now))

    def join(self, person_id: str) -> None:
        """Bring runs together of profiles that were joined: of two with one key the older stays."""
        if person_id in self._joined:
            return
        self._joined.add(person_id)
        staying: dict[tuple[str, str], int] = {}
        runs = self.runs[person_id]
        for index, one in enumerate(runs):
            run = one.run
            if run.person_id != person_id:
                moved = msgspec.structs.replace(run, person_id=person_id)
                runs[index] = self.changed[run.run_id] = Kept(moved, one.notes)
            if not one.is_active:
                continue
            place = staying.setdefault((run.journey, run.key), index)
            if place != index:
                self._become_one(runs, place, index)

    def _become_one(self, runs: list[Kept], staying: int, going: int) -> None:
        """End a run for another one, which knows from then on what it has sent."""
        gone, kept = runs[going], runs[staying]
        sent = {**gone.run.sent, **kept.run.sent}
        run = msgspec.structs.replace(kept.run, sent=sent)
        ended = end(gone.run, "merged", "is another run of the same person now", self.now)
        # Its messages are the other run's now.
        ended = msgspec.structs.replace(ended, run=msgspec.structs.replace(ended.run, sent={}))
        runs[staying], runs[going] = Kept(run, kept.notes), gone.after(ended)
        for one in (runs[staying], runs[going]):
            self.changed[one.run.run_id] = one

    def put(self, person_id: str, before: Kept, done: Advanced) -> None:
        """Keep what stepping made of a run."""
        if done.run == before.run and not done.notes and not done.effects:
            return
        runs = self.runs[person_id]
        after = before.after(done)
        runs[runs.index(before)] = after
        self.changed[after.run.run_id] = after
        self.effects.setdefault(after.run.run_id, []).extend(done.effects)

    def begin(self, person_id: str, begun: Advanced) -> None:
        """Keep a new run."""
        if any(one.run.run_id == begun.run.run_id for one in self.runs[person_id]):
            return  # the same trigger, looked at again
        self.runs[person_id].append(Kept(begun.run, begun.notes))
        self.changed[begun.run.run_id] = self.runs[person_id][-1]
        self.effects.setdefault(begun.run.run_id, []).extend(begun.effects)
        self.entered += 1


def _living(tx: Transaction, person_ids: Iterable[str]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Who people live on as, with their traits; whoever was erased is absent."""
    found = {}
    for marks, bound in in_lists(sorted(person_ids)):
        for row in tx.rows(QUERIES["living"].replace("/*ids*/", marks), bound):
            found[row["person_id"]] = (row["living"], msgspec.json.decode(row["traits"]))
    return found


def _triggers(journey: Journey, occasion: Occasion) -> list[Trigger]:
    found = [trigger for name, trigger in occasion.triggers if name == journey.name]
    if occasion.event is not None:
        by_event = trigger_of(journey, occasion.event)
        found += [by_event] if by_event else []
    return found


def _is_entry(journey: Journey, row: Mapping[str, Any]) -> bool:
    """Whether a change of a segment brings somebody in.

    Whoever is found to be in a segment when it is defined did not come into it.
    """
    rule = journey.body.enter
    wanted = rule.segment if row["change"] == "entered" else rule.leaves
    return bool(wanted == row["segment"] and row["cause"] != "definition")


def _since(versions: Mapping[tuple[str, int], Version], version: Version) -> int:
    """When the first version of a journey was started."""
    return min(one.started_at for (name, _), one in versions.items() if name == version.journey)


def _stat(file: Path) -> object:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size


def _column_sql(name: str) -> str:
    column = f"e.{quote_name(name)}"
    return f"epoch_us({column}) AS {quote_name(name)}" if name in _INSTANTS else column


def _message_waits(run: Run, message: PlannedMessage, now: int) -> Waiting:
    return Waiting(
        effect_id=message.message_id,
        run_id=run.run_id,
        kind="message",
        body={"journey": run.journey, "step": message.decision["step"]},
        due_at=now,
    )


def _call(journey: Journey, run: Run, effect: Call, now: int) -> Waiting:
    body = journey.steps[effect.step].body
    data = {
        "journey": run.journey,
        "version": run.version,
        "step": effect.step,
        "run": run.run_id,
        "person_id": run.person_id,
        "key": run.key,
        "entry": run.entry,
        "data": body.data,
    }
    told = {"type": "journey.step", "timestamp": from_micros(now).isoformat(), "data": data}
    return Waiting(
        effect_id=f"{run.run_id}.{effect.step}",
        run_id=run.run_id,
        kind="call",
        body={"url": body.url, "secret": body.secret, "told": told},
        due_at=now,
    )


def _event(journey: Journey, run: Run, effect: Tell | Update, number: int, now: int) -> Waiting:
    event: dict[str, Any] = {
        "messageId": f"journey-{run.run_id}-{effect.step}-{number}",
        "timestamp": from_micros(now).isoformat(),
        "context": {"personId": run.person_id},
    }
    if isinstance(effect, Update):
        event |= {"type": "identify", "traits": effect.traits}
    else:
        about = {"journey": journey.name, **effect.properties}
        event |= {"type": "track", "event": effect.event, "properties": about}
    return Waiting(
        effect_id=event["messageId"], run_id=run.run_id, kind="event", body=event, due_at=now
    )

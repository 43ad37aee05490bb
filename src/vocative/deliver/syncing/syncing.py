"""One sync of a destination: who leaves is taken out, who changed is told, what happened is told.

Taking out comes first, so that a withdrawn consent waits for nobody. Of each batch it is noted
before it leaves that it does, and afterwards what became of it: after a crash at any moment it is
sent again, which changes nothing there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from vocative.clock import to_micros
from vocative.collect.sources._http import connect
from vocative.deliver.destinations.base import (
    Change,
    Connect,
    Destination,
    DestinationDown,
    DestinationRefused,
)
from vocative.deliver.syncing import states
from vocative.deliver.syncing.batches import send_apart
from vocative.deliver.syncing.definitions import DestinationDefinition
from vocative.deliver.syncing.facts import (
    FactPage,
    end_of_facts,
    event_facts,
    membership_facts,
    position_at,
)
from vocative.deliver.syncing.ledger import Ledger, Row
from vocative.deliver.syncing.opening import fingerprint, opened
from vocative.deliver.syncing.people import People
from vocative.errors import VocativeError
from vocative.stores import Transaction, in_lists
from vocative.workspace import Workspace

PAGE = 1_000
"""People looked at together."""
REFUSED_AGAIN_SECONDS = 86_400
"""How long a refused row that did not change is left alone."""
FIRST_PAUSE_SECONDS = 15
LONGEST_PAUSE_SECONDS = 3_600


class SyncReport(msgspec.Struct, kw_only=True):
    """What a sync came to."""

    destination: str
    told: int = 0
    """People of whom it was told something new."""
    taken_out: int = 0
    facts: int = 0
    refused: dict[str, int] = {}
    """Rows and facts that it did not take, by reason."""
    unfinished: bool = False
    """Whether it was stopped before the end."""


def sync_destination(
    workspace: Workspace,
    definition: DestinationDefinition,
    *,
    connect: Connect = connect,
    wanted: Callable[[], bool] = lambda: True,
    again: bool = False,
    since: datetime | None = None,
) -> SyncReport:
    """Bring a destination up to date; whoever calls holds its lock.

    Args:
        workspace: Whose.
        definition: The destination.
        connect: Opens the HTTP client.
        wanted: Asked after each batch whether to go on.
        again: Tell everything again, whatever it was told before.
        since: Tell facts again from this instant on.

    Raises:
        DestinationDown, DestinationRefused: it takes nothing now; what it took is kept.
        AuthorError: a secret is missing.
    """
    name = definition.name
    report = SyncReport(destination=name)
    try:
        mark = fingerprint(workspace, definition)
        with workspace.store.transaction() as tx:
            states.begin(tx, name, mark)
        with opened(workspace, definition, connect=connect) as destination:
            one = _Sync(workspace, definition, destination, report, wanted)
            one.begin(again=again, since=since)
            one.take_out()
            if definition.type.takes_facts:
                one.tell_facts()
            else:
                one.tell_people()
    except VocativeError as error:
        _note_failure(workspace, name, error)
        raise
    report.unfinished = not wanted()
    if not report.unfinished:
        now = to_micros(workspace.clock.now())
        with workspace.store.transaction() as tx:
            states.finish(tx, name, at=now, next_at=now + definition.every_seconds * 1_000_000)
    return report


def lock_of(destination: str) -> str:
    """The name of the lock that whoever syncs a destination holds."""
    return f"destination-{destination}"


def _note_failure(workspace: Workspace, name: str, error: VocativeError) -> None:
    with workspace.store.transaction() as tx:
        failures = states.state_of(tx, name).failures
        seconds = float(min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(failures, 20)))
        state: states.State = "failed"
        if isinstance(error, DestinationDown):
            state = "down"
            seconds = seconds if error.wait_seconds is None else error.wait_seconds
        elif isinstance(error, DestinationRefused):
            state, seconds = "refused", float(LONGEST_PAUSE_SECONDS)
        next_at = to_micros(workspace.clock.now() + timedelta(seconds=seconds))
        reason = error.message + (f" ({error.hint})" if error.hint else "")
        states.fail(tx, name, state, error=reason, next_at=next_at)


@dataclass(frozen=True)
class _Leaving:
    """Somebody who is to be taken out."""

    row: Row
    change: Change


class _Sync:
    """What the steps of one sync share."""

    def __init__(
        self,
        workspace: Workspace,
        definition: DestinationDefinition,
        destination: Destination,
        report: SyncReport,
        wanted: Callable[[], bool],
    ) -> None:
        self._workspace = workspace
        self._definition = definition
        self._destination = destination
        self._report = report
        self._wanted = wanted
        self._people = People(workspace, definition)
        self._ledger = Ledger(definition.name, workspace.key.destinations)

    def begin(self, *, again: bool, since: datetime | None) -> None:
        """Note from where on it is told."""
        name = self._definition.name
        start = None if since is None else position_at(self._workspace, since)
        with self._workspace.store.transaction() as tx:
            if again:
                self._ledger.doubt(tx)
                start = start or states.Position()
            elif start is None and states.state_of(tx, name).position is None:
                start = end_of_facts(tx)
            if start is not None:
                states.move(tx, name, start)

    def take_out(self) -> None:
        """Take everybody out who is not to be known there any more, or not as who they were."""
        after = ""
        while self._wanted():
            with self._workspace.store.read() as tx:
                page = self._ledger.page(tx, after, PAGE)
                leaving = self._leaving(tx, page)
            size = self._definition.type.batch_size
            for start in range(0, len(leaving), size):
                if self._wanted():
                    self._send_out(leaving[start : start + size])
            if len(page) < PAGE:
                return
            after = page[-1].known_as

    def tell_people(self) -> None:
        """Tell what changed of everybody who is to be known there."""
        after = ""
        while self._wanted():
            with self._workspace.store.read() as tx:
                ids = self._candidates(tx, after)
                changes = self._changed(tx, self._people.wanted(tx, ids))
            size = self._definition.type.batch_size
            for start in range(0, len(changes), size):
                if self._wanted():
                    self._send(dict([*changes.items()][start : start + size]))
            if len(ids) < PAGE:
                return
            after = ids[-1]

    def tell_facts(self) -> None:
        """Tell what happened, in its order, of everybody who is to be known there."""
        options, name = self._destination.options, self._definition.name
        with self._workspace.store.read() as tx:
            stated = states.state_of(tx, name).position or "{}"
        position = msgspec.json.decode(stated, type=states.Position)
        if options.memberships:
            called = {segment: key for key, segment in self._definition.body.segments.items()}
            for page in membership_facts(self._workspace, position, called):
                if not self._wanted():
                    return
                self._tell(page)
                position = page.position
        if options.events:
            for page in event_facts(self._workspace, position, options.events):
                if not self._wanted():
                    return
                self._tell(page)

    def _leaving(self, tx: Transaction, page: Sequence[Row]) -> list[_Leaving]:
        wanted = self._people.wanted(tx, [row.person_id for row in page])
        rows = [
            row for row in page if self._people.known_as(wanted.get(row.person_id)) != row.known_as
        ]
        changes = {row.known_as: self._ledger.opened(row, action="leave") for row in rows}
        now_of = self._whose_now(tx, changes)
        states_of = _profiles(tx, [row.person_id for row in rows])
        found = []
        for row in rows:
            if now_of.get(row.known_as) == row.known_as:
                continue  # Somebody else is known there by it now, and is told of in their turn.
            change = self._people.gone(changes[row.known_as])
            merged_into, has_key = states_of.get(row.person_id, (None, False))
            erased = merged_into is None and not has_key
            found.append(
                _Leaving(
                    row,
                    replace(
                        change,
                        action="erase" if erased else "leave",
                        merged_into=merged_into,
                    ),
                )
            )
        return found

    def _whose_now(self, tx: Transaction, changes: Mapping[str, Change]) -> dict[str, str | None]:
        """What those are known as to whom the addresses of those who leave belong now."""
        if self._definition.type.known_by != "email":
            return {}
        hashes = {
            self._workspace.vault.lookup_hash("email", change.email): known_as
            for known_as, change in changes.items()
            if change.email is not None
        }
        owners = {
            hashes[value_hash]: person_id
            for marks, bound in in_lists([*hashes])
            for value_hash, person_id in tx.tuples(
                "SELECT value_hash, person_id FROM identities"
                f" WHERE namespace = 'email' AND value_hash IN ({marks})",
                bound,
            )
        }
        wanted = self._people.wanted(tx, owners.values())
        return {one: self._people.known_as(wanted.get(owner)) for one, owner in owners.items()}

    def _candidates(self, tx: Transaction, after: str) -> list[str]:
        """People who may have to be known there, some behind one."""
        audience = self._definition.body.audience
        if audience is None:
            sql = "SELECT person_id FROM profiles WHERE merged_into IS NULL"
        else:
            sql = "SELECT person_id FROM memberships WHERE until_at IS NULL AND segment = :audience"
        bound = {"after": after, "limit": PAGE}
        rows = tx.tuples(
            f"{sql} AND person_id > :after ORDER BY person_id LIMIT :limit",
            bound if audience is None else {**bound, "audience": audience},
        )
        return [row[0] for row in rows]

    def _changed(self, tx: Transaction, wanted: Mapping[str, Change]) -> dict[str, Change]:
        """Those of whom the destination was not told what is so now, by `known_as`."""
        named = {self._people.known_as(change) or "": change for change in wanted.values()}
        rows = self._ledger.find(tx, named)
        others = {
            row.person_id for one, row in rows.items() if row.person_id != named[one].person_id
        }
        still = self._people.wanted(tx, others)
        now = to_micros(self._workspace.clock.now())
        found = {}
        for known_as, change in named.items():
            row = rows.get(known_as)
            if row is not None and row.person_id != change.person_id:
                if self._people.known_as(still.get(row.person_id)) == known_as:
                    continue  # Two people of one address: it stays whose it was first.
            elif row is not None and row.fingerprint == self._people.fingerprint(change):
                waits = now - row.updated_at < REFUSED_AGAIN_SECONDS * 1_000_000
                if row.state == "sent" or waits:
                    continue
            found[known_as] = change
        return found

    def _send(self, changes: dict[str, Change]) -> None:
        ledger, store = self._ledger, self._workspace.store
        with store.transaction(durable=True) as tx:
            ledger.claim(tx, changes, at=self._now())
        refused = send_apart(self._destination, [*changes.values()])
        marks = {one: self._people.fingerprint(change) for one, change in changes.items()}
        names = [*changes]
        reasons = {names[index]: why for index, why in refused.items()}
        taken = {one: mark for one, mark in marks.items() if one not in reasons}
        with store.transaction() as tx:
            ledger.told(tx, taken, at=self._now())
            ledger.refused(
                tx, {one: (marks[one], why) for one, why in reasons.items()}, at=self._now()
            )
            states.count(tx, self._definition.name, len(taken))
        self._report.told += len(taken)
        self._count_refused(refused)

    def _send_out(self, leaving: Sequence[_Leaving]) -> None:
        refused = send_apart(self._destination, [one.change for one in leaving])
        done = [one.row.known_as for index, one in enumerate(leaving) if index not in refused]
        reasons = {leaving[index].row.known_as: ("", why) for index, why in refused.items()}
        with self._workspace.store.transaction() as tx:
            self._ledger.let_go(tx, done)
            self._ledger.refused(tx, reasons, at=self._now())
        self._report.taken_out += len(done)
        self._count_refused(refused)

    def _tell(self, page: FactPage) -> None:
        """Tell a page, and then keep where it ends."""
        store = self._workspace.store
        with store.read() as tx:
            wanted = self._people.wanted(tx, [fact.person_id for fact in page.facts])
        facts = [fact for fact in page.facts if fact.person_id in wanted]
        people = {
            self._people.known_as(wanted[one]) or "": wanted[one]
            for one in sorted({fact.person_id for fact in facts})
        }
        if people:
            with store.transaction(durable=True) as tx:
                self._ledger.claim(tx, people, at=self._now())
        refused = self._destination.tell(facts) if facts else {}
        with store.transaction() as tx:
            self._ledger.told(tx, dict.fromkeys(people, "told"), at=self._now())
            states.move(tx, self._definition.name, page.position)
            states.count(tx, self._definition.name, len(facts) - len(refused))
        self._report.facts += len(facts) - len(refused)
        self._count_refused(refused)

    def _count_refused(self, refused: Mapping[int, str]) -> None:
        counts = self._report.refused
        for why in refused.values():
            counts[why] = counts.get(why, 0) + 1

    def _now(self) -> int:
        return to_micros(self._workspace.clock.now())


def _profiles(tx: Transaction, ids: Sequence[str]) -> dict[str, tuple[str | None, bool]]:
    """(merged into whom, whether there is a key in the vault) of people who are there."""
    return {
        person_id: (merged_into, key is not None)
        for marks, bound in in_lists(sorted({*ids}))
        for person_id, merged_into, key in tx.tuples(
            "SELECT p.person_id, p.merged_into, k.person_id FROM profiles p"
            f" LEFT JOIN vault_keys k ON k.person_id = p.person_id WHERE p.person_id IN ({marks})",
            bound,
        )
    }

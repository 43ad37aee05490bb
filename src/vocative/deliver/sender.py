"""The loop that says what was planned, once: claim, permit, render, hand over, write down.

Messages of one campaign's run come out of the ledger and go to a channel. `handed` is committed,
together with a fresh check of the permit, before a message leaves; its fate is committed with the
next hand-over. Killing the process anywhere loses nothing and doubles nothing.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import groupby

import msgspec

from vocative.deliver import holder as holders
from vocative.deliver import ledger
from vocative.deliver.channels.base import Channel, ChannelDown
from vocative.deliver.holder import Holder, Left
from vocative.deliver.ledger import Claim, Mark
from vocative.deliver.message import OutgoingMessage, Receipt, Skip
from vocative.errors import ProviderError
from vocative.privacy import suppression
from vocative.privacy.permit import Contact, ContactRules, HoursRule, Permit, Refusal, issue_many
from vocative.stores import Transaction, hold
from vocative.workspace import Workspace

Compose = Callable[[list[Claim]], Sequence[OutgoingMessage | Skip]]
Personal = Callable[[Sequence[Claim]], Mapping[str, Mapping[str, str]]]
BATCH_SIZE = 200
MAX_GROUP = 64
"""How many messages at most are put into `handed` together."""
_GROUP_SECONDS = (0.25, 1.0)
"""Groups that take less grow, groups that take more shrink: a permit must not get old."""
LEASE_SECONDS = 300.0
RECONNECT_SECONDS = (0.2, 1.0, 3.0)
HALTED_SECONDS = 0.5
"""How often to look whether somebody asked that nothing is sent any more."""


class DeliveryReport(msgspec.Struct, kw_only=True):
    """What one call of `deliver` did."""

    accepted: int = 0
    deferred: int = 0
    bounced: int = 0
    failed: int = 0
    ambiguous: int = 0
    skipped: int = 0
    recovered: int = 0
    """Messages settled that an earlier sender left behind; ambiguous ones are counted there too."""
    stopped: bool = False
    """True when it was asked to stop before everything was done."""

    def add(self, state: str) -> None:
        """Count one message."""
        setattr(self, state, getattr(self, state) + 1)


def deliver(
    workspace: Workspace,
    campaign: str,
    occurrence: str,
    compose: Compose,
    channel: Channel,
    *,
    personal: Personal | None = None,
    window: HoursRule | None = None,
    progress: Callable[[DeliveryReport], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
    batch_size: int = BATCH_SIZE,
    lease_seconds: float = LEASE_SECONDS,
    patience_seconds: float = 5.0,
) -> DeliveryReport:
    """Deliver what is planned, and deferred and due, for one run of a campaign.

    Args:
        workspace: Whose campaign.
        campaign: Its name.
        occurrence: Which of its runs.
        compose: Renders a batch of claims: one message or `Skip` for each, in the same order.
            Claims carry the person's fields as `personal`.
        channel: What carries the messages; it is opened and closed here.
        personal: The fields for each of some claims, by message, with the address among them; those
            that the vault has of the person unless told.
        window: The only hours of a person's day in which a message may leave.
        progress: Is told what was done so far, after every batch.
        stop: Asked between messages; True finishes the one in flight and gives back the rest.
        batch_size: How many messages are claimed and rendered at a time.
        lease_seconds: How long a batch may take before others may take it over.
        patience_seconds: Waits for messages that are deferred no longer than this.

    Returns:
        What was done; what is left is in the ledger.

    Raises:
        ProviderError: the channel cannot be used. Nothing is lost: what was not handed over waits
            in the ledger, and calling again goes on from there.
    """
    job = _Job(workspace, campaign, occurrence, compose, personal, progress, stop)
    job.rules = replace(job.rules, window=window)
    job.batch_size, job.lease_seconds = batch_size, lease_seconds
    if channel.room() == 0:
        raise ChannelDown(
            "today's messages of the warm-up plan are used up, or it has not begun",
            where="channels in vocative.yaml",
            hint="the rest stays planned; run it again on the next day of the plan",
        )
    with channel:
        job.recover(channel)
        _run(job, channel, patience_seconds)
        # A sender beside this one may have died meanwhile; what it left is done as well.
        while not job.stopping() and job.recover(channel):
            _run(job, channel, patience_seconds)
    with workspace.store.read() as tx:
        kept = ledger.lease_owners(tx)
    holders.forget(workspace.state_dir, except_for=kept)
    return job.report


def _run(job: "_Job", channel: Channel, patience_seconds: float) -> None:
    """One loop per connection; the first is this thread's own."""
    parallel = "parallel" in channel.capabilities
    loops = getattr(channel.settings, "connections", 1) if parallel else 1
    problems: list[BaseException] = []

    def extra_loop() -> None:
        try:
            with channel.twin() as twin:
                _Loop(job, twin).run(patience_seconds)
        except BaseException as error:  # noqa: BLE001  # raised again below, in the caller's thread
            problems.append(error)
            job.broken.set()

    threads = [threading.Thread(target=extra_loop, daemon=True) for _ in range(loops - 1)]
    for thread in threads:
        thread.start()
    try:
        _Loop(job, channel).run(patience_seconds)
    except BaseException:
        job.broken.set()
        raise
    finally:
        for thread in threads:
            thread.join()
    if problems:
        raise problems[0]


class _Job:
    """What the loops of one delivery share."""

    batch_size: int
    lease_seconds: float

    def __init__(
        self,
        workspace: Workspace,
        campaign: str,
        occurrence: str,
        compose: Compose,
        personal: Personal | None,
        progress: Callable[[DeliveryReport], None] | None,
        stop: Callable[[], bool],
    ) -> None:
        self.workspace = workspace
        self.store = workspace.store
        self.clock = workspace.clock
        self.campaign = campaign
        self.occurrence = occurrence
        self.rules = ContactRules(
            purposes=workspace.settings.purposes,
            timezone=workspace.settings.timezone,
            quiet_hours=workspace.settings.quiet_hours,
            caps=workspace.settings.caps,
        )
        self.report = DeliveryReport()
        self._halted_at = float("-inf")
        self.broken = threading.Event()
        self.personal = personal or self._from_vault
        self._compose = compose
        self._progress = progress
        self._stop = stop
        # Templates and counters are not made for several threads.
        self._lock = threading.Lock()

    def compose(self, claims: list[Claim]) -> Sequence[OutgoingMessage | Skip]:
        """Render a batch."""
        if not claims:
            return []
        with self._lock:
            composed = self._compose(claims)
        if [made.message_id for made in composed] != [claim.message_id for claim in claims]:
            raise TypeError("compose must return one message or Skip per claim, in their order")
        return composed

    def _from_vault(self, claims: Sequence[Claim]) -> dict[str, Mapping[str, str]]:
        with self.store.read() as tx:
            fields = self.workspace.vault.get_many(tx, [claim.person_id for claim in claims])
        return {claim.message_id: fields.get(claim.person_id, {}) for claim in claims}

    def count(self, marks: Sequence[Mark]) -> None:
        """Add what was written down to the report."""
        with self._lock:
            for entry in marks:
                if entry.state in DeliveryReport.__struct_fields__:
                    self.report.add(entry.state)

    def tell(self) -> None:
        """Report progress."""
        if self._progress is not None:
            with self._lock:
                self._progress(self.report)

    def stopping(self) -> bool:
        """Whether no further message is to leave."""
        if self._stop() or self._is_halted():
            self.report.stopped = True
        return self.report.stopped or self.broken.is_set()

    def _is_halted(self) -> bool:
        """Whether the run was paused or everything was halted, maybe from another machine."""
        if time.monotonic() - self._halted_at < HALTED_SECONDS:
            return False
        self._halted_at = time.monotonic()
        with self.store.read() as tx:
            return ledger.is_halted(tx, campaign=self.campaign, occurrence=self.occurrence)

    def recover(self, channel: Channel) -> bool:
        """Settle what senders that are gone have left behind; True when that gives work."""
        state_dir = self.workspace.state_dir
        found = ledger.recover(
            self.store,
            campaign=self.campaign,
            occurrence=self.occurrence,
            at=self.clock.now(),
            lookup=channel.lookup if "lookup" in channel.capabilities else None,
            is_dead=lambda owner: holders.is_dead(state_dir, owner),
            lost_power=holders.lost_power,
            left_by=lambda owner: holders.left_by(state_dir, owner),
        )
        self.report.recovered += found.planned + found.accepted + found.ambiguous
        self.report.ambiguous += found.ambiguous
        self.report.accepted += found.accepted
        return found.planned > 0


class _Loop:
    """One sender with one connection."""

    def __init__(self, job: _Job, channel: Channel) -> None:
        self.job = job
        self.channel = channel
        self.pending: list[Mark] = []
        """What happened and is not committed yet."""
        self.outages = 0
        """How often in a row the provider went away without taking anything."""
        self.dead_addresses: list[suppression.Suppression] = []
        self.group_size = channel.group_size
        self.holder = Holder(job.workspace.state_dir)

    def run(self, patience_seconds: float) -> None:
        """Batches until nothing is due."""
        with self.holder as holder:
            # Where a day's messages are used up, the rest stays planned.
            while not self.job.stopping() and self.channel.room() != 0:
                claims = self._claim(holder.name)
                if claims:
                    self._batch(claims)
                    self.job.tell()
                elif not self._wait(patience_seconds):
                    return

    def _claim(self, owner: str) -> list[Claim]:
        job, room = self.job, self.channel.room()
        with job.store.transaction() as tx:
            return ledger.claim(
                tx,
                campaign=job.campaign,
                occurrence=job.occurrence,
                owner=owner,
                n=job.batch_size if room is None else min(job.batch_size, room),
                at=job.clock.now(),
                lease_seconds=job.lease_seconds,
            )

    def _wait(self, patience_seconds: float) -> bool:
        """Wait for a message that is due soon; False when there is none."""
        job = self.job
        with job.store.read() as tx:
            due = ledger.next_attempt_at(tx, campaign=job.campaign, occurrence=job.occurrence)
        if due is None or due - job.clock.now() > timedelta(seconds=patience_seconds):
            return False
        until = time.monotonic() + max((due - job.clock.now()).total_seconds(), 0.001)
        while time.monotonic() < until and not job.stopping():
            time.sleep(min(0.05, max(until - time.monotonic(), 0)))
        # A clock that stands still never makes anything due.
        return due <= job.clock.now()

    def _batch(self, claims: list[Claim]) -> None:
        """Everything that happens to one batch of claims."""
        waiting = {claim.message_id: claim for claim in claims}
        try:
            self._deliver_batch(claims, waiting)
        finally:
            # Whatever went wrong: what is known is written, and what is left is given back.
            self._write([Mark(claim=claim, state="planned") for claim in waiting.values()])

    def _deliver_batch(self, claims: list[Claim], waiting: dict[str, Claim]) -> None:
        # A batch that takes longer than its lease would be taken over anyway.
        until = time.monotonic() + self.job.lease_seconds / 2
        addressed = self._with_addresses(claims)
        allowed = self._permitted(addressed, waiting)
        composed = self.job.compose([claim for claim, _ in allowed])
        ready = self._rendered(allowed, composed, waiting)
        while ready:
            began = time.monotonic()
            if self.job.stopping() or began > until:
                return
            group, ready = ready[: self.group_size], ready[self.group_size :]
            self._hand_over(group, waiting)
            self._adapt(len(group), time.monotonic() - began)

    def _adapt(self, messages: int, seconds: float) -> None:
        """Choose the size of the next group by how long this one took."""
        quick, slow = _GROUP_SECONDS
        if seconds > slow:
            self.group_size = max(messages // 2, self.channel.group_size)
        elif seconds < quick:
            self.group_size = max(min(self.group_size * 2, MAX_GROUP), self.channel.group_size)

    def _with_addresses(self, claims: list[Claim]) -> list[tuple[Claim, Contact]]:
        """Claims with the person's fields, and the address hashes to ask permits for."""
        vault = self.job.workspace.vault
        fields = self.job.personal(claims)
        found = []
        for claim in claims:
            personal = fields[claim.message_id]
            address = personal.get(self.channel.address_field)
            address_hash = (
                suppression.address_hash(vault, self.channel.medium, address) if address else None
            )
            contact = Contact(
                person_id=claim.person_id,
                address_hash=address_hash,
                priority=claim.priority or 0.0,
            )
            found.append((msgspec.structs.replace(claim, personal=personal), contact))
        return found

    def _permitted(
        self, addressed: list[tuple[Claim, Contact]], waiting: dict[str, Claim]
    ) -> list[tuple[Claim, Contact]]:
        """Those who may be contacted, so that nothing is rendered for the others."""
        with self.job.store.read() as tx:
            answers = self._ask(tx, addressed)
        marks, allowed = [], []
        for (claim, contact), answer in zip(addressed, answers, strict=True):
            if isinstance(answer, Refusal):
                marks.append(_refused(claim, answer))
                waiting.pop(claim.message_id)
            else:
                marks.append(Mark(claim=claim, state="permitted"))
                allowed.append((claim, contact))
        self._write(marks)
        return allowed

    def _ask(
        self, tx: Transaction, addressed: Sequence[tuple[Claim, Contact]]
    ) -> list[Permit | Refusal]:
        answers: list[Permit | Refusal] = []
        for purpose, group in groupby(addressed, key=lambda pair: pair[0].purpose):
            answers += issue_many(
                tx,
                [contact for _, contact in group],
                purpose=purpose,
                channel=self.channel.medium,
                rules=self.job.rules,
                at=self.job.clock.now(),
            )
        told = ledger.told_otherwise(
            tx,
            campaign=self.job.campaign,
            occurrence=self.job.occurrence,
            channel=self.channel.medium,
            person_ids=[contact.person_id for _, contact in addressed],
        )
        return [_once(answer) if answer.person_id in told else answer for answer in answers]

    def _rendered(
        self,
        allowed: list[tuple[Claim, Contact]],
        composed: Sequence[OutgoingMessage | Skip],
        waiting: dict[str, Claim],
    ) -> list[tuple[Claim, Contact, OutgoingMessage]]:
        """Messages that are complete; `rendered` is flushed to the disk.

        After a power cut SQLite may have forgotten the latest commits, but not this one: so
        whatever might have left is at least `rendered` (see `ledger.recover`).
        """
        ready, marks = [], []
        for (claim, contact), made in zip(allowed, composed, strict=True):
            if isinstance(made, Skip):
                marks.append(Mark(claim=claim, state="skipped", reason=made.reason))
                waiting.pop(claim.message_id)
            else:
                marks.append(Mark(claim=claim, state="rendered"))
                ready.append((claim, contact, self._complete(claim, contact, made)))
        self._write(marks, durable=True)
        return ready

    def _complete(self, claim: Claim, contact: Contact, made: OutgoingMessage) -> OutgoingMessage:
        return msgspec.structs.replace(
            made,
            to=claim.personal[self.channel.address_field],
            person_id=claim.person_id,
            address_hash=contact.address_hash or "",
            campaign=claim.campaign,
            occurrence=claim.occurrence,
            purpose=claim.purpose,
            workspace=self.job.workspace.settings.workspace,
            at=self.job.clock.now(),
            attempt=claim.attempts + 1,
        )

    def _hand_over(
        self,
        group: Sequence[tuple[Claim, Contact, OutgoingMessage]],
        waiting: dict[str, Claim],
    ) -> None:
        """Check the permits again, commit `handed`, then let the messages leave."""
        answers: list[Permit | Refusal] = []

        def decide(tx: Transaction) -> list[Mark]:
            # Nobody else hands over to them, and nobody joins them with others, until it is noted.
            hold(tx, (claim.person_id for claim, _, _ in group))
            answers.extend(self._ask(tx, [(claim, contact) for claim, contact, _ in group]))
            return [
                _refused(claim, answer)
                if isinstance(answer, Refusal)
                else Mark(claim=claim, state="handed", decision=_decision(claim, made, answer))
                for (claim, _, made), answer in zip(group, answers, strict=True)
            ]

        lost = self._write(decide)
        leaving = []
        for (claim, _, made), answer in zip(group, answers, strict=True):
            waiting.pop(claim.message_id)
            if isinstance(answer, Permit) and claim.message_id not in lost:
                leaving.append((claim, made, answer))
        self._send(leaving)

    def _send(self, leaving: list[tuple[Claim, OutgoingMessage, Permit]]) -> None:
        """Let messages leave that the ledger says are handed over."""
        self.holder.begin_group()
        unanswered = {made.message_id: claim for claim, made, _ in leaving}
        sent: list[Mark] = []
        problem: ProviderError | None = None
        try:
            for made, receipt in self.channel.send_many(self._next(leaving)):
                self.outages = 0
                self.holder.note(made.message_id, _LEFT_AS.get(receipt.outcome, "refused"))
                sent.append(self._outcome(unanswered.pop(made.message_id), receipt))
                if receipt.address_is_dead:
                    self.dead_addresses.append(self._dead(made))
        except ProviderError as error:
            problem = error
        # What has no receipt has certainly not left.
        reason = "given_back" if problem is None else "provider_unreachable"
        self.pending += [self._not_sent(claim, reason) for claim in unanswered.values()]
        self.channel.flush()
        self.pending += sent
        if isinstance(problem, ChannelDown):
            self._reconnect(problem)
        elif problem is not None:
            raise problem

    def _next(
        self, leaving: list[tuple[Claim, OutgoingMessage, Permit]]
    ) -> Iterator[tuple[OutgoingMessage, Permit]]:
        """One message after the other, each noted in the journal before it leaves."""
        for number, (claim, made, permit) in enumerate(leaving):
            if number and self.job.stopping():
                return
            self.holder.note(claim.message_id, "begun")
            yield made, permit

    def _not_sent(self, claim: Claim, reason: str) -> Mark:
        return Mark(
            claim=claim,
            state="deferred",
            reason=reason,
            next_attempt_at=self.job.clock.now(),
            counts_as_attempt=False,
        )

    def _reconnect(self, error: ChannelDown) -> None:
        """Try a few times to reach the provider again.

        Raises:
            ChannelDown: it stays away.
        """
        # Some providers let us in and fail at every message: a full disk does.
        for seconds in RECONNECT_SECONDS[self.outages :]:
            if self.job.stopping():
                break
            self.outages += 1
            time.sleep(seconds)
            try:
                self.channel.open()
            except ChannelDown as again:
                error = again
            else:
                return
        raise error

    def _outcome(self, claim: Claim, receipt: Receipt) -> Mark:
        """What to write down for a receipt; endless deferral ends as a failure."""
        attempts = claim.attempts + 1
        counts = receipt.counts_as_attempt
        if receipt.outcome == "deferred" and counts and attempts >= ledger.MAX_ATTEMPTS:
            return Mark(claim=claim, state="failed", reason="gave_up", reply=receipt.reply)
        due = None
        if receipt.outcome == "deferred":
            wait = ledger.backoff(claim.message_id, attempts)
            if receipt.retry_seconds is not None:
                longer = 2 ** (attempts - 1) if counts else 1
                wait = timedelta(seconds=receipt.retry_seconds * longer)
            due = self.job.clock.now() + wait
        return Mark(
            claim=claim,
            state=receipt.outcome,
            reason=receipt.reason,
            reply=receipt.reply,
            next_attempt_at=due,
            counts_as_attempt=counts,
        )

    def _dead(self, made: OutgoingMessage) -> suppression.Suppression:
        return suppression.Suppression(
            address_hash=made.address_hash,
            channel=self.channel.medium,
            reason="bounce",
            source=f"message {made.message_id}",
            added_at=self.job.clock.now(),
        )

    def _write(
        self,
        marks: list[Mark] | Callable[[Transaction], list[Mark]],
        *,
        durable: bool = False,
    ) -> set[str]:
        """Commit what is pending and these marks; returns the messages whose lease was lost."""
        now, lease = self.job.clock.now(), self.job.lease_seconds
        with self.job.store.transaction(durable=durable) as tx:
            entries = [*self.pending, *(marks(tx) if callable(marks) else marks)]
            lost = {
                entry.claim.message_id
                for entry in ledger.mark(tx, entries, at=now, lease_seconds=lease)
            }
            suppression.add(tx, self.dead_addresses)
        self.pending, self.dead_addresses = [], []
        self.job.count([entry for entry in entries if entry.claim.message_id not in lost])
        return lost


# What is ambiguous stays as it was begun.
_LEFT_AS: dict[str, Left] = {"accepted": "accepted", "ambiguous": "begun"}


def _once(answer: Permit | Refusal) -> Refusal:
    """Leave is not enough for whoever got the message already."""
    if isinstance(answer, Refusal):
        return answer
    return Refusal(person_id=answer.person_id, code="told_already", evidence=answer.evidence)


def _refused(claim: Claim, refusal: Refusal) -> Mark:
    """Not now, or not at all: quiet hours end, everything else stays until a person acts."""
    decision = {**claim.decision, "refusal": {"words": refusal.words, **refusal.evidence}}
    if refusal.until is not None:
        return Mark(
            claim=claim,
            state="deferred",
            reason=refusal.code,
            next_attempt_at=refusal.until,
            decision=decision,
        )
    return Mark(claim=claim, state="skipped", reason=refusal.code, decision=decision)


def _decision(claim: Claim, made: OutgoingMessage, permit: Permit) -> dict[str, object]:
    """The row's decision with what was rendered and why it was allowed, for `explain`."""
    return {
        **claim.decision,
        **made.decision,
        "permit": {"at": permit.at.isoformat(), **permit.evidence},
    }

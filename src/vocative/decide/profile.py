"""What a decision rests on: a person's traits, segments and scores as they are now.

A shop's page asks for it while somebody waits. The store is always asked first; what it said last
is kept, so that a page gets an answer, with its age, while the store is away.
"""

import threading
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from vocative.errors import AuthorError, UnknownName
from vocative.privacy.addresses import normal_email
from vocative.stores import StoreBusy, StoreError, Transaction
from vocative.workspace import Workspace

MOST_KEPT = 50_000
"""Answers kept for the time when the store is away: about 100 MB."""
PATIENCE_SECONDS = 0.5
"""How long a database on another machine may take."""
PAUSE_SECONDS = 1.0
"""How often a store that is away is asked whether it is back."""
_BY_PERSON_SQL = (
    "SELECT p.person_id, p.traits FROM profiles asked"
    " JOIN profiles p ON p.person_id = coalesce(asked.merged_into, asked.person_id)"
    " WHERE asked.person_id = :value"
)
_BY_IDENTITY_SQL = (
    "SELECT p.person_id, p.traits FROM identities i JOIN profiles p ON p.person_id = i.person_id"
    " WHERE i.namespace = :namespace AND i.value_hash = :value"
)
_traits_of = msgspec.json.Decoder(dict[str, Any]).decode

Asked = tuple[str, str]
"""(namespace, person id or keyed hash of the value)."""


class DecisionProfile(msgspec.Struct, frozen=True, kw_only=True):
    """One person, as decisions see them."""

    person_id: str
    traits: dict[str, Any]
    """What is openly known: nothing that identifies."""
    segments: list[str]
    """In the order of names; of a family as `family:value`."""
    scores: dict[str, float]
    """By model."""
    read_at: datetime
    """When the store said so."""
    age_seconds: float
    """How long ago that is: 0 unless the store is away."""


def read_profile(
    workspace: Workspace,
    *,
    user_id: str | None = None,
    email: str | None = None,
    anonymous_id: str | None = None,
    person_id: str | None = None,
) -> DecisionProfile:
    """A person's traits, segments and scores now, or as last read when the store is away.

    Args:
        workspace: Where.
        user_id: The id that your shop uses.
        email: An address of theirs.
        anonymous_id: The id of a browser or device.
        person_id: The pseudonymous id.

    Raises:
        AuthorError: not exactly one of them is given.
        UnknownName: nobody is known by that.
        StoreBusy: the store is away, and this person was not read before.
    """
    given = {
        "user_id": user_id,
        "email": email,
        "anonymous_id": anonymous_id,
        "person_id": person_id,
    }
    named = [(namespace, value.strip()) for namespace, value in given.items() if value]
    if len(named) != 1:
        raise AuthorError(f"give exactly one of {', '.join(given)}")
    return _reader(workspace).read(workspace, *named[0])


class ProfileReader:
    """Reads profiles, and keeps what it read. Any thread may use it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Asked, DecisionProfile] = OrderedDict()
        self._lock = threading.Lock()
        self._away_until = 0.0
        self._beside = ThreadPoolExecutor(4, "profiles")
        self._late: Future[DecisionProfile | None] | None = None
        """A look that took too long and still goes on."""

    def read(self, workspace: Workspace, namespace: str, value: str) -> DecisionProfile:
        """The profile of whoever an identity leads to; see `read_profile`."""
        asked = _asked(workspace, namespace, value)
        try:
            found = self._ask(workspace, asked)
        except StoreError:
            with self._lock:
                kept = self._kept.get(asked)
            if kept is None:
                raise
            age = workspace.clock.now() - kept.read_at
            return msgspec.structs.replace(kept, age_seconds=max(age.total_seconds(), 0.0))
        with self._lock:
            self._kept.pop(asked, None)
            if found is not None:
                self._kept[asked] = found
                if len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
        if found is None:
            raise UnknownName("nobody is known by that")
        return found

    def _ask(self, workspace: Workspace, asked: Asked) -> DecisionProfile | None:
        """Ask the store, unless it was away a moment ago.

        Raises:
            StoreError: it is away, or does not answer in time.
        """
        hanging = self._late is not None and not self._late.done()
        if hanging or time.monotonic() < self._away_until:
            raise StoreBusy("the store is away", hint="try again in a moment")
        try:
            if workspace.store.dialect == "sqlite":
                return _read(workspace, asked)
            # A file answers or fails. A server may do neither: nobody waits for its threads.
            answer = self._beside.submit(_read, workspace, asked)
            try:
                return answer.result(PATIENCE_SECONDS)
            except TookTooLong:
                self._late = answer
                raise StoreBusy("the store does not answer", hint="try again in a moment") from None
        except StoreError:
            self._away_until = time.monotonic() + PAUSE_SECONDS
            raise


def _asked(workspace: Workspace, namespace: str, value: str) -> Asked:
    if namespace == "person_id":
        return namespace, value
    if namespace == "email":
        value = normal_email(value) or value
    return namespace, workspace.vault.lookup_hash(namespace, value)


def _read(workspace: Workspace, asked: Asked) -> DecisionProfile | None:
    now = workspace.clock.now()
    with workspace.store.read() as tx:
        found = _person(tx, *asked)
        if found is None:
            return None
        person_id, traits = found
        bound = {"person": person_id}
        segments = tx.tuples(
            "SELECT segment FROM memberships WHERE person_id = :person AND until_at IS NULL", bound
        )
        scores = tx.tuples("SELECT model, value FROM scores WHERE person_id = :person", bound)
    return DecisionProfile(
        person_id=person_id,
        traits=_traits_of(traits),
        segments=sorted(row[0] for row in segments),
        scores=dict(sorted(scores)),
        read_at=now,
        age_seconds=0.0,
    )


def _person(tx: Transaction, namespace: str, value: str) -> tuple[str, str] | None:
    if namespace == "person_id":
        rows = tx.tuples(_BY_PERSON_SQL, {"value": value})
    else:
        rows = tx.tuples(_BY_IDENTITY_SQL, {"namespace": namespace, "value": value})
    return (rows[0][0], rows[0][1]) if rows else None


_readers: WeakKeyDictionary[Workspace, ProfileReader] = WeakKeyDictionary()
_making = threading.Lock()


def _reader(workspace: Workspace) -> ProfileReader:
    """The one reader of an open workspace: what it keeps lasts from request to request."""
    with _making:
        found = _readers.get(workspace)
        if found is None:
            found = _readers[workspace] = ProfileReader()
        return found

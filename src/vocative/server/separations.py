"""Taking merges back, for the command line and the API: what would be given back, and doing it."""

import getpass

import msgspec

from vocative.campaign.explain import find_profile
from vocative.collect.door import OWN_SOURCE, accept
from vocative.identify.matching import review
from vocative.identify.merging import separate_event
from vocative.identify.separating import Share, shares
from vocative.privacy import audit
from vocative.segment import advance
from vocative.server.matches import pair_of
from vocative.workspace import Workspace


class Separated(msgspec.Struct, frozen=True, kw_only=True):
    """Who was one person, and what each of them has alone."""

    people: list[Share]
    dry_run: bool


def separate_person(
    workspace: Workspace, person_id: str, *, dry_run: bool = False, by: str | None = None
) -> Separated:
    """Take a profile out of the person whom it was merged into, with all that came with it.

    Args:
        workspace: Where.
        person_id: The profile that was merged into another one: its id, or an e-mail address or a
            user id that came with it.
        dry_run: Say who would have what, and change nothing.
        by: Who decides, for the audit; the user who runs it unless told.

    Raises:
        UnknownName: there is no such person.
        StateError: it was merged into nobody, or before it was kept what each of the two stated.
    """
    advance(workspace)
    person_id = find_profile(workspace, person_id)
    now, who = workspace.clock.now(), by or getpass.getuser()
    with workspace.store.transaction() as tx:
        people = shares(workspace, tx, lambda graph: graph.separate(person_id, at=0), [person_id])
        if not dry_run:
            audit.append(tx, at=now, actor=who, action="separate person", subject=person_id)
            review.tell_apart(tx, people, at=now, by=who)
            accept(workspace, [separate_event(person_id, at=now)], source=OWN_SOURCE)
    if not dry_run:
        advance(workspace)
    return Separated(people=people, dry_run=dry_run)


def undo_match(
    workspace: Workspace, match_id: str, *, dry_run: bool = False, by: str | None = None
) -> Separated:
    """Take back that a pair is one person: each has again what came with it, and the pair waits.

    Args:
        workspace: Where.
        match_id: Both person ids, `one_other`.
        dry_run: Say who would have what, and change nothing.
        by: Who decides, for the audit; the user who runs it unless told.

    Raises:
        UnknownName: the pair was not proposed.
        StateError: it was not accepted, or other merges join the two as well.
    """
    advance(workspace)
    pair = pair_of(match_id)
    people = review.preview_undo(workspace, *pair)
    if not dry_run:
        with workspace.store.transaction() as tx:
            audit.append(
                tx,
                at=workspace.clock.now(),
                actor=by or getpass.getuser(),
                action="undo match",
                subject=match_id,
            )
        review.undo_pair(workspace, *pair)
        advance(workspace)
    return Separated(people=people, dry_run=dry_run)

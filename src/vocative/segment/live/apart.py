"""People who were separated: what is kept of them is made anew from history.

Facts that were folded together cannot be told apart again. History still has each of them under
its origin, so whoever was separated starts over from there, in the transaction that separated
them: nobody is ever seen with another's facts.
"""

from collections.abc import Collection

from vocative.segment.live.judge import Batch
from vocative.segment.live.turns import facts_about
from vocative.sql import quote_text
from vocative.workspace import Workspace

CAUSE = "split"


def start_over(
    batch: Batch, workspace: Workspace, person_ids: Collection[str], position: int
) -> None:
    """Forget what is kept of people, fold what history has of them, and judge them.

    Groups that are being built for everybody come later, as for people who were joined while
    that went on.

    Args:
        batch: The batch whose step separated them; the step's facts are in history already.
        workspace: Where history is.
        person_ids: Who.
        position: Nothing that came in after this position of the log.
    """
    building = batch.state.building
    unbuilt = frozenset(building.groups if building else ())
    groups = [group for number, group in batch.people.groups.items() if number not in unbuilt]
    listed = f"person_id IN ({', '.join(quote_text(one) for one in sorted(person_ids))})"
    facts = facts_about(workspace, groups, listed, position, tx=batch.tx)
    wanted = None if building is None else frozenset(batch.program.numbers) - unbuilt
    batch.start_over(person_ids, facts, wanted, CAUSE)

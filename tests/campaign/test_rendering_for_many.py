"""The messages of a run are the same, whether their template is compiled yet or not."""

import shutil
from pathlib import Path

from demo_site import Demo
from vocative.campaign import read_campaign
from vocative.campaign.rendering import Renderer
from vocative.deliver.ledger import Claim
from vocative.deliver.message import OutgoingMessage
from vocative.workspace import Workspace

PEOPLE = 60


def test_messages_are_the_same_before_and_after_compiling(demo: Demo, tmp_path: Path) -> None:
    shutil.copytree(demo.workspace, tmp_path / "site")
    with Workspace(tmp_path / "site") as workspace:
        campaign = read_campaign(workspace, "weekly_picks")
        claims = _claims(workspace, sorted(campaign.variants))
        ids = [claim.person_id for claim in claims]
        many = Renderer(workspace, campaign, ids)
        found = many.compose(claims)
        # A renderer of its own for each few is never used often enough to compile.
        few = []
        for start in range(0, PEOPLE, 20):
            few += Renderer(workspace, campaign, ids).compose(claims[start : start + 20])
    assert all(isinstance(message, OutgoingMessage) for message in found)
    assert found == few
    compiled = [template.html.compiled for template in many._ready.values()]
    assert compiled
    assert all(one is not None and one.interpreted == 0 for one in compiled)


def _claims(workspace: Workspace, arms: list[str]) -> list[Claim]:
    """Messages for people, each with items of the catalog, as the ledger would hold them."""
    with workspace.store.read() as tx:
        people = [row[0] for row in tx.tuples("SELECT person_id FROM profiles ORDER BY person_id")]
        items = [row[0] for row in tx.tuples("SELECT item_id FROM items ORDER BY item_id")]
        personal = {one: dict(workspace.vault.get(tx, one)) for one in people[:PEOPLE]}
    return [
        Claim(
            message_id=f"{number:032x}",
            campaign="weekly_picks",
            occurrence="1",
            person_id=person_id,
            channel="outbox_folder",
            purpose="marketing",
            arm=arms[number % len(arms)],
            fence=1,
            owner="test",
            attempts=0,
            decision={"products": [[one, "reason"] for one in items[number % 7 :][:6]]},
            personal=personal[person_id],
        )
        for number, person_id in enumerate(people[:PEOPLE])
    ]

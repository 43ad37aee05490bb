"""Ready packs: what they say, and adding them to a workspace."""

import shutil
from importlib import resources

import pytest

from vocative.errors import AuthorError, StateError, UnknownName
from vocative.segment import add_pack, build_plan, list_packs, show_pack
from vocative.segment.packs import PACKS

NAMES = sorted(path.parent.name for path in PACKS.glob("*/pack.yaml"))


@pytest.fixture
def starter(workspace):
    with resources.as_file(resources.files("vocative.workspace") / "starter") as folder:
        for name in ("features", "segments", "models"):
            shutil.copytree(folder / name, workspace.root / name)
        shutil.copy(folder / "traits.yaml", workspace.root)
    return workspace


@pytest.fixture
def bare(workspace):
    """A workspace that knows traits and nothing else."""
    with resources.as_file(resources.files("vocative.workspace") / "starter") as folder:
        shutil.copy(folder / "traits.yaml", workspace.root)
    return workspace


def written(workspace):
    return {
        path.relative_to(workspace.root).as_posix(): path.read_text()
        for folder in ("features", "segments")
        for path in (workspace.root / folder).glob("*")
    }


def test_there_are_packs_for_the_usual_questions():
    assert NAMES == [
        "abandoners",
        "category_affinity",
        "discount_seekers",
        "email_clients",
        "engagement",
        "high_value",
        "lifecycle",
        "rfm",
        "time_zones",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_each_pack_stands_on_its_own(bare, name):
    done = add_pack(bare, name)
    plan = build_plan(bare)
    assert set(plan.features) == set(done.features)
    assert set(plan.segments) == set(done.segments)
    assert done.segments
    assert done.files == sorted(written(bare))


def test_everything_in_every_pack_is_described(bare):
    packs = [show_pack(bare, pack.name) for pack in list_packs(bare)]
    assert all(one.describe for pack in packs for one in pack.definitions)
    assert all(pack.summary.title and pack.summary.describe for pack in packs)


def test_all_packs_fit_beside_each_other_and_the_starter(starter):
    before = written(starter)
    for name in NAMES:
        add_pack(starter, name)
    plan = build_plan(starter)
    assert {pack.state for pack in list_packs(starter)} == {"added"}
    assert len(plan.features) >= sum(pack.features for pack in list_packs(starter))
    assert written(starter).items() >= before.items(), "what was there stays as it was"
    # The starter has files of these names; a pack goes beside them.
    assert (starter.root / "features" / "rfm_pack.yaml").exists()


def test_files_are_as_shown_and_comments_come_along(bare):
    shown = show_pack(bare, "lifecycle")
    add_pack(bare, "lifecycle")
    assert written(bare) == {file.path: file.text for file in shown.files}
    assert "# The first line that fits counts" in written(bare)["features/lifecycle.yaml"]


def test_adding_twice_changes_nothing(bare):
    assert add_pack(bare, "rfm").added
    before = written(bare)
    again = add_pack(bare, "rfm")
    assert not again.added
    assert again.files == []
    assert written(bare) == before


def test_moved_to_other_files_it_is_still_there(bare):
    add_pack(bare, "rfm")
    (bare.root / "features" / "rfm.yaml").rename(bare.root / "features" / "ours.yaml")
    assert not add_pack(bare, "rfm").added


def test_a_name_with_another_meaning_is_not_overwritten(bare):
    folder = bare.root / "features"
    folder.mkdir()
    (folder / "own.yaml").write_text("x: {count: A}\nrfm_orders:\n  count: Purchase\n")
    before = written(bare)
    assert next(pack for pack in list_packs(bare) if pack.name == "rfm").state == "edited"
    with pytest.raises(StateError) as refused:
        add_pack(bare, "rfm")
    assert written(bare) == before
    assert "rfm_orders" in refused.value.message
    assert (refused.value.where.file, refused.value.where.line) == ("features/own.yaml", 2)
    assert "vocative packs add rfm" in refused.value.hint


def test_an_edited_pack_stays_edited(bare):
    add_pack(bare, "high_value")
    path = bare.root / "segments" / "high_value.yaml"
    path.write_text(path.read_text().replace("> 200", "> 900"))
    with pytest.raises(StateError, match="another meaning"):
        add_pack(bare, "high_value")
    assert "> 900" in path.read_text()


def test_another_description_is_the_same_meaning(bare):
    add_pack(bare, "lifecycle")
    path = bare.root / "segments" / "lifecycle.yaml"
    path.write_text(path.read_text().replace("Known, but has not bought anything", "Prospects"))
    assert not add_pack(bare, "lifecycle").added


def test_a_part_of_a_pack_is_refused_with_its_place(bare):
    add_pack(bare, "engagement")
    (bare.root / "features" / "engagement.yaml").unlink()
    assert next(p for p in list_packs(bare) if p.name == "engagement").state == "partly"
    with pytest.raises(StateError) as refused:
        add_pack(bare, "engagement")
    assert refused.value.where.file == "segments/engagement.yaml"


def test_files_of_its_name_in_the_way(bare):
    for folder in ("features", "segments"):
        (bare.root / folder).mkdir()
    for name in ("rfm", "rfm_pack"):
        (bare.root / "segments" / f"{name}.yaml").write_text("# ours\n")
    before = written(bare)
    with pytest.raises(StateError, match="no file to go to"):
        add_pack(bare, "rfm")
    assert written(bare) == before


def test_what_does_not_fit_the_workspace_writes_nothing(workspace):
    (workspace.root / "traits.yaml").write_text("rfm_spend: {type: number}\n")
    with pytest.raises(AuthorError, match="'rfm_spend' is a trait already"):
        add_pack(workspace, "rfm")
    assert written(workspace) == {}


def test_time_zones_need_their_trait(workspace):
    with pytest.raises(AuthorError) as refused:
        add_pack(workspace, "time_zones")
    assert "timezone" in str(refused.value)
    assert refused.value.where.file == "segments/time_zones.yaml"
    assert written(workspace) == {}


def test_an_unknown_pack_gets_the_nearest_name(bare):
    with pytest.raises(UnknownName, match="did you mean 'lifecycle'"):
        add_pack(bare, "lifecicle")
    with pytest.raises(UnknownName):
        show_pack(bare, "../starter")

"""Somebody writes definitions while others read them: all that is read is of one moment."""

import threading

import pytest

from vocative.errors import AuthorError
from vocative.segment import add_pack, build_plan, list_features, list_packs, list_segments
from vocative.workspace import definitions as module

LISTED = {"feature": list_features, "segment": list_segments}


@pytest.fixture
def interrupted(monkeypatch):
    """Let something happen once, right after a folder's file was read: interrupted(folder, do)."""
    read = module.read_yaml

    def arrange(folder, do):
        waiting = [do]

        def reading(path, **more):
            found = read(path, **more)
            if path.parent.name == folder and waiting:
                waiting.pop()()
            return found

        monkeypatch.setattr(module, "read_yaml", reading)
        return waiting

    return arrange


@pytest.fixture
def shop(define):
    return define(
        traits="country: {type: text}\n",
        features="orders: {count: Order Completed}\n",
        segments="french: {where: \"country = 'FR'\"}\n",
    )


@pytest.mark.parametrize("after", ["features", "segments"])
@pytest.mark.parametrize("listed", LISTED)
def test_a_pack_that_comes_in_between_is_listed_whole(shop, interrupted, after, listed):
    before = {one.name for one in LISTED[listed](shop)}
    waiting = interrupted(after, lambda: add_pack(shop, "lifecycle"))
    names = {one.name for one in LISTED[listed](shop)}
    assert not waiting
    assert len(names) > len(before)
    assert names == {one.name for one in LISTED[listed](shop)}


def test_features_and_segments_that_go_together_are_gone_together(shop, interrupted):
    files = [shop.root / name for name in add_pack(shop, "lifecycle").files]
    waiting = interrupted("features", lambda: [file.unlink() for file in reversed(files)])
    plan = build_plan(shop)
    assert not waiting
    assert (list(plan.features), list(plan.segments)) == (["orders"], ["french"])


def test_a_file_that_is_gone_when_its_turn_comes_is_not_missed(shop, monkeypatch):
    folder = shop.root / "features"
    (folder / "zones.yaml").write_text("baskets: {count: Product Added}\n")
    read = module.read_yaml

    def moved_away(path, **more):
        if path.name == "zones.yaml" and path.exists():
            path.rename(folder / "baskets.yaml")
        return read(path, **more)

    monkeypatch.setattr(module, "read_yaml", moved_away)
    assert {feature.name for feature in list_features(shop)} == {"orders", "baskets"}


def test_a_folder_that_never_rests_is_read_all_the_same(shop, monkeypatch):
    read = module.read_yaml

    def restless(path, **more):
        found = read(path, **more)
        path.write_text(path.read_text() + "# and more\n")
        return found

    monkeypatch.setattr(module, "read_yaml", restless)
    assert [feature.name for feature in list_features(shop)] == ["orders"]


def test_what_is_wrong_stays_wrong(shop):
    (shop.root / "segments" / "test.yaml").write_text("french: {where: country = 'FR\n")
    with pytest.raises(AuthorError, match="not valid YAML"):
        build_plan(shop)


def test_two_who_add_a_pack_at_once_both_have_it(shop):
    done, failed = [], []

    def add():
        try:
            done.append(add_pack(shop, "rfm"))
        except BaseException as error:  # noqa: BLE001 - whatever it was, the test fails by it
            failed.append(error)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(one.added for one in done) == [False, False, False, True]
    assert next(pack for pack in list_packs(shop) if pack.name == "rfm").state == "added"

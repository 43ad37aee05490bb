"""The whole job with its state in PostgreSQL."""

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vocative.simulate import generate

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.postgres
def test_the_whole_job(tmp_path: Path, postgres_url: str, vocative: Run) -> None:
    end = datetime(2026, 3, 1, 7, tzinfo=UTC)
    world = generate(tmp_path / "store", end=end, people=300, months=8, seed=3)
    shop = tmp_path / "shop"
    env = {"SHOP_STORE": postgres_url, "VOCATIVE_NOW": end.isoformat()}

    def run(*arguments: str) -> str:
        done = vocative(*arguments, cwd=shop, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert vocative("init", str(shop), env=env).returncode == 0
    settings = shop / "vocative.yaml"
    settings.write_text(settings.read_text() + '\nstore: "env:SHOP_STORE"\n')
    for unused in (shop / ".vocative").glob("store.db*"):
        unused.unlink()  # made by init, before there was another store
    campaign = shop / "campaigns" / "weekly_picks.yaml"
    campaign.write_text(campaign.read_text().replace("segment: engaged", "segment: mailable"))
    run("import", str(world.items), "--map", "mappings/items.yaml")
    run("import", str(world.customers), "--map", "mappings/customers.yaml")
    told = json.loads(run("import", str(world.events), "--source", "shop", "--json"))
    assert told["events"] == told["applied"] + told["duplicates"] + sum(told["refused"].values())
    again = json.loads(run("import", str(world.events), "--source", "shop", "--json"))
    assert again["applied"] == 0
    run("apply")
    run("train", "purchase_30d")
    run("train", "for_you")
    run("recommend", "for_you")
    sent = json.loads(run("campaign", "send", "weekly_picks", "--json"))
    assert sent["counts"]["accepted"] > 0
    shown = json.loads(run("report", "weekly_picks", "--json"))
    assert shown["accepted"] == sent["counts"]["accepted"]
    page = json.loads(run("campaign", "messages", "weekly_picks", "--state", "accepted", "--json"))
    got = page["messages"][0]
    assert "Got the mail" in run("explain", got["email"], "--campaign", "weekly_picks")
    assert json.loads(run("overview", "--json"))["people"] > 100
    assert not (shop / ".vocative" / "store.db").exists()

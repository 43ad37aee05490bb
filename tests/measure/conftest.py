"""Fixtures of this folder: a world to run campaigns in."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from campaign_world import PLANNED_AT, CampaignWorld

from vocative.clock import FixedClock
from vocative.workspace import Workspace


@pytest.fixture
def world(workspace: Workspace, clock: FixedClock) -> CampaignWorld:
    """An empty world in which a run is a month old."""
    assert clock.now() > PLANNED_AT + timedelta(days=7)
    return CampaignWorld(workspace)


@pytest.fixture
def sent() -> Callable[..., dict[str, Any]]:
    """A person to whom a message was handed over half an hour after planning."""

    def person(person_id: str, arm: str, **changes: Any) -> dict[str, Any]:
        return {
            "person_id": person_id,
            "arm": arm,
            "state": "accepted",
            "delay": timedelta(minutes=30),
            **changes,
        }

    return person

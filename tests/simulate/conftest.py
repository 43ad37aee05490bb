"""Small worlds, drawn once for all tests of the simulator."""

import pytest
from synthetic_worlds import END, Worlds

from vocative.simulate import WorldSummary, generate


@pytest.fixture(scope="session")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Worlds:
    """Worlds by name, number of people and seed; each is drawn once."""
    drawn: dict[tuple[str, int, int], WorldSummary] = {}

    def draw(world: str = "medium", people: int = 800, seed: int = 7) -> WorldSummary:
        key = (world, people, seed)
        if key not in drawn:
            folder = tmp_path_factory.mktemp(f"{world}-{people}-{seed}")
            drawn[key] = generate(folder, people=people, seed=seed, world=world, end=END)
        return drawn[key]

    return draw

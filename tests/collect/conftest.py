"""A browser that tests of what runs in pages share."""

from collections.abc import Iterator
from typing import Any

import pytest

from chromium import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium that finds no host but this machine."""
    with chromium() as launched:
        yield launched

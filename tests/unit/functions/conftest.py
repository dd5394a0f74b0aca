import pytest

from tests.unit.functions.world import SERIES, World


@pytest.fixture
def world() -> World:
    """Five series of thirty days, in shards of two."""
    made = World()
    made.sell(*SERIES)
    return made

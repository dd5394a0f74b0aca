from datetime import timedelta

import pytest

from events.errors import Refusal
from functions.forecasting.strategy import BUILT_IN, EnsembleStrategy, ProphetStrategy, table
from functions.planner import Planner
from functions.planner.history import too_short
from functions.records import Scope
from tests.unit.functions.world import LAST_DAY, NOON, World, request

AS_OF = LAST_DAY + timedelta(days=1)

OWN = table([ProphetStrategy(name="patient", min_open_days=400)])


def scope(*days: int) -> Scope:
    """Series with sales on so many days up to the day before AS_OF."""
    last = AS_OF - timedelta(days=1)
    spans = tuple((AS_OF - timedelta(days=n), last) for n in days)
    return Scope(tuple((str(n), "milk") for n in range(len(days))), spans)


def test_one_series_with_the_days_is_enough():
    assert too_short("patient", OWN, scope(30, 400), AS_OF) is None


def test_none_with_the_days_is_told_with_the_numbers():
    told = too_short("patient", OWN, scope(30, 399), AS_OF)
    assert told is not None
    assert str(told).startswith(
        "strategy: patient needs at least 400 open days, and no series of these"
    )
    assert f"has more than 399 days before {AS_OF}" in told.message
    assert "SHELFCAST_STRATEGIES" in told.fix


def test_days_from_the_first_forecast_day_on_do_not_count():
    later = Scope((("1", "milk"),), ((AS_OF - timedelta(days=10), AS_OF + timedelta(days=500)),))
    assert too_short("patient", OWN, later, AS_OF) is not None


def test_a_mean_of_strategies_needs_what_the_least_of_them_needs():
    known = table([*OWN.values(), EnsembleStrategy(name="mean", members=("patient", "windowed"))])
    assert too_short("mean", known, scope(100), AS_OF) is None
    assert too_short("mean", known, scope(3), AS_OF) is not None


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_one_is_never_refused(name):
    assert too_short(name, BUILT_IN, scope(1), AS_OF) is None


async def test_a_run_is_refused_before_anything_is_trained(world: World):
    planner = Planner(world.storage, 100, 1000, strategies=OWN, clock=lambda: NOON)
    with pytest.raises(Refusal, match="strategy: patient needs at least 400 open days"):
        await planner([request("r", strategy="patient")])

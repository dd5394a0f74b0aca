"""Drivers cost the series that have them, and no other; what is asked of the engine is counted."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from functions.forecasting.baselines.baseline import walk_forward
from functions.forecasting.engines.batched.engine import (
    CHUNK_PRODUCTS,
    CHUNK_ROWS,
    ORDINARY_REGRESSORS,
    BatchedEngine,
    _chunks,
)
from functions.forecasting.forecast import forecasts
from functions.forecasting.forecast.forecasts import forecast
from functions.forecasting.forecast.horizon import horizon_of
from functions.forecasting.model import SeriesModel
from functions.forecasting.series.calendar import Calendar
from functions.forecasting.series.failures import FitFailure
from functions.forecasting.series.own_drivers import (
    FEW_DRIVERS,
    MAX_DRIVERS,
    alone,
    left_out,
    most_frequent,
    parts,
)
from functions.forecasting.series.panel import Panel
from functions.forecasting.strategy import strategy
from functions.forecasting.training.train import train
from functions.forecasting.training.trained import Trained
from tests.unit.forecasting.conftest import Quick
from tests.unit.forecasting.generated import FIRST_DAY, days_from

DAYS = 140


def panel_of(*names: tuple[str, ...], days: int = DAYS) -> Panel:
    """A series for each tuple of names of drivers that move it, each known to it alone."""
    rng = np.random.default_rng(3)
    every = tuple(sorted({name for own in names for name in own}))
    drivers = np.full((len(names) * days, len(every)), np.nan)
    units = 50 + 10 * (np.tile(np.arange(days), len(names)) % 7) + rng.random(len(names) * days)
    for i, own in enumerate(names):
        for name in own:
            flags = (rng.random(days) < 0.3).astype(float)
            drivers[i * days : (i + 1) * days, every.index(name)] = flags
            units[i * days : (i + 1) * days] += 10 * flags
    return Panel(
        keys=tuple((str(i), "milk") for i in range(len(names))),
        offsets=np.arange(0, (len(names) + 1) * days, days, dtype=np.int64),
        dates=np.tile(days_from(FIRST_DAY, days), len(names)),
        units=units,
        is_open=np.ones(len(units), bool),
        driver_names=every,
        drivers=drivers,
    )


def trained(panel: Panel, engine=None, name: str = "calendar", **known) -> list[Trained]:
    as_of = FIRST_DAY + timedelta(days=DAYS)
    found = train(panel, strategy(name), as_of, engine or BatchedEngine(), **known)
    assert not any(isinstance(each, FitFailure) for each in found)
    return found


def cells_asked(quick: Quick, panel: Panel) -> int:
    """Rows times columns of all regressors that training hands to its engine."""
    quick.seen.clear()
    trained(panel, quick, "calendar-all")
    return sum(design.values.size for _, _, design, _ in quick.seen)


def prices(series: int, each: int) -> list[tuple[str, ...]]:
    return [tuple(f"price_{i}_{k}" for k in range(each)) for i in range(series)]


@pytest.mark.parametrize(("series", "each"), [(24, 5), (48, 1), (128, 2), (5, 20)])
def test_names_of_their_own_cost_series_no_more_than_as_many_shared_ones(
    quick: Quick, series: int, each: int
):
    own = cells_asked(quick, panel_of(*prices(series, each)))
    shared = cells_asked(quick, panel_of(*prices(1, each) * series))
    assert own <= shared


def test_a_series_with_many_names_makes_the_others_no_wider(quick: Quick):
    few = cells_asked(quick, panel_of(*prices(1, 1) * 20))
    alone_with_many = cells_asked(quick, panel_of(tuple(f"z{k}" for k in range(60))))
    together = cells_asked(quick, panel_of(*prices(1, 1) * 20, tuple(f"z{k}" for k in range(60))))
    assert together <= few + alone_with_many


def test_no_series_has_more_columns_than_its_most_frequent_names_make(quick: Quick):
    trained(panel_of(tuple(f"campaign_{n:03}" for n in range(500))), quick, "calendar-all")
    assert all(len(design.driver_names) == MAX_DRIVERS for _, _, design, _ in quick.seen)


def test_a_result_says_how_many_drivers_are_left_out_and_which_first():
    panel = panel_of(("price",), tuple(f"campaign_{n:03}" for n in range(MAX_DRIVERS + 3)))
    drivers = panel.drivers.copy()
    drivers[DAYS:, panel.driver_names.index("campaign_007")] = 0  # named each day, never up
    drivers[DAYS:, panel.driver_names.index("campaign_009")] = 0
    drivers[DAYS + 3, panel.driver_names.index("campaign_009")] = 1
    drivers[DAYS:, panel.driver_names.index("campaign_011")] = 0
    [plain, many] = trained(replace(panel, drivers=drivers))
    assert not any("left out" in note for note in plain.notes)
    [note] = [note for note in many.notes if "left out" in note]
    assert note == (
        "3 drivers are left out, campaign_009 first: a series has the 64 that were not 0 on most "
        "days"
    )
    assert {"campaign_007", "campaign_009", "campaign_011"}.isdisjoint(many.model.typical_drivers)


def test_names_of_others_change_no_result():
    names = [*prices(9, 1), ("price_0_0", "promo"), ()]
    panel = panel_of(*names)
    asked = {"name": "calendar-linear", "naive_serves": False}  # others' folds choose nothing
    together = trained(panel, **asked)
    for i, own in enumerate(names):
        [by_itself] = trained(alone(panel, i), **asked)
        assert together[i].model.drivers == by_itself.model.drivers <= set(own)
        assert together[i].model.typical_drivers == by_itself.model.typical_drivers
        start = FIRST_DAY + timedelta(days=DAYS)
        [both, one] = (forecast([each.model], start, 14) for each in (together[i], by_itself))
        np.testing.assert_allclose(both.yhat, one.yhat, rtol=1e-8)
        assert both.assumed == one.assumed


def test_effects_stand_under_their_drivers_names():
    [first, *_] = trained(panel_of(*prices(9, 1)), name="calendar-linear", naive_serves=False)
    [member] = first.model.members
    effects = {term.name: term.beta * member.y_scale / term.std for term in member.regressors}
    assert effects["driver/price_0_0"] == pytest.approx(10, abs=1)
    assert all(name.split("/")[1] == "price_0_0" for name in effects if name[:6] == "driver")


def test_a_store_that_never_had_a_promotion_assumes_none_whoever_it_is_trained_with():
    panel = panel_of(("promo",), ())
    walk = walk_forward(panel, strategy("naive"), np.array([7, 7]))
    assert [walk.model(i).promotion for i in range(2)] == ["promo", None]
    models = [
        SeriesModel((walk.model(i),), FIRST_DAY + timedelta(days=DAYS - 1), 1e9) for i in range(2)
    ]
    made = forecast(models, FIRST_DAY + timedelta(days=DAYS), 2)
    assert made.assumed == [[("promo",)] * 2, [()] * 2]


def test_models_with_names_of_their_own_are_forecast_with_few_columns_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
):
    found = trained(panel_of(*prices(30, 5)), name="calendar-linear", naive_serves=False)
    models = [each.model for each in found]
    start = FIRST_DAY + timedelta(days=DAYS)
    calendar = Calendar(start, np.full((30, 7), -1, np.int8), ("price_20_0",), np.ones((30, 7, 1)))
    asked: list[int] = []

    def counted(*given):
        made = horizon_of(*given)
        asked.append(made.facts.drivers.size)
        return made

    monkeypatch.setattr(forecasts, "horizon_of", counted)
    together = forecast(models, start, 7, calendar)
    assert sum(asked) <= 30 * 7 * MAX_DRIVERS
    for i in (0, 20, 29):
        alone = forecast([models[i]], start, 7, calendar.only(slice(i, i + 1)))
        np.testing.assert_allclose(together.yhat[i], alone.yhat[0], rtol=1e-9)
        assert together.assumed[i] == alone.assumed[0]
    assert "price_20_0" not in together.assumed[20][0]
    with pytest.raises(ValueError, match="a calendar of 29 series does not fit 30 models"):
        forecast(models, start, 7, calendar.only(slice(29)))


def test_a_panel_of_few_names_is_one_part_as_it_is():
    panel = panel_of(*prices(FEW_DRIVERS, 1))
    [(at, part)] = parts(panel)
    assert part is panel
    assert at.tolist() == list(range(FEW_DRIVERS))


def test_parts_hold_every_series_once_with_the_values_that_it_has():
    panel = panel_of(*prices(9, 2), (), tuple(f"z{k}" for k in range(30)), *prices(9, 1)[7:])
    seen = []
    for at, part in parts(panel):
        for i, place in enumerate(at.tolist()):
            assert part.keys[i] == panel.keys[place]
            names = part.names_of(i)
            np.testing.assert_array_equal(
                part.drivers[part.series(i)][:, : len(names)],
                panel.drivers_named(names)[panel.series(place)],
            )
            np.testing.assert_array_equal(
                part.drivers_named(names)[part.series(i)],
                panel.drivers_named(names)[panel.series(place)],
            )
        seen += at.tolist()
    assert sorted(seen) == list(range(len(panel)))


def test_what_was_not_read_is_told_of_as_well():
    panel = replace(panel_of(("price",), ()), left_out=((0, ""), (7, "z")))
    assert left_out(panel)[0] is None
    [_, found] = left_out(panel)
    assert found is not None
    assert (found.values["count"], found.values["first"]) == (7, "z")


def test_of_equally_frequent_drivers_the_first_by_name_stay():
    kept, more = most_frequent({f"n{k:03}": 1 for k in reversed(range(70))})
    assert (kept[0], kept[-1], more) == ("n000", "n063", (6, "n064"))


@pytest.mark.parametrize("columns", [101, 200, 461])
def test_a_chunk_is_bounded_in_rows_times_columns_and_in_products(columns: int):
    rows = np.full(200, 365)
    varying = np.ones((200, columns), bool)
    chunks = list(_chunks(rows, np.arange(200), varying, 6))
    assert sorted(np.concatenate(chunks).tolist()) == list(range(200))
    for chunk in chunks:
        assert len(chunk) * 365 * columns <= CHUNK_ROWS * ORDINARY_REGRESSORS
        assert len(chunk) * 6 * columns**2 <= CHUNK_PRODUCTS


def test_a_chunk_of_ordinary_width_is_bounded_in_rows_as_ever():
    chunks = list(_chunks(np.full(200, 365), np.arange(200), np.ones((200, 80), bool), 6))
    assert [len(chunk) for chunk in chunks] == [136, 64]

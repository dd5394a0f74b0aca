"""Small generated series, a quick engine that knows no Stan, and the real data if present."""

import os
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from functions.forecasting import forecasts, stan_fit
from functions.forecasting.forecasts import Forecasts
from functions.forecasting.metrics import Metrics
from functions.forecasting.panel import Panel
from functions.forecasting.parameters import ProphetParameters, Seasonality
from functions.forecasting.strategy import Strategy, strategy
from tests.unit.forecasting.generated import FIRST_DAY, days_from, weekly_sales

MakePanel = Callable[..., Panel]


@pytest.fixture(scope="session")
def make_panel() -> MakePanel:
    """A panel of series given by their units; a day is closed where `closed` says so."""

    def make(
        *units: Sequence[float], first: date = FIRST_DAY, closed_sundays: bool = False
    ) -> Panel:
        dates = [days_from(first, len(each)) for each in units]
        every = np.concatenate([np.empty(0, "datetime64[D]"), *dates])
        sunday = (every.astype(np.int64) + 3) % 7 == 6
        return Panel(
            keys=tuple((str(i + 1), "all") for i in range(len(units))),
            offsets=np.concatenate([[0], np.cumsum([len(each) for each in units])]).astype(
                np.int64
            ),
            dates=every,
            units=np.concatenate([np.empty(0), *[np.asarray(each, float) for each in units]]),
            is_open=~sunday if closed_sundays else np.ones(len(every), bool),
        )

    return make


@pytest.fixture(scope="session")
def windowed() -> Strategy:
    return strategy("windowed")


@pytest.fixture(scope="session")
def fitted_prophet() -> stan_fit.Prophet:
    """A Prophet fitted to 119 days without Sundays, as the engine fits it."""
    dates = days_from(FIRST_DAY, 119)
    is_open = (dates.astype(np.int64) + 3) % 7 != 6
    history = pd.DataFrame({"ds": dates.astype("datetime64[ns]"), "y": weekly_sales(119)})
    model = stan_fit.Prophet(
        yearly_seasonality="auto",
        weekly_seasonality=True,
        daily_seasonality=False,
        interval_width=0.95,
        uncertainty_samples=0,
    )
    return model.fit(history[is_open].reset_index(drop=True))


@pytest.fixture(scope="session")
def made_up() -> ProphetParameters:
    """Parameters made up by hand: a weekly model whose last day is Sunday, 2015-05-03."""
    rng = np.random.default_rng(5)
    return ProphetParameters(
        k=0.1,
        m=0.6,
        delta=tuple(rng.laplace(0, 0.05, 25).tolist()),
        changepoints_t=tuple(np.linspace(0.03, 0.8, 25).tolist()),
        beta=tuple(rng.normal(0, 0.05, 6).tolist()),
        sigma_obs=0.05,
        y_scale=9000.0,
        first_day=FIRST_DAY,
        t_scale_days=118,
        rows=119,
        seasonalities=(Seasonality("weekly", 7.0, 3, 10.0),),
        changepoint_prior_scale=0.05,
        closed_weekdays=(),
    )


class FakeEngine:
    """An engine without a fit: remembers the panels it saw, returns what it was given."""

    def __init__(self, model: ProphetParameters, metrics: Metrics) -> None:
        self.model = model
        self.metrics = metrics
        self.seen: list[Panel] = []

    def fit(self, panel: Panel, strategy: Strategy) -> list:
        self.seen.append(panel)
        return [self.model] * len(panel)

    def backtest(self, panel: Panel, strategy: Strategy) -> list:
        self.seen.append(panel)
        return [self.metrics] * len(panel)

    def forecast(
        self, models: Sequence[ProphetParameters], start: date, horizon: int, level: float = 0.95
    ) -> Forecasts:
        return forecasts.forecast(models, start, horizon, level)


@pytest.fixture
def fake_engine(made_up: ProphetParameters) -> FakeEngine:
    return FakeEngine(made_up, Metrics(rmse=3.0, mape=0.1, mae=2.0, medae=1.0))


@pytest.fixture(scope="session")
def real_panel() -> Panel:
    """Five real stores' whole histories; skips where the data is not at hand."""
    root = Path(__file__).parents[3]
    folder = Path(os.environ.get("SHELFCAST_REAL_DATA", root / "../shared/data"))
    file = folder / "rossmann-train.csv.xz"
    if not file.exists():
        pytest.skip(f"no real data: {file} is absent; set SHELFCAST_REAL_DATA to its folder")
    sales = pd.read_csv(file, usecols=["Store", "Date", "Sales", "Open"], parse_dates=["Date"])
    sales = sales[sales.Store.isin([1, 223, 445, 667, 889])].sort_values(["Store", "Date"])
    rows = sales.groupby("Store").size()
    return Panel(
        keys=tuple((str(store), "all") for store in rows.index),
        offsets=np.concatenate([[0], rows.cumsum()]).astype(np.int64),
        dates=sales.Date.to_numpy("datetime64[D]"),
        units=sales.Sales.to_numpy(float),
        is_open=sales.Open.to_numpy() == 1,
    )

"""Small generated series, an engine that fits nothing, and the real data if present."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from functions.forecasting.backtest import DEFAULT, Backtest
from functions.forecasting.engines.stan import fit as stan_fit
from functions.forecasting.folds import FoldForecasts, empty_folds
from functions.forecasting.prophet.parameters import ProphetParameters, Seasonality
from functions.forecasting.series.failures import FitFailure, refusals
from functions.forecasting.series.panel import Panel
from functions.forecasting.series.regressors import Design
from functions.forecasting.series.scale import Band
from functions.forecasting.strategy import ProphetStrategy, strategy
from tests.unit.forecasting.generated import FIRST_DAY, days_from, weekly_sales

MakePanel = Callable[..., Panel]
NO_DRIVERS: Mapping[str, Sequence[float]] = {}


@pytest.fixture(scope="session")
def make_panel() -> MakePanel:
    """A panel of series given by their units; `drivers` hold the rows of all of them."""

    def make(
        *units: Sequence[float],
        first: date = FIRST_DAY,
        closed_sundays: bool = False,
        drivers: Mapping[str, Sequence[float]] = NO_DRIVERS,
    ) -> Panel:
        dates = [days_from(first, len(each)) for each in units]
        every = np.concatenate([np.empty(0, "datetime64[D]"), *dates])
        sunday = (every.astype(np.int64) + 3) % 7 == 6
        names = tuple(sorted(drivers))
        return Panel(
            keys=tuple((str(i + 1), "all") for i in range(len(units))),
            offsets=np.concatenate([[0], np.cumsum([len(each) for each in units])]).astype(
                np.int64
            ),
            dates=every,
            units=np.concatenate([np.empty(0), *[np.asarray(each, float) for each in units]]),
            is_open=~sunday if closed_sundays else np.ones(len(every), bool),
            driver_names=names,
            drivers=np.array([drivers[name] for name in names], float).T.reshape(
                len(every), len(names)
            ),
        )

    return make


@pytest.fixture(scope="session")
def windowed() -> ProphetStrategy:
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
        never_open_weekdays=(),
    )


@pytest.fixture(
    params=[
        {"growth": "logistic", "capacity": 13_500.0, "k": 2.0, "m": 0.2},
        {"seasonality_mode": "multiplicative"},
        {
            "growth": "logistic",
            "capacity": 13_500.0,
            "k": 2.0,
            "m": 0.2,
            "seasonality_mode": "multiplicative",
        },
    ],
    ids=["logistic", "multiplicative", "both"],
)
def curved(made_up: ProphetParameters, request: pytest.FixtureRequest) -> ProphetParameters:
    """The made-up model with each of the growths and modes that are Stan's to fit."""
    return replace(made_up, **request.param)


class Quick:
    """An engine that fits nothing: every series has the same model, or that which `models`
    has for the strategy, and the folds that `says` has for it, off by nothing if it has none.

    It remembers the panels, strategies, designs and blocks that it saw.
    """

    def __init__(self, model: ProphetParameters) -> None:
        self.model = model
        self.models: dict[str, ProphetParameters] = {}
        self.says: dict[str, Callable[[np.ndarray], np.ndarray]] = {}
        self.fails: dict[str, str] = {}
        self.backtests: list[Backtest] = []
        self.seen: list[tuple[Panel, ProphetStrategy, Design, np.ndarray]] = []

    def walk_forward(
        self,
        panel: Panel,
        strategies: Sequence[ProphetStrategy],
        design: Design,
        blocks: np.ndarray,
        backtest: Backtest = DEFAULT,
    ) -> list[FoldForecasts[ProphetParameters]]:
        return [self._walk_forward(panel, each, design, blocks, backtest) for each in strategies]

    def _walk_forward(
        self,
        panel: Panel,
        strategy: ProphetStrategy,
        design: Design,
        blocks: np.ndarray,
        backtest: Backtest,
    ) -> FoldForecasts[ProphetParameters]:
        self.seen.append((panel, strategy, design, blocks))
        self.backtests.append(backtest)
        reasons = refusals(panel, backtest.n_splits * (blocks > 0) * blocks + 2)
        if strategy.name in self.fails:
            reasons = [FitFailure(self.fails[strategy.name])] * len(panel)
        band = empty_folds(backtest.n_splits, blocks)
        for i, block in enumerate(blocks.tolist()):
            if reasons[i] is not None or block == 0:
                continue
            tests = panel.units[panel.series(i)][-backtest.n_splits * block :]
            yhat = self.says.get(strategy.name, np.array)(tests).reshape(-1, block)
            band.put((i, slice(None), slice(block)), Band(yhat, 0.9 * yhat, 1.1 * yhat))
        return FoldForecasts(
            band, reasons, lambda i: self.models.get(strategy.name, self.model), {}
        )


@pytest.fixture
def quick(made_up: ProphetParameters) -> Quick:
    return Quick(made_up)


@pytest.fixture(scope="session")
def real_stores(rossmann: Path) -> Panel:
    """Five real stores' whole histories with promotions and holidays."""
    columns = ["Store", "Date", "Sales", "Open", "Promo", "SchoolHoliday"]
    sales = pd.read_csv(rossmann, usecols=columns, parse_dates=["Date"])
    sales = sales[sales.Store.isin([1, 223, 445, 667, 889])].sort_values(["Store", "Date"])
    rows = sales.groupby("Store").size()
    return Panel(
        keys=tuple((str(store), "all") for store in rows.index),
        offsets=np.concatenate([[0], rows.cumsum()]).astype(np.int64),
        dates=sales.Date.to_numpy("datetime64[D]"),
        units=sales.Sales.to_numpy(float),
        is_open=sales.Open.to_numpy() == 1,
        driver_names=("promo", "school_holiday"),
        drivers=sales[["Promo", "SchoolHoliday"]].to_numpy(float),
    )


@pytest.fixture(scope="session")
def real_panel(real_stores: Panel) -> Panel:
    """The real stores without their drivers."""
    return replace(real_stores, driver_names=(), drivers=np.empty((len(real_stores.dates), 0)))

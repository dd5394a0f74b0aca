"""What strategies are judged by: the newest folds, and the same weeks a year before.

The last five weeks can't know that the season is about to turn; the same weeks a year earlier
do. A strategy that weighs candidates is therefore also backtested about the coming days a year
ago, on what was known then, for series with so long a history. (Those of two years ago were tried
and made it worse on five of sixteen panels.) Days that are no evidence (`outliers`) are left out.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from functions.forecasting.backtest import Backtest
from functions.forecasting.engines.engine import Engine
from functions.forecasting.findings import Finding
from functions.forecasting.model import Member
from functions.forecasting.series import outliers
from functions.forecasting.series.panel import Floats, Panel
from functions.forecasting.series.scale import Band
from functions.forecasting.strategy import Strategies
from functions.forecasting.training.backtests import Backtests, Tested

Ints = npt.NDArray[np.int64]

YEAR_DAYS = 364  # whole weeks, so that weekdays stay
YEAR_FOLDS = 3  # the week before the coming days, theirs, and the one after
MIN_YEAR_ROWS = 90  # open days up to then, or nothing can be learnt from it


class Evidence:
    """Backtests of several strategies on the same folds of the open days `days` before `as_of`.

    `actual` (n, K, B) are the folds' units, oldest fold first, NaN where a series has no such
    fold, `weekday` (0 is Monday) those of the same days. `wanted` maps the name of a strategy to
    the series it is for (None: all of them, also in the year before if `with_year`).
    """

    def __init__(
        self,
        days: Panel,
        as_of: date,
        horizon: int,
        backtest: Backtest,
        wanted: Mapping[str, Ints | None],
        known: Strategies,
        engine: Engine,
        with_year: bool,
    ) -> None:
        self._n = len(days)
        self.why_discounted = outliers.why_discounted(days)
        self.discounted = self.why_discounted > 0
        self._newest = Backtests(
            days, self.discounted, as_of, horizon, backtest, wanted, known, engine
        )
        self._parts: list[tuple[Ints, Backtests]] = []
        until = as_of - timedelta(days=YEAR_DAYS - 2 * horizon)
        before = days.dates < np.datetime64(until, "D")
        rows = np.diff(np.concatenate([[0], np.cumsum(before)])[days.offsets])
        at = np.flatnonzero(rows >= MIN_YEAR_ROWS)
        if with_year and len(at):
            then = before & np.isin(np.repeat(np.arange(self._n), days.rows), at)
            tests = Backtests(
                days.only(then).select(at.tolist()),
                self.discounted[then],
                until,
                horizon,
                replace(backtest, n_splits=YEAR_FOLDS),
                {name: some for name, some in wanted.items() if some is None},
                known,
                engine,
            )
            self._parts.append((at, tests))
        self._parts.append((np.arange(self._n), self._newest))
        self._splits = [tests.actual.shape[1] for _, tests in self._parts]
        self._length = max(tests.actual.shape[2] for _, tests in self._parts)
        self.actual = self._joined([tests.actual for _, tests in self._parts])
        self.weekday = self._joined([tests.weekday for _, tests in self._parts])

    def __getitem__(self, name: str) -> Tested:
        """The backtest of the strategy of that name: the mean of the members it could fit."""
        tested = [tests[name] if tests.has(name) else None for _, tests in self._parts]
        bands = [None if each is None else each.band for each in tested]
        band = Band(
            self._joined([None if each is None else each.yhat for each in bands]),
            self._joined([None if each is None else each.lower for each in bands]),
            self._joined([None if each is None else each.upper for each in bands]),
        )
        return Tested(band, self._newest[name].reasons)

    def members(self, name: str, i: int) -> tuple[Member, ...]:
        """The models of the i-th series by that strategy, fitted to all its rows."""
        return self._newest.members(name, i)

    def findings(self, name: str, i: int) -> list[Finding]:
        """What to know of how they were fitted."""
        return self._newest.findings(name, i)

    def typical_drivers(self, i: int) -> dict[str, tuple[float, ...]]:
        """The typical values of the drivers of the i-th series, by weekday."""
        return self._newest.typical_drivers(i)

    def left_out(self, i: int) -> Finding | None:
        """What to say of drivers of the i-th series that were not read."""
        return self._newest.left_out(i)

    def fold_days(self, i: int) -> list[tuple[int, date, date]]:
        """The place, the first and the last day of each fold that the i-th series has."""
        found = []
        start = 0
        for (at, tests), splits in zip(self._parts, self._splits, strict=True):
            for place in np.flatnonzero(at == i).tolist():
                found += [(start + k, *days) for k, days in enumerate(tests.fold_days(place))]
            start += splits
        return found

    def _joined(self, parts: list[Floats | None]) -> Floats:
        """Folds of all parts, one after the other, NaN where there is none; (n, K, B)."""
        joined = np.full((self._n, sum(self._splits), self._length), np.nan)
        start = 0
        for (at, _), splits, part in zip(self._parts, self._splits, parts, strict=True):
            if part is not None:
                joined[at, start : start + splits, : part.shape[2]] = part
            start += splits
        return joined

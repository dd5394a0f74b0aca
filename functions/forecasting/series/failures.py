"""Why a series could not be trained: a value beside the results, not an exception.

One bad series among a thousand is an expected outcome and must not stop the rest.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from functions.forecasting.series.panel import Dates, Floats, Panel


@dataclass(frozen=True)
class FitFailure:
    """A series that can't be trained. `reason` says what was seen and what is needed."""

    reason: str


def not_finite(dates: Dates, units: Floats) -> FitFailure | None:
    """Refuses a series with a NaN or an infinity in `units`, naming the first such day."""
    return _refusal(dates, units, ~np.isfinite(units), "finite numbers")


def not_sales(dates: Dates, units: Floats) -> FitFailure | None:
    """Refuses what `not_finite` does, and negative numbers, of which there is no logarithm."""
    wrong = ~(np.isfinite(units) & (units >= 0))
    return _refusal(dates, units, wrong, "finite numbers from 0 on")


def _refusal(
    dates: Dates, units: Floats, wrong: npt.NDArray[np.bool_], needed: str
) -> FitFailure | None:
    bad = np.flatnonzero(wrong)
    if len(bad) == 0:
        return None
    first = bad[0]
    return FitFailure(
        f"units are {units[first]} on {dates[first]} ({len(bad)} such days in {len(units)}); "
        f"{needed} are needed"
    )


def refusals(panel: Panel, needed: npt.NDArray[np.int64]) -> list[FitFailure | None]:
    """For each series of the panel why it can't be fitted, None where nothing speaks
    against it: fewer rows than `needed` (n,), or units that are not finite.
    """
    rows = panel.rows
    bad_before = np.concatenate([[0], np.cumsum(~np.isfinite(panel.units))])
    bad = np.diff(bad_before[panel.offsets])
    found: list[FitFailure | None] = [None] * len(panel)
    for i in np.flatnonzero((rows < needed) | (bad > 0)).tolist():
        if rows[i] < needed[i]:
            found[i] = FitFailure(
                f"{rows[i]} open days are too few; at least {needed[i]} are needed"
            )
        else:
            found[i] = not_finite(panel.dates[panel.series(i)], panel.units[panel.series(i)])
    return found

"""Why a series could not be trained: a value beside the results, not an exception.

One bad series among a thousand is an expected outcome and must not stop the rest.
"""

from dataclasses import dataclass

import numpy as np

from functions.forecasting.panel import Dates, Floats


@dataclass(frozen=True)
class Unfit:
    """A series that can't be trained. `reason` says what was seen and what is needed."""

    reason: str


def not_finite(dates: Dates, units: Floats) -> Unfit | None:
    """Refuses a series with a NaN or an infinity in `units`, naming the first such day."""
    bad = np.flatnonzero(~np.isfinite(units))
    if len(bad) == 0:
        return None
    first = bad[0]
    return Unfit(
        f"units are {units[first]} on {dates[first]} ({len(bad)} such days in {len(units)}); "
        "finite numbers are needed"
    )

"""What no forecast exceeds."""

import numpy as np

from functions.forecasting.series.panel import Floats, Panel

# No forecast exceeds so many times the largest day of CAP_DAYS, times what the last two weeks
# sold more than the two before: at 15 % a day a week triples.
CAP, CAP_DAYS, MAX_GROWTH = 2.0, 730, 4.0


def caps(days: Panel) -> Floats:
    """No series' forecast exceeds this; shape (n,)."""
    last = days.dates[days.offsets[1:] - 1]
    age = (np.repeat(last, days.rows) - days.dates).astype(np.int64)
    largest = np.maximum.reduceat(np.where(age < CAP_DAYS, days.units, 0.0), days.offsets[:-1])
    lately, before = (
        np.add.reduceat(
            np.where((age >= start) & (age < start + 14), days.units, 0.0), days.offsets[:-1]
        )
        for start in (0, 14)
    )
    growth = np.clip(lately / np.maximum(before, 1e-12), 1.0, MAX_GROWTH)
    return np.maximum(CAP * growth * largest, 1.0)

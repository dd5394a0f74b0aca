"""Generated series for the tests: seeded, so the same in every run."""

from datetime import date

import numpy as np

FIRST_DAY = date(2015, 1, 5)  # a Monday


def weekly_sales(days: int, seed: int = 0) -> np.ndarray:
    """Sales of `days` days with a weekly shape, a slight trend and noise."""
    rng = np.random.default_rng(seed)
    day = np.arange(days)
    return 5000 + 800 * np.sin(2 * np.pi * day / 7) + 3 * day + rng.normal(0, 300, days)


def days_from(first: date, days: int) -> np.ndarray:
    """That many days from `first` on."""
    return np.datetime64(first, "D") + np.arange(days)

"""Days that a file of sales has no row for, between a series' first and last.

In one data set they were closed, in another open with nothing sold, and the file does not say
which: a person has to.
"""

from datetime import date

import numpy as np

from infra.sales_io.checking.days_seen import DaysSeen

MIN_STEPS = 3  # fewer steps from row to row say nothing of a habit
MOSTLY = 0.9  # of the steps, to be the habit of a file
PERIODS = (("week", 7, 7), ("month", 28, 31), ("quarter", 89, 92))  # days from row to row


def gaps_question(seen: DaysSeen) -> str | None:
    """What to ask of the missing days; None if there are none."""
    days, having, example = 0, set[tuple[str, str]](), ""
    for series, ordinals in seen.gaps():
        days += len(ordinals)
        having.update(series)
        example = example or f"{'/'.join(series[0])} on {date.fromordinal(int(ordinals[0]))}"
    if not days:
        return None
    return (
        "--missing-days: not given, and there are days without a row between the "
        f"first and last of their series: {days:,}, in {len(having):,} series, like "
        f"{example}; use closed if nothing could be sold then, or zero if the store was "
        f"open and sold nothing{_period_hint(seen)}"
    )


def _period_hint(seen: DaysSeen) -> str:
    steps = seen.steps()
    if len(steps) < MIN_STEPS:
        return ""
    for name, low, high in PERIODS:
        if np.mean((steps >= low) & (steps <= high)) >= MOSTLY:
            return (
                f". But if each row is the sum of a {name}, as its one row a {name} lets think, "
                f"use neither: Shelfcast is daily, so spread each {name} over its days first"
            )
    return ""

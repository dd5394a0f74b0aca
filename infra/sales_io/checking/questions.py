"""What a file leaves open and only a person knows: duplicates, returns and missing days.

Whether a day without a row was closed, or open with nothing sold, differs from data set to data
set, and the file does not say it.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from infra.sales_io.checking.days_seen import DaysSeen
from infra.sales_io.checking.rejections import Rejections
from infra.sales_io.checking.rows import Duplicates, MissingDays, Returns

MIN_STEPS = 3  # fewer steps from row to row do not show a period
MOSTLY = 0.9  # share of the steps that must fit a period
PERIODS = (("week", 7, 7), ("month", 28, 31), ("quarter", 89, 92))  # days from row to row


@dataclass(frozen=True, slots=True)
class Answers:
    """What a person said: the values of three options, None for one that was not given."""

    missing_days: MissingDays | None = None
    duplicates: Duplicates | None = None
    returns: Returns | None = None


def open_questions(rejections: Rejections, seen: DaysSeen, answers: Answers) -> str:
    """All questions without an answer, with the options that answer them; '' if there are none."""
    asked = []
    if answers.duplicates is None and (rejections.duplicates or rejections.repeated_sales):
        asked.append(_duplicates_question(rejections))
    if answers.returns is None and rejections.returns:
        s = "s" if rejections.returns > 1 else ""
        asked.append(
            f"--returns: not given, and {rejections.returns:,} row{s} sold less than nothing, like "
            f"{rejections.first_return}; use net to subtract returns from the day's other rows (a "
            "day with more returns than sales is 0), zero to count such a row as 0, or reject"
        )
    if answers.missing_days is None and (gaps := _gaps_question(seen)):
        asked.append(gaps)
    return "; and ".join(asked)


def _duplicates_question(rejections: Rejections) -> str:
    many = rejections.duplicates + rejections.repeated_sales
    like = f", like {rejections.first_duplicate}" if rejections.first_duplicate else ""
    same = "" if rejections.duplicates else ", each with the same units as before"
    rows = "1 row is" if many == 1 else f"{many:,} rows are"
    return (
        f"--duplicates: not given, and {rows} "
        f"of a store, product and day that another row has{same}{like}; use sum if each row "
        "is a sale of its own (a ticket), last if a later row corrects an earlier one, or "
        "reject; if the rows are of several products, name their column with --product-column"
    )


def _gaps_question(seen: DaysSeen) -> str | None:
    """The question about days without a row between a series' first and last; None without any."""
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
                f". But if each row is the sum of a {name}, as one row for each {name} suggests, "
                f"use neither: Shelfcast is daily, so spread each {name} over its days first"
            )
    return ""

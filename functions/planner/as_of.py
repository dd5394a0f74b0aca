"""The first day that a run forecasts, from the days that its series have reached. Pure.

A run has one such day for all its series, so that their forecasts can be compared and added.
It follows from what most series have reached: a till that closes a day early, or one whose
clock is wrong, moves nobody else's forecast.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

from events.errors import Refusal
from events.wording import shown
from functions.planner.scope import names
from functions.records import Scope

DAY = timedelta(days=1)
# Series whose newest sales are at most this far apart sell at the same time: a weekly delivery
# of sales files is the slowest feed that counts as one.
TOGETHER = timedelta(days=7)
# Of all series, so many must have come this far before the others count as ended. One store of
# three that is a week ahead of the rest has a wrong clock; one article in ten that still sells
# where the others were discontinued does not.
MIN_SHARE = 0.1


def reached_day(newest: Sequence[date]) -> date | None:
    """The day that most series have reached, given the newest day of each; None without any.

    Looked at are the series that still sell: of all weeks in which a share of MIN_SHARE (and at
    least two series, unless there are only one or two) had their newest day, the latest. Of
    those the day that more than half have reached is taken.
    """
    if not newest:
        return None
    days = sorted(Counter(newest).items())
    needed = max(MIN_SHARE * len(newest), 2 if len(newest) > 2 else 1)
    for last in sorted(set(newest), reverse=True):
        week = [(day, count) for day, count in days if last - TOGETHER < day <= last]
        size = sum(count for _, count in week)
        if size >= needed:
            break
    else:  # every series ended in a week of its own
        week, size = days, len(newest)
    beyond = size
    for day, count in week:  # noqa: B007 - the day at which it stops is the answer
        beyond -= count
        if 2 * beyond <= size:
            break
    return day


def default_as_of(scope: Scope, today: date) -> date:
    """The day after the one that most series have reached, tomorrow at the latest.

    `today` is UTC's: a store ahead of it may close its day, and begin tomorrow's, before UTC.
    """
    reached = reached_day([last for _, last in scope.spans])
    return today + DAY if reached is None else min(reached, today) + DAY


def check_as_of(as_of: date, scope: Scope, horizon: int) -> None:
    """Refusal for a first day before all sales of a scope, or too far beyond them."""
    if (refusal := too_early(as_of, scope) or too_late(as_of, scope, horizon)) is not None:
        raise refusal


def too_early(as_of: date, scope: Scope) -> Refusal | None:
    """Why nothing of a scope can be trained as of a day, and what to do; None if some can."""
    if (first := scope.first_day) is None or as_of > first:
        return None
    when = "before any sales" if as_of < first else "the first day of sales"
    return Refusal(
        "as_of",
        f"{as_of} is {when} of {names(scope.series)}",
        shown(str(as_of)),
        f"the first day is {first}, choose a later one",
    )


def too_late(as_of: date, scope: Scope, horizon: int) -> Refusal | None:
    """Why a first day is too far beyond the newest sales, and what to do; None if it is not."""
    if (newest := scope.newest_day) is None or as_of <= newest + horizon * DAY:
        return None
    return Refusal(
        "as_of",
        f"{as_of} is {(as_of - newest).days:,} days after the newest sales ({newest}), more than "
        f"the horizon of {horizon}",
        shown(str(as_of)),
        f"choose a day to {newest + horizon * DAY}, or leave it out for the day after the newest "
        "sales",
    )

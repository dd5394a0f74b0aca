"""Choose the first day that a run forecasts from the newest sales of its series. Pure.

All series of a run share this day, so that their forecasts can be compared and added. It follows
the majority of the series, so a till that closes early, or has a wrong clock, does not move the
forecasts of others.
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
# This share of all series must have reached a week before the others count as ended. If one store
# of three is a week ahead of the rest, its clock is wrong; if one article in ten still sells, the
# others were discontinued.
MIN_SHARE = 0.1


def reached_day(newest: Sequence[date]) -> date | None:
    """Return the day that most series have reached, given each one's newest day; None if empty.

    Only series that still sell count: those of the latest week that contains the newest day of at
    least MIN_SHARE of all series (and of two, unless there are only one or two). The result is the
    latest day that more than half of them have reached.
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
    else:  # no two series ended in the same week
        week, size = days, len(newest)
    beyond = size
    for day, count in week:  # noqa: B007 - the day at which it stops is the answer
        beyond -= count
        if 2 * beyond <= size:
            break
    return day


def default_as_of(scope: Scope, today: date) -> date:
    """Return the day after the one that most series have reached, at the latest tomorrow.

    `today` is in UTC; a store east of it may already sell on the next day.
    """
    reached = reached_day([last for _, last in scope.spans])
    return today + DAY if reached is None else min(reached, today) + DAY


def check_as_of(as_of: date, scope: Scope, horizon: int) -> None:
    """Raise Refusal if the first day lies before all sales of a scope, or too far after them."""
    if (refusal := too_early(as_of, scope) or too_late(as_of, scope, horizon)) is not None:
        raise refusal


def too_early(as_of: date, scope: Scope) -> Refusal | None:
    """Return the refusal if no series of a scope has sales before `as_of`; None if one has."""
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
    """Return the refusal if `as_of` is more than `horizon` days after the newest sales."""
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

"""Whether a forecast is older than it should be, since when, and why. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta

from functions.records import Forecast

DAY = timedelta(days=1)
# Sales of a forecast's first day arrive before the nightly roll-forward that moves it on.
MAX_DAYS_BEHIND = 1


@dataclass(frozen=True, slots=True)
class Stale:
    """A forecast is older than it should be since a day; `reason` also says what to do."""

    since: date
    reason: str


def is_gone(forecast: Forecast) -> bool:
    """Whether no sales of the series are stored any more, so that it is planned no more."""
    return forecast.newest_sale is None


def staleness(forecast: Forecast, today: date) -> Stale | None:
    """How a forecast is out of date, or None for one of the coming days.

    It is when sales of its days are known and nothing has moved it on, and when its days have
    gone by on the calendar of `today` though some were to come when it was first served. What
    is forecast of days long past, from sales of those days, is not stale by the clock alone. That
    of a series whose sales are gone is none any more: see `is_gone`.
    """
    first, last = forecast.days[0].date, forecast.days[-1].date
    newest, since = forecast.newest_sale, forecast.served_since
    if newest is None:
        return None
    if newest >= min(first + MAX_DAYS_BEHIND * DAY, last):
        days = "all its days are" if newest >= last else f"it begins on {first}, which is"
        return Stale(
            min(first + MAX_DAYS_BEHIND * DAY, last),
            f"{days} past: sales are known through {newest}; roll it forward",
        )
    if since is not None and since.date() <= last < today:
        return Stale(
            last + DAY,
            f"its last day, {last}, is past, and no sales after {newest} have come in; see "
            "whether they still arrive",
        )
    return None

"""Tell whether a forecast is out of date, since when, and why. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta

from functions.records import Forecast

DAY = timedelta(days=1)
# Sales of a forecast's first day arrive before the nightly roll-forward that moves it on.
MAX_DAYS_BEHIND = 1


@dataclass(frozen=True, slots=True)
class Stale:
    """A forecast is out of date since a day; `reason` also says what to do."""

    since: date
    reason: str


def is_gone(forecast: Forecast) -> bool:
    """Return whether the series has no stored sales left, so that it is not planned any more."""
    return forecast.newest_sale is None


def staleness(forecast: Forecast, today: date) -> Stale | None:
    """Return why a forecast is out of date, None if it is not.

    It is if sales of its days are known and no newer forecast replaced it, or if all its days
    are before `today` but were not when it was first served. A forecast made for past days is not
    stale by the clock alone. A series without sales is never stale: see `is_gone`.
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

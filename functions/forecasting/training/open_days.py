"""The first step of training: the days on which a store was open, and who has none."""

from datetime import date

from functions.forecasting.series.failures import FitFailure, not_sales
from functions.forecasting.series.panel import Panel


def open_days(panel: Panel, as_of: date) -> tuple[Panel, list[FitFailure | None]]:
    """The open days before `as_of` of the series that can be trained, and for every series of
    `panel` why it can't be, None for those that can.
    """
    days = panel.window(as_of, None).open_days()
    refused = [_refusal(days, i, as_of) for i in range(len(days))]
    sound = [i for i, reason in enumerate(refused) if reason is None]
    return days if len(sound) == len(days) else days.select(sound), refused


def _refusal(days: Panel, i: int, as_of: date) -> FitFailure | None:
    rows = days.series(i)
    if rows.start == rows.stop:
        return FitFailure(f"no open day before {as_of}; at least 1 is needed")
    return not_sales(days.dates[rows], days.units[rows])

"""Estimate the training work of a series before its history is read."""

from datetime import date, timedelta


def rows_read(span: tuple[date, date], as_of: date, window_days: int | None) -> int:
    """Count the days of history that training a series reads, at least 1.

    Only days before `as_of` count, and of these the last `window_days` unless that is None.
    Days without sales are included, so the result is an upper bound.
    """
    first, last = span
    if window_days is not None:
        first = max(first, as_of - timedelta(days=min(window_days, as_of.toordinal() - 1)))
    last = min(last, as_of - timedelta(days=1))
    return max((last - first).days + 1, 1)

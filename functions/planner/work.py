"""How much work a series is, as far as that is known before its history is read."""

from datetime import date, timedelta


def rows_read(span: tuple[date, date], as_of: date, window_days: int | None) -> int:
    """Days of history from the series' first day to its last that a training reads, at least 1.

    Only days before `as_of` count, and of these the last `window_days` unless it is None.
    Days without sales data are counted too, so it is an upper bound.
    """
    first, last = span
    if window_days is not None:
        first = max(first, as_of - timedelta(days=min(window_days, as_of.toordinal() - 1)))
    last = min(last, as_of - timedelta(days=1))
    return max((last - first).days + 1, 1)

"""Days that are no evidence of what a series sells: a typing error, a stock-out, an outage.

A day is compared with the four nearest days of its weekday before and with the four after it, on
the log scale: a bad day is far from both, a day of a new level from one. It is discounted where
it is further from the nearer median than six times the spread that such distances have in the
series, three times too large or too small at least, and further than counts of the series'
mean scatter by themselves. It is kept all the same where something explains it: a driver that is
unusual on that day, the same deviation a year before or
after, or newer days that stay where it went, which is a change of level. So are a week and more
of zeros, where zeros are rare otherwise and sales follow, and all days of a time that is over: up
to the last month, more than a year ago, on another level altogether. A discounted day is left
out; nobody takes the store for closed on it.

Source: the Hampel identifier; Davies & Gather, The identification of multiple outliers (1993),
Journal of the American Statistical Association 88(423).
"""

import numpy as np
import numpy.typing as npt

from functions.forecasting.series.panel import Floats, Panel

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

FAR_OFF, OUTAGE, FORMER = 1, 2, 3
# The codes of their findings.
REASONS = {
    FAR_OFF: "days-far-off",
    OUTAGE: "days-of-outage",
    FORMER: "days-of-former-level",
}

NEIGHBOURS = 4  # days of the same weekday, to each side; twice as many where one has none
SPREADS = 6.0
MIN_FACTOR = 3.0
COUNT_SPREADS = 4.0  # of sqrt(1 + mean), by which counts scatter
# A change of level, not a bad day: of the last days, so many at least, in this share.
NEW_LEVEL_DAYS, NEW_LEVEL_SHARE, NEWEST_ROWS = 3, 0.6, 28
OUTAGE_ROWS, RARE_ZEROS = 7, 0.02
# A month's mean level, on the log scale, is another one beyond this factor of the year's.
MONTH_ROWS, YEAR_MONTHS, OTHER_LEVEL = 28, 13, 8.0
MIN_ROWS = 28  # below, nothing is usual
_NORMAL_MEAN = 1.2533  # standard deviations in a mean absolute deviation
_SAME_SEASON = range(-3, 4)  # days about the day a year away
_UNUSUAL_DRIVER = 2.0  # standard deviations


def why_discounted(days: Panel) -> npt.NDArray[np.int8]:
    """Why each row of the open days `days` is to be left out, one of `REASONS`; 0 where it is
    not; shape (rows,).
    """
    series = np.repeat(np.arange(len(days)), days.rows)
    away = _away(days, series)
    number = np.maximum(days.rows, 1)
    spread = _NORMAL_MEAN * np.bincount(series, np.abs(away), len(days)) / number
    mean = np.bincount(series, days.units, len(days)) / number
    far = np.abs(away) > np.maximum(SPREADS * spread, np.log(MIN_FACTOR))[series]
    usual = (1 + days.units) * np.exp(-away) - 1
    far &= np.abs(days.units - usual) > COUNT_SPREADS * np.sqrt(1 + mean)[series]
    far[days.rows[series] < MIN_ROWS] = False
    for i in np.unique(series[far]).tolist():
        rows = days.series(i)
        marked = far[rows]
        sign = np.where(marked, np.sign(away[rows]), 0.0)
        marked &= ~(_recurs(days.dates[rows], sign) | _explained(days.drivers[rows], marked))
        marked &= ~_new_level(np.where(marked, sign, 0.0))
    outage, former = _outages(days, series), _former(days, series)
    why = np.select([former, outage, far], [FORMER, OUTAGE, FAR_OFF], 0).astype(np.int8)
    why[(np.bincount(series, why == 0, len(days)) < MIN_ROWS)[series]] = 0
    return why


def _outages(days: Panel, series: Ints) -> Bools:
    """The rows in long runs of zeros that end, of series that hardly know zeros else; (rows,)."""
    zero = days.units == 0
    starts = np.ones(len(zero), bool)
    starts[1:] = (zero[1:] != zero[:-1]) | (series[1:] != series[:-1])
    run = np.cumsum(starts) - 1
    long = zero & (np.bincount(run, minlength=1)[run] >= OUTAGE_ROWS)
    others = np.bincount(series, ~long, len(days))
    rare = np.bincount(series, zero & ~long, len(days)) <= RARE_ZEROS * others
    rare &= others >= days.rows / 2  # an outage is not the rule
    rows = days.rows
    ends = run[days.offsets[1:][rows > 0] - 1]
    still = np.isin(run, ends)
    outages: Bools = long & rare[series] & ~still
    return outages


def _former(days: Panel, series: Ints) -> Bools:
    """The rows of a time that is over: up to the last month more than a year ago on another
    level altogether, if no month since was; (rows,).
    """
    from_end = days.offsets[1:][series] - 1 - np.arange(len(series))
    age = from_end // MONTH_ROWS
    most = int(age.max(initial=0)) + 1
    month = series * most + age
    count = np.bincount(month, minlength=len(days) * most).reshape(len(days), most)
    total = np.bincount(month, np.log1p(days.units), len(days) * most).reshape(len(days), most)
    level = total / np.maximum(count, 1)
    known = count > 0
    year = known[:, :YEAR_MONTHS]
    now = np.where(year, level[:, :YEAR_MONTHS], 0).sum(axis=1) / np.maximum(year.sum(axis=1), 1)
    other = known & (np.abs(level - now[:, None]) > np.log(OTHER_LEVEL))
    other[other[:, :YEAR_MONTHS].any(axis=1)] = False
    newest = np.where(other.any(axis=1), other.argmax(axis=1), most)
    over: Bools = age >= newest[series]
    return over


def _away(days: Panel, series: Ints) -> Floats:
    """How far each row is from its neighbours on the log scale, from the nearer of those before
    and those after it; 0 where it lies between them or has none; (rows,).
    """
    group = series * 7 + (days.dates.astype(np.int64) + 3) % 7
    order = np.argsort(group, kind="stable")
    group, logs = group[order], np.log1p(days.units[order])
    before, after = np.full((2, 2 * NEIGHBOURS, len(logs)), np.nan)
    for step in range(1, min(2 * NEIGHBOURS + 1, len(logs))):
        same = group[step:] == group[:-step]
        before[step - 1, step:] = np.where(same, logs[:-step], np.nan)
        after[step - 1, :-step] = np.where(same, logs[step:], np.nan)
    first, last = np.isnan(before[0]), np.isnan(after[0])
    from_before = logs - _median(before[:NEIGHBOURS])
    from_after = logs - _median(after[:NEIGHBOURS])
    # At either end of a series there is one side only, and more of it is asked.
    from_after[last] = from_before[last] = logs[last] - _median(before[:, last])
    from_before[first] = from_after[first] = logs[first] - _median(after[:, first])
    alike = from_before * from_after > 0  # NaN, of a lone row, is not
    nearer = np.where(np.abs(from_before) < np.abs(from_after), from_before, from_after)
    away = np.empty(len(logs))
    away[order] = np.where(alike, nearer, 0.0)
    return away


def _median(values: Floats) -> Floats:
    """The median of each column without NaN; NaN where a column has nothing else."""
    ordered = np.sort(values, axis=0)
    known = np.isfinite(values).sum(axis=0)
    low, high = np.maximum(known - 1, 0) // 2, np.minimum(known // 2, len(values) - 1)
    at = np.arange(values.shape[1])
    return np.where(known > 0, (ordered[low, at] + ordered[high, at]) / 2, np.nan)


def _recurs(dates: npt.NDArray[np.datetime64], sign: Floats) -> Bools:
    """Where a row's deviation has its like a year before or after; shape (rows,)."""
    first = dates[0]
    at = (dates - first).astype(np.int64)
    known = np.zeros((2, int(at[-1]) + 1), bool)
    known[0, at], known[1, at] = sign > 0, sign < 0
    found = np.zeros(len(dates), bool)
    for year in (-364, 364):
        for about in _SAME_SEASON:
            there = at + year + about
            inside = (there >= 0) & (there < known.shape[1])
            place = np.where(inside, there, 0)
            like = np.where(sign > 0, known[0, place], known[1, place])
            found |= inside & like & (sign != 0)
    return found


def _explained(drivers: Floats, marked: Bools) -> Bools:
    """Where some driver of a marked row is far from its mean; shape (rows,)."""
    said = np.isfinite(drivers)
    number = np.maximum(said.sum(axis=0), 1)
    mean = np.where(said, drivers, 0.0).sum(axis=0) / number
    off = np.where(said, drivers - mean, 0.0)
    spread = np.sqrt((off**2).sum(axis=0) / number)
    unusual = (np.abs(off) > _UNUSUAL_DRIVER * np.maximum(spread, 1e-12)) & (spread > 0)
    explained: Bools = unusual.any(axis=1) & marked
    return explained


def _new_level(sign: Floats) -> Bools:
    """The marked rows at the end of a series that share a direction with most rows after
    them; shape (rows,).
    """
    newest = sign[-NEWEST_ROWS:]
    found = np.zeros(len(sign), bool)
    for way in (1.0, -1.0):
        count = np.cumsum((newest == way)[::-1])
        share = count / np.arange(1, len(newest) + 1)
        enough = np.flatnonzero((count >= NEW_LEVEL_DAYS) & (share >= NEW_LEVEL_SHARE))
        if len(enough):
            start = len(sign) - int(enough[-1]) - 1
            found[start:] |= sign[start:] == way
    return found

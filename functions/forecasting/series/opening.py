"""How likely a series has an open day on a day that no calendar speaks of.

By weekday, from the 120 days up to the last open one. A weekday is open (1) if it was on the
newest three or on three of four, and closed (0) if it was on none of the newest four or on less
than a tenth. Between these the chance is the share seen: a market every other week. A series that
is seldom open, on any weekday, has one chance for all of them: it is a feed that leaves days
without a sale out, for which an absent row means that nothing was sold. Gaps of more than six
weeks (a conversion, a season) count for nothing. Where the last open day is more than four
weeks gone the chance fades: by half every four weeks, and to 0 at a fiftieth.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from functions.forecasting.findings import Finding
from functions.forecasting.series.panel import Floats, Panel

Ints = npt.NDArray[np.int64]

SEEN_DAYS = 120
NEWLY_OPEN, NEWLY_CLOSED = 3, 4  # weeks
OPEN_FROM, CLOSED_BELOW = 0.75, 0.1
USUALLY_OPEN, SAME_WEEKDAY = 0.5, 0.75  # of a weekday's days, of all open days: a pattern
FEW_ROWS, FEW_WEEKS = 7, 4  # with fewer of both, a weekday that is missing may be chance
MAX_GAP = 42  # days
HALF_LIFE = ENDS_AFTER = 28  # days
JUST = 7  # days
MIN_CHANCE = 0.02


@dataclass(frozen=True, eq=False)
class Opening:
    """`chances` (n, 7), Monday first, and what to say of each series."""

    chances: Floats
    findings: list[list[Finding]]

    def of(self, i: int) -> tuple[float, ...]:
        """The chances of the i-th series, empty if each of them is 0 or 1."""
        some = self.chances[i]
        return () if ((some == 0) | (some == 1)).all() else tuple(some.tolist())


def opening(days: Panel, as_of: date) -> Opening:
    """The chances from the open days `days` before `as_of`; each series has at least one."""
    last = days.dates[days.offsets[1:] - 1].astype(np.int64)
    idle = (np.datetime64(as_of, "D").astype(np.int64) - 1) - last
    # Days after the last open one are days of closing, if it has only just been.
    until = last + np.where(idle <= JUST, idle, 0)
    chances, findings = _regular(days, until), [list[Finding]() for _ in days.keys]
    for i in np.flatnonzero(np.isnan(chances).any(axis=1) | (idle > ENDS_AFTER)).tolist():
        dates = days.dates[days.series(i)].astype(np.int64)
        seen = dates[dates > until[i] - SEEN_DAYS]
        if np.isnan(chances[i]).any():
            since = max(int(dates[0]), int(until[i]) - SEEN_DAYS + 1)
            chances[i] = _weekdays(seen, since, int(until[i]))
            findings[i] += _irregular(chances[i])
        overdue = int(idle[i]) - max(ENDS_AFTER, int(np.diff(seen).max(initial=0)))
        if overdue > 0:
            left = 0.5 ** (overdue / HALF_LIFE)
            left = left if left >= MIN_CHANCE else 0.0
            chances[i] *= left
            newest = str(dates[-1].astype("datetime64[D]"))
            values = {"since": newest, "idle": int(idle[i]), "as_of": str(as_of)}
            findings[i].append(Finding("fading" if left else "ended", values))
    return Opening(chances, findings)


def _regular(days: Panel, until: Ints) -> Floats:
    """The chances of series whose weekdays are all open or never, NaN for those that are not so
    plain; (n, 7).
    """
    series = np.repeat(np.arange(len(days)), days.rows)
    dates = days.dates.astype(np.int64)
    first = np.maximum(dates[days.offsets[:-1]], until - SEEN_DAYS + 1)
    kept = dates >= first[series]
    place = series[kept] * 7 + (dates[kept] + 3) % 7
    opened = np.bincount(place, minlength=7 * len(days)).reshape(len(days), 7)
    weekday = np.arange(7)
    # So many Mondays, Tuesdays, … lie between the first and the last day that count.
    possible = (until[:, None] - weekday + 3) // 7 - (first[:, None] - 1 - weekday + 3) // 7
    newest = np.full(7 * len(days), -1)
    np.maximum.at(newest, place, dates[kept])
    lately = until[:, None] - newest.reshape(len(days), 7) < 7 * NEWLY_CLOSED
    always = lately & (opened >= OPEN_FROM * possible)
    never = (opened == 0) & (days.rows >= FEW_ROWS)[:, None]
    plain = (always | never).all(axis=1)
    return np.where(plain[:, None], np.where(always, 1.0, 0.0), np.nan)


def _weekdays(seen: Ints, since: int, until: int) -> Floats:
    """The chance for each weekday, by the days from `since` to `until` on which it was open."""
    gaps = np.diff(seen, prepend=seen[0] - 1)
    if _is_feed(seen, gaps, until):
        return np.full(7, len(seen) / (until - since + 1))
    spans = [
        np.arange(day - gap + 1, day + 1) if gap <= MAX_GAP else np.array([day])
        for day, gap in zip(seen.tolist(), gaps.tolist(), strict=True)
    ]
    every = np.concatenate([*spans, np.arange(seen[-1] + 1, until + 1)])
    was_open, weekday = np.isin(every, seen), (every + 3) % 7
    return np.array([_chance(was_open[weekday == day], len(seen)) for day in range(7)])


def _is_feed(seen: Ints, gaps: Ints, until: int) -> bool:
    """Whether the days have no pattern: no weekday is usual, and most days follow a gap."""
    count = np.bincount((seen + 3) % 7, minlength=7)
    every = np.bincount((np.arange(seen[0], until + 1) + 3) % 7, minlength=7)
    usual = bool((count >= USUALLY_OPEN * np.maximum(every, 1)).any())
    alone = bool(count.max() >= SAME_WEEKDAY * len(seen))
    return len(seen) >= FEW_WEEKS and not usual and not alone and bool(np.median(gaps) >= 2)


def _chance(was_open: npt.NDArray[np.bool_], rows: int) -> float:
    """The chance of one weekday, by its days from old to new."""
    weeks = len(was_open)
    share = float(was_open.mean()) if weeks else 0.0
    if (weeks >= NEWLY_OPEN and was_open[-NEWLY_OPEN:].all()) or (
        share >= OPEN_FROM and was_open[-NEWLY_CLOSED:].any()
    ):
        return 1.0
    if rows < FEW_ROWS and weeks < FEW_WEEKS:
        return 1.0
    if share < CLOSED_BELOW or (weeks >= NEWLY_CLOSED and not was_open[-NEWLY_CLOSED:].any()):
        return 0.0
    return share if weeks >= FEW_WEEKS else 1.0


def _irregular(chances: Floats) -> list[Finding]:
    """What to say of chances that are neither 0 nor 1."""
    some = chances[(chances > 0) & (chances < 1)]
    if len(some) == 0:
        return []
    share = round(float(some.mean()), 4)
    return [Finding("open-by-chance", {"share": share, "weekdays": len(some)})]

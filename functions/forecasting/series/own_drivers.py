"""Each series with its own drivers only, so that nobody pays for another's names.

A panel's columns are shared by name, and names add up over days and series: a hundred series
with a few names of their own each (`price_milk`, `price_rye`) would each have all of them, seven
times over with weekdays. Here the columns are places instead: a series' own drivers stand in the
first ones. A fit knows columns, not names, so series with unlike names are still solved together.

Guaranteed: a panel of few names stays as it is, and a series has `MAX_DRIVERS` at most.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from functions.forecasting.findings import Finding
from functions.forecasting.series.panel import Floats, Panel

Ints = npt.NDArray[np.int64]

# As many as a sale may have. A fit's cost grows with the square of its columns, 7 for a driver.
MAX_DRIVERS = 64
# Series of up to so many drivers are solved together; beyond, those of up to twice as many.
FEW_DRIVERS = 8
# Days times drivers of a part: with their weekdays these are 60 MB, and a shard of 128 series of
# two years with ten drivers is still in one part.
MAX_PART_CELLS = 1_000_000


def places(width: int) -> tuple[str, ...]:
    """The names of so many columns that are places."""
    return tuple(f"{at:02}" for at in range(width))


def most_frequent(days: Mapping[str, int]) -> tuple[tuple[str, ...], tuple[int, str]]:
    """The drivers that were not 0 on most days, in rising order; of the others how many there
    are and which is the most frequent. `days` counts those days of each.
    """
    if len(days) <= MAX_DRIVERS:
        return tuple(sorted(days)), (0, "")
    ranked = sorted(days, key=lambda name: (-days[name], name))
    return tuple(sorted(ranked[:MAX_DRIVERS])), (len(days) - MAX_DRIVERS, ranked[MAX_DRIVERS])


def parts(panel: Panel) -> Iterator[tuple[Ints, Panel]]:
    """The panel in parts whose series have about as many drivers: indices, and the series at
    them with columns that are places. A panel of few names is one part, itself.
    """
    every = np.arange(len(panel))
    if len(panel.driver_names) <= FEW_DRIVERS:
        yield every, panel
        return
    found = [most_frequent(_days_of(panel, i)) for i in every.tolist()]
    kept = [names for names, _ in found]
    count = np.array([len(names) for names in kept])
    doublings = np.ceil(np.log2(np.maximum(count, FEW_DRIVERS) / FEW_DRIVERS)).astype(np.int64)
    for doubling in np.unique(doublings).tolist():
        for at in _cut(panel, np.flatnonzero(doublings == doubling), count):
            if len(at) == len(panel) and all(names == panel.driver_names for names in kept):
                yield at, panel
            else:
                yield at, _placed(panel, at, [kept[i] for i in at.tolist()])


def left_out(panel: Panel) -> list[Finding | None]:
    """What to say of each series that has more drivers than `parts` gives it."""
    read = panel.left_out or ((0, ""),) * len(panel)
    wide = len(panel.driver_names) > MAX_DRIVERS
    findings: list[Finding | None] = []
    for i, (more, first) in enumerate(read):
        if wide:
            _, (more, first) = most_frequent(_days_of(panel, i))
        values = {"count": more, "first": first, "most": MAX_DRIVERS}
        findings.append(Finding("drivers-left-out", values) if more else None)
    return findings


def alone(panel: Panel, i: int) -> Panel:
    """The i-th series with its own drivers, in columns of their names."""
    if len(panel.driver_names) <= FEW_DRIVERS and not panel.own_names:
        return panel.select([i])
    names = tuple(sorted(most_frequent(_days_of(panel, i))[0]))
    placed = _placed(panel, np.array([i]), [names])
    return replace(placed, driver_names=names, own_names=())


def _days_of(panel: Panel, i: int) -> dict[str, int]:
    """On how many days each driver of the i-th series was not 0; without those it never had."""
    names = panel.names_of(i)
    values: Floats = panel.drivers[panel.series(i)]
    days = np.count_nonzero(np.nan_to_num(values), axis=0).tolist()
    has = np.flatnonzero(np.isfinite(values).any(axis=0)).tolist()
    return {names[at]: days[at] for at in has if at < len(names)}


def _cut(panel: Panel, some: Ints, count: Ints) -> Iterator[Ints]:
    """The series `some` in runs of bounded size, by the widest of them."""
    cells = np.cumsum(panel.rows[some] * max(int(count[some].max()), 1))
    for number in np.unique(cells // MAX_PART_CELLS).tolist():
        yield some[cells // MAX_PART_CELLS == number]


def _placed(panel: Panel, at: Ints, kept: list[tuple[str, ...]]) -> Panel:
    """The series `at`, their drivers `kept` in the first columns."""
    bare = replace(panel, driver_names=(), drivers=np.empty((0, 0)), own_names=()).select(
        at.tolist()
    )
    width = max(map(len, kept))
    drivers = np.full((len(bare.dates), width), np.nan)
    for i, (source, names) in enumerate(zip(at.tolist(), kept, strict=True)):
        known = {name: column for column, name in enumerate(panel.names_of(source))}
        columns = [known[name] for name in names]
        drivers[bare.series(i), : len(names)] = panel.drivers[panel.series(source)][:, columns]
    return replace(
        bare, driver_names=places(width), drivers=drivers, own_names=tuple(kept) if width else ()
    )

"""Sales and the calendar, in memory."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np

from functions.forecasting.series.calendar import Calendar
from functions.forecasting.series.panel import Panel
from functions.records import Extent, Scope, Series, SeriesSummary
from infra.memory.tables import Tables


class MemorySales(Tables):
    """See `functions.ports.SalesReader`."""

    async def scope(self, store: str | None, product: str | None) -> Scope:
        """Scan all series."""
        return await self.scope_of(
            [s for s in self.sales if store in (None, s[0]) and product in (None, s[1])]
        )

    async def scope_of(self, series: Sequence[Series]) -> Scope:
        """Scan their days."""
        known = sorted(s for s in series if self.sales.get(s))
        return Scope(tuple(known), tuple((min(self.sales[s]), max(self.sales[s])) for s in known))

    async def sold(self, series: Sequence[Series], first: date | None, last: date | None) -> Extent:
        """Scan their days."""
        return _extent(
            {
                key: [
                    day
                    for day in self.sales.get(key, {})
                    if (first or date.min) <= day <= (last or date.max)
                ]
                for key in series
            }
        )

    async def imported(self, import_id: str) -> Extent:
        """Scan all days."""
        return _extent(
            {
                key: [day for day in days if self.imports.get(key, {}).get(day) == import_id]
                for key, days in self.sales.items()
            }
        )

    async def drivers_had(
        self, series: Sequence[Series], names: Sequence[str]
    ) -> dict[Series, frozenset[str]]:
        """From all days; of names that were not asked for only those of the newest."""
        had = {}
        for key in series:
            newest = sorted(self.sales.get(key, ()))[-28:]
            days = self.drivers.get(key, {})
            found = {name for day in newest for name in days.get(day, {})}
            ever = {name for named in days.values() for name in named}
            had[key] = frozenset(found | ever.intersection(names))
        return had

    async def history(
        self, series: Sequence[Series], first: date | None, before: date, drivers: bool = True
    ) -> Panel:
        """Cut from the stored days."""
        rows = [
            [
                (day, *values, self.drivers.get(key, {}).get(day, {}) if drivers else {})
                for day, values in sorted(self.sales.get(key, {}).items())
                if (first is None or first <= day) and day < before
            ]
            for key in series
        ]
        flat = [row for days in rows for row in days]
        names = tuple(sorted({name for row in flat for name in row[3]}))
        values = [[row[3].get(name, np.nan) for name in names] for row in flat]
        return Panel(
            keys=tuple(series),
            offsets=np.cumsum([0, *map(len, rows)], dtype=np.int64),
            dates=np.array([row[0] for row in flat], dtype="datetime64[D]"),
            units=np.array([row[1] for row in flat], dtype=np.float64),
            is_open=np.array([row[2] for row in flat], dtype=np.bool_),
            driver_names=names,
            drivers=np.array(values, np.float64).reshape(len(flat), len(names)),
        )

    async def calendar(self, series: Sequence[Series], start: date, days: int) -> Calendar:
        """Plans laid over each other, the more specific last."""
        opened = np.full((len(series), days), -1, np.int8)
        merged: dict[tuple[int, int], dict[str, float]] = {}
        for i, (store, product) in enumerate(series):
            for step in range(days):
                drivers = merged[i, step] = {}
                for scope in (("", ""), ("", product), (store, ""), (store, product)):
                    plan = self.planned.get(scope, {}).get(start + timedelta(days=step))
                    if plan is not None:
                        opened[i, step] = opened[i, step] if plan[0] is None else plan[0]
                        drivers |= plan[1]
        names = tuple(sorted({name for drivers in merged.values() for name in drivers}))
        values = [[drivers.get(name, np.nan) for name in names] for drivers in merged.values()]
        shape = (len(series), days, len(names))
        return Calendar(start, opened, names, np.array(values, np.float64).reshape(shape))

    async def series_page(self, after: Series | None, limit: int) -> list[SeriesSummary]:
        """In order."""
        sold = (s for s, days in self.sales.items() if days)
        page = sorted(s for s in sold if after is None or s > after)[:limit]
        summaries = []
        for series in page:
            champion = self.stored.get(self.aliases.get((series, "champion"), ""))
            days = self.sales[series]
            version = champion.version if champion else None
            summaries.append(SeriesSummary(*series, min(days), max(days), version))
        return summaries


def _extent(days: Mapping[Series, Sequence[date]]) -> Extent:
    flat = [day for each in days.values() for day in each]
    series = sum(1 for each in days.values() if each)
    return Extent(series, len(flat), min(flat, default=None), max(flat, default=None))

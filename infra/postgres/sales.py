"""Sales and the calendar, in Postgres."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from functions.forecasting.series.calendar import Calendar
from functions.forecasting.series.panel import Panel
from functions.records import Extent, Scope, Series, SeriesSummary
from infra.postgres import daily
from infra.postgres.columns import columns
from infra.postgres.connections import Connections
from infra.postgres.queries import sales as queries


class PostgresSales(Connections):
    """See `functions.ports.SalesReader`."""

    async def scope(self, store: str | None, product: str | None) -> Scope:
        """Three index probes per series, however many days each has."""
        match store, product:
            case None, None:
                rows = await (await self.pool()).fetch(queries.SCOPE_ALL)
            case None, _:
                rows = await (await self.pool()).fetch(queries.SCOPE_PRODUCT, product)
            case _, None:
                rows = await (await self.pool()).fetch(queries.SCOPE_STORE, store)
            case _:
                return await self.scope_of([(store, product)])
        return _scope(rows)

    async def scope_of(self, series: Sequence[Series]) -> Scope:
        """Two index probes per series."""
        named = columns(series, 2)
        return _scope(await (await self.pool()).fetch(queries.SCOPE_NAMED, *named))

    async def sold(self, series: Sequence[Series], first: date | None, last: date | None) -> Extent:
        """Counted by the index of series and days."""
        named = columns(series, 2)
        row = await (await self.pool()).fetchrow(queries.SOLD, *named, first, last)
        return Extent(**row)

    async def imported(self, import_id: str) -> Extent:
        """Scan all sales: the query is too rare for an index."""
        return Extent(**await (await self.pool()).fetchrow(queries.IMPORTED, import_id))

    async def drivers_had(
        self, series: Sequence[Series], names: Sequence[str]
    ) -> dict[Series, frozenset[str]]:
        """From the newest days; where these lack a name, from all days that have it."""
        had: dict[Series, frozenset[str]] = dict.fromkeys(series, frozenset())
        pool = await self.pool()
        for row in await pool.fetch(queries.NEWEST_DRIVERS, *columns(series, 2)):
            had[series[row["n"] - 1]] = frozenset(row["names"])
        wanted = set(names)
        lacking = [each for each in series if not wanted <= had[each]]
        step = -(-len(lacking) // queries.MAX_SEARCHED) or 1
        searched = lacking[::step]
        missing = sorted({name for each in searched for name in wanted - had[each]})
        if missing:
            rows = await pool.fetch(queries.DRIVERS_EVER, *columns(searched, 2), missing)
            for row in rows:
                had[searched[row["n"] - 1]] |= frozenset(row["names"])
        return had

    async def history(
        self, series: Sequence[Series], first: date | None, before: date, drivers: bool = True
    ) -> Panel:
        """One query for all series, and one more for the drivers of several."""
        if not drivers or len(series) == 1:
            async with (await self.pool()).acquire() as connection:
                return await daily.history(connection, series, first, before, drivers=drivers)
        async with self.snapshot() as connection:
            return await daily.history(connection, series, first, before, drivers=True)

    async def calendar(self, series: Sequence[Series], start: date, days: int) -> Calendar:
        """One query for all plans that apply; of several series one more for their drivers."""
        if len(series) == 1:
            async with (await self.pool()).acquire() as connection:
                return await daily.calendar(connection, series, start, days)
        async with self.snapshot() as connection:
            return await daily.calendar(connection, series, start, days)

    async def series_page(self, after: Series | None, limit: int) -> list[SeriesSummary]:
        """One index probe per series of the page."""
        store, product = after or ("", "")
        rows = await (await self.pool()).fetch(queries.SERIES_PAGE, store, product, limit)
        return [SeriesSummary(**row) for row in rows]


def _scope(rows: Sequence[Any]) -> Scope:
    found = sorted(tuple(row) for row in rows)
    return Scope(tuple(row[:2] for row in found), tuple(row[2:] for row in found))

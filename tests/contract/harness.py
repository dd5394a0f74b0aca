"""What the tests of every storage do to one beside its ports: sales arrive, time passes."""

import json
from abc import ABC, abstractmethod
from datetime import UTC, date, datetime, timedelta
from typing import Any

from functions.ports import Storage
from infra.memory.storage import MemoryStorage
from infra.postgres.storage import PostgresStorage

Series = tuple[str, str]
NOON = datetime(2015, 8, 1, 12, tzinfo=UTC)
DAY = date(2015, 7, 31)


class Harness(ABC):
    """A storage under test. `is_postgres` is for what only tables can show."""

    storage: Storage
    is_postgres = False

    async def sell(self, series: Series, days: int, last: date = DAY) -> None:
        """Sales of `days` days up to `last`: units 1, 2, …; closed on Sundays."""
        first = last - timedelta(days=days - 1)
        dates = [first + timedelta(days=n) for n in range(days)]
        rows = [(day, float(n), day.weekday() != 6) for n, day in enumerate(dates, 1)]
        await self.insert(series, rows)

    @abstractmethod
    async def insert(self, series: Series, rows: list[tuple[date, float, bool]]) -> None:
        """Days with their units and whether the shop was open."""

    @abstractmethod
    async def forget(self, series: Series) -> None:
        """All sales of a series are taken back."""

    @abstractmethod
    async def bring_in(self, series: Series, import_id: str, *days: date) -> None:
        """Days with sales are those of an import."""

    @abstractmethod
    async def drive(self, series: Series, day: date, **drivers: float) -> None:
        """What drove the sales of a day that has some."""

    @abstractmethod
    async def foresee(
        self, scope: Series, day: date, opened: bool | None = None, **drivers: float
    ) -> None:
        """A plan; '' is every store or every product."""

    @abstractmethod
    async def plan_at(self, run_id: str, at: datetime) -> None:
        """The run was planned then."""

    @abstractmethod
    async def close(self) -> None:
        """Leave nothing open."""


class MemoryHarness(Harness):
    """The fake, whose dictionaries are changed."""

    def __init__(self) -> None:
        self.storage: MemoryStorage = MemoryStorage()

    async def insert(self, series: Series, rows: list[tuple[date, float, bool]]) -> None:
        known = self.storage.sales.setdefault(series, {})
        known |= {day: (units, is_open) for day, units, is_open in rows}

    async def forget(self, series: Series) -> None:
        self.storage.sales[series].clear()

    async def bring_in(self, series: Series, import_id: str, *days: date) -> None:
        self.storage.imports.setdefault(series, {}).update(dict.fromkeys(days, import_id))

    async def drive(self, series: Series, day: date, **drivers: float) -> None:
        self.storage.drivers.setdefault(series, {})[day] = drivers

    async def foresee(
        self, scope: Series, day: date, opened: bool | None = None, **drivers: float
    ) -> None:
        self.storage.planned.setdefault(scope, {})[day] = (opened, drivers)

    async def plan_at(self, run_id: str, at: datetime) -> None:
        self.storage.planned_at[run_id] = at

    async def close(self) -> None:
        """It holds nothing that outlives it."""


class PostgresHarness(Harness):
    """The real one, whose tables are changed."""

    is_postgres = True

    def __init__(self, database: str, connections: int = 4) -> None:
        self.storage: PostgresStorage = PostgresStorage(database, connections)

    async def insert(self, series: Series, rows: list[tuple[date, float, bool]]) -> None:
        await self._execute(
            "INSERT INTO daily_sales (store, product, date, units, open, drivers, event_id,"
            " recorded_at) SELECT $1, $2, *, '{}', 'e', $6"
            " FROM unnest($3::date[], $4::float8[], $5::boolean[])",
            *(*series, *map(list, zip(*rows, strict=True)), NOON),
        )

    async def forget(self, series: Series) -> None:
        await self._execute("DELETE FROM daily_sales WHERE store = $1 AND product = $2", *series)

    async def bring_in(self, series: Series, import_id: str, *days: date) -> None:
        await self._execute(
            "UPDATE daily_sales SET import_id = $3"
            " WHERE store = $1 AND product = $2 AND date = ANY ($4)",
            *(*series, import_id, days),
        )

    async def drive(self, series: Series, day: date, **drivers: float) -> None:
        await self._execute(
            "UPDATE daily_sales SET drivers = $4 WHERE store = $1 AND product = $2 AND date = $3",
            *(*series, day, json.dumps(drivers)),
        )

    async def foresee(
        self, scope: Series, day: date, opened: bool | None = None, **drivers: float
    ) -> None:
        await self._execute(
            "INSERT INTO calendar (store, product, date, open, drivers, event_id, recorded_at)"
            " VALUES ($1, $2, $3, $4, $5, 'e', $6)",
            *(*scope, day, opened, json.dumps(drivers), NOON),
        )

    async def plan_at(self, run_id: str, at: datetime) -> None:
        await self._execute(
            "UPDATE training_runs SET planned_at = $2 WHERE run_id = $1", run_id, at
        )

    async def close(self) -> None:
        await self.storage.close()

    async def _execute(self, statement: str, *values: Any) -> None:
        async with self.storage.transaction() as connection:
            await connection.execute(statement, *values)

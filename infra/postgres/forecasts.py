"""Stored and served forecasts, in Postgres."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from operator import itemgetter

from asyncpg import Record

from functions.records import DayForecast, Forecast, Series, Window
from infra.postgres.columns import as_json, columns
from infra.postgres.connections import Connections
from infra.postgres.queries import forecasts as queries


class PostgresForecasts(Connections):
    """See `functions.ports.Forecasts`."""

    async def served(self, series: Sequence[Series]) -> dict[Series, Window]:
        """By primary key."""
        rows = await (await self.pool()).fetch(queries.SERVED, *columns(series, 2))
        return {
            (r["store"], r["product"]): Window(
                r["first_day"], r["horizon"], r["requested_at"], r["request_id"]
            )
            for r in rows
        }

    async def serve(self, forecasts: Sequence[tuple[Forecast, Window]]) -> set[Series]:
        """In one transaction, with the champions held as they are."""
        asked = {(forecast.store, forecast.product): (forecast, w) for forecast, w in forecasts}
        async with self.transaction() as connection:
            champions = await connection.fetch(queries.LOCK_CHAMPIONS, *columns(list(asked), 2))
            heads = [
                (
                    *(*key, forecast.model_id, window.first_day, window.horizon),
                    *(window.requested_at, window.request_id),
                )
                for *key, champion in champions
                for forecast, window in (asked[key[0], key[1]],)
                if forecast.model_id == champion
            ]
            rows = await connection.fetch(queries.SERVE, *columns(heads, 7))
            taken = {(row["store"], row["product"]) for row in rows}
            days = [
                (
                    *(*key, day.date, forecast.model_id, day.yhat, day.yhat_lower, day.yhat_upper),
                    *(as_json(day.assumed), as_json(day.limited), day.bounded),
                )
                for key, (forecast, _) in asked.items()
                if key in taken
                for day in forecast.days
            ]
            await connection.execute(queries.SAVE_FORECASTS, *columns(days, 10))
        return asked.keys() - taken

    async def served_on(
        self, scopes: Sequence[tuple[str | None, str | None]], first: date, last: date
    ) -> list[Series]:
        """By primary key; for a product, or all, one look at every served forecast."""
        asked = columns(scopes, 2)
        rows = await (await self.pool()).fetch(queries.SERVED_ON, *asked, first, last)
        return [(row["store"], row["product"]) for row in rows]

    async def forecast(self, store: str, product: str) -> Forecast | None:
        """By primary key, with the newest day of sales."""
        return next(iter(await self.forecasts([(store, product)])), None)

    async def forecasts(self, series: Sequence[Series]) -> list[Forecast]:
        """By primary key, with the newest day of sales of each."""
        rows = await (await self.pool()).fetch(queries.FORECASTS, *columns(series, 2))
        return [_forecast(list(days)) for _, days in groupby(rows, itemgetter("store", "product"))]

    async def served_page(
        self, store: str | None, product: str | None, after: Series | None, limit: int
    ) -> list[Series]:
        """By primary key from `after` on; of a product, through all that is served."""
        values = (store, product, *(after or ("", "")), limit)
        rows = await (await self.pool()).fetch(queries.SERVED_PAGE, *values)
        return [(row["store"], row["product"]) for row in rows]


def _forecast(rows: Sequence[Record]) -> Forecast:
    """The forecast of a series from its days, each with what holds for all of them."""
    days = tuple(
        DayForecast(
            *(row["date"], row["yhat"], row["yhat_lower"], row["yhat_upper"]),
            *(tuple(row["assumed"]), tuple(row["limited"]), row["bounded"]),
        )
        for row in rows
    )
    head = rows[0]
    return Forecast(
        head["store"],
        head["product"],
        head["model_id"],
        days,
        head["version"],
        head["data_through"],
        head["published_at"],
        head["newest_sale"],
        head["served_since"],
    )

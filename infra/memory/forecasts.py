"""Stored and served forecasts, in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from events.clock import utc_now
from functions.records import Forecast, Series, Window
from infra.memory.tables import Tables


class MemoryForecasts(Tables):
    """See `functions.ports.Forecasts`."""

    async def served(self, series: Sequence[Series]) -> dict[Series, Window]:
        """By series."""
        return {key: self.windows_served[key][1] for key in series if key in self.windows_served}

    async def serve(self, forecasts: Sequence[tuple[Forecast, Window]]) -> set[Series]:
        """One after the other."""
        overtaken = set()
        for forecast, window in forecasts:
            series = (forecast.store, forecast.product)
            _, before = self.windows_served.get(series, ("", None))
            late = before is not None and window.age < before.age
            if late or self.aliases.get((series, "champion")) != forecast.model_id:
                overtaken.add(series)
                continue
            now = utc_now()
            same = before is not None and (before.first_day, before.horizon) == (
                window.first_day,
                window.horizon,
            )
            self.served_times[series] = (now, self.served_times[series][1] if same else now)
            self.windows_served[series] = forecast.model_id, window
            known = self.published.get(forecast.model_id)
            days = {day.date: day for day in (() if known is None else known.days)}
            days |= {day.date: day for day in forecast.days}
            in_order = tuple(days[day] for day in sorted(days))
            self.published[forecast.model_id] = replace(forecast, days=in_order)
        self.changes.happened()
        return overtaken

    async def served_on(
        self, scopes: Sequence[tuple[str | None, str | None]], first: date, last: date
    ) -> list[Series]:
        """Scan all that is served."""
        return sorted(
            series
            for series, (_, window) in self.windows_served.items()
            if window.first_day <= last
            and window.first_day + timedelta(days=window.horizon) > first
            and any(s in (None, series[0]) and p in (None, series[1]) for s, p in scopes)
        )

    async def forecast(self, store: str, product: str) -> Forecast | None:
        """The days that are served."""
        series = (store, product)
        if series not in self.windows_served:
            return None
        model_id, window = self.windows_served[series]
        end = window.first_day + timedelta(days=window.horizon)
        model, (published_at, since) = self.stored[model_id], self.served_times[series]
        days = self.published[model_id].days
        return replace(
            self.published[model_id],
            days=tuple(day for day in days if window.first_day <= day.date < end),
            version=model.version,
            data_through=model.data_through,
            published_at=published_at,
            newest_sale=max(self.sales.get(series, {}), default=None),
            served_since=since,
        )

    async def forecasts(self, series: Sequence[Series]) -> list[Forecast]:
        """One after the other."""
        found = [await self.forecast(*key) for key in sorted(set(series))]
        return [each for each in found if each is not None]

    async def served_page(
        self, store: str | None, product: str | None, after: Series | None, limit: int
    ) -> list[Series]:
        """Scan all that is served."""
        return sorted(
            series
            for series in self.windows_served
            if store in (None, series[0])
            and product in (None, series[1])
            and (after is None or series > after)
        )[:limit]

"""The refresher: forecast-requested and calendar-changed in, forecast-shard-requested out.

It trains nothing. A request moves forecasts to begin after the newest sales. A calendar change
renews the served forecasts that it affects, for the same days. Both use the state when they are
read, so a redelivery only asks for a newer forecast.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from events.clock import utc_now
from events.envelope import Event
from events.payloads import (
    DEFAULT_HORIZON,
    EXPRESS_SERIES,
    CalendarChanged,
    ForecastRequested,
    ForecastShardRequested,
    Payload,
)
from functions.forecaster.shards import forecast_shards
from functions.forecasting.forecast.horizon import LOOK_BACK
from functions.forecasting.series.regressors import LOOK_AHEAD
from functions.planner.as_of import check_as_of, default_as_of
from functions.planner.planner import check_id
from functions.planner.scope import resolve_scope
from functions.ports import Forecasts, SalesReader

SOURCE = "shelfcast/refresher"


class RefresherStorage(SalesReader, Forecasts, Protocol):
    """The ports that the refresher uses."""


class Refresher:
    """Request forecast shards; those of at most `express_series` series use the express lane."""

    def __init__(
        self,
        storage: RefresherStorage,
        express_series: int = EXPRESS_SERIES,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._storage, self._express_series, self._clock = storage, express_series, clock

    async def __call__(self, events: Sequence[Event[Payload]]) -> list[Event[Payload]]:
        """Return the shards of each event. Raise Refusal for a request without a known series, or
        with a day too early or too late for them.
        """
        outputs: list[Event[Payload]] = []
        for event in events:
            match event.data:
                case ForecastRequested() as request:
                    outputs += await self._requested(event, request)
                case CalendarChanged() as changed:
                    outputs += await self._calendar(event, changed)
        return outputs

    async def _requested(
        self, event: Event[Payload], request: ForecastRequested
    ) -> list[Event[Payload]]:
        check_id(event)
        scope = await resolve_scope(self._storage, request.store, request.product, request.series)
        as_of = request.as_of or default_as_of(scope, self._clock().date())
        if request.as_of is not None:
            check_as_of(as_of, scope, request.horizon or DEFAULT_HORIZON)
        return [
            self._shard(
                event,
                ForecastShardRequested(
                    request_id=event.id,
                    series=refs,
                    as_of=as_of,
                    horizon=request.horizon,
                    requested_at=event.time,
                ),
                len(scope.series),
            )
            for refs in forecast_shards(scope.series)
        ]

    async def _calendar(
        self, event: Event[Payload], changed: CalendarChanged
    ) -> list[Event[Payload]]:
        scopes = [(ref.store, ref.product) for ref in changed.scopes]
        # A closing affects some days before it, and the day after.
        first = changed.first_day - timedelta(days=LOOK_AHEAD)
        last = changed.last_day + timedelta(days=LOOK_BACK)
        served = await self._storage.served_on(scopes, first, last)
        return [
            self._shard(
                event,
                ForecastShardRequested(request_id=changed.change_id, series=refs),
                len(served),
            )
            for refs in forecast_shards(served)
        ]

    def _shard(
        self, event: Event[Payload], shard: ForecastShardRequested, series: int
    ) -> Event[Payload]:
        few = series <= self._express_series
        return event.effect(shard, SOURCE, self._clock, lane="express" if few else "bulk")

"""The planner: retrain-requested in, training-shard-requested out.

The plan (series, shards, as_of) is stored when a request is first seen, and every
delivery is answered from the stored plan, so a redelivered request is the same run with
the same shards, whatever has been sold in between.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from pydantic import TypeAdapter, ValidationError

from events.clock import utc_now
from events.envelope import Event, of_type
from events.errors import Refusal
from events.payloads import (
    Payload,
    RetrainCompleted,
    RetrainRequested,
    RunId,
    SeriesRef,
    TrainingShardRequested,
)
from functions.forecasting.strategy import BUILT_IN, Strategies, UnknownStrategy, strategy
from functions.planner.shards import plan_shards
from functions.storage import Plan, Storage

SOURCE = "shelfcast/planner"
_RUN_ID = TypeAdapter[str](RunId)


class Planner:
    """Plans each requested run once."""

    def __init__(
        self,
        storage: Storage,
        shard_series: int,
        strategies: Strategies = BUILT_IN,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._storage, self._shard_series = storage, shard_series
        self._strategies, self._clock = strategies, clock

    async def __call__(self, events: Sequence[Event[Payload]]) -> list[Event[Payload]]:
        """The shards of every request; Refusal for one that means no known series."""
        outputs: list[Event[Payload]] = []
        for event in of_type(events, RetrainRequested):
            plan = await self._storage.plan(event.id)
            plan = plan or await self._storage.save_plan(await self._new_plan(event))
            outputs += self._effects(event, plan)
        return outputs

    async def _new_plan(self, event: Event[RetrainRequested]) -> Plan:
        request = event.data
        try:
            _RUN_ID.validate_python(event.id)
        except ValidationError:
            raise Refusal(
                f"ce_id: {event.id!r} is to be a run's id; use letters, digits and _ . : - only"
            ) from None
        try:
            strategy(request.strategy, self._strategies)
        except UnknownStrategy as error:
            raise Refusal(f"strategy: {error}") from None
        scope = await self._storage.scope(request.store, request.product)
        if not scope.series and (request.store or request.product):
            raise Refusal(unknown_series(request.store, request.product))
        newest = scope.newest_day or self._clock().date()
        return Plan(
            run_id=event.id,
            requested_by=request.requested_by,
            requested_at=event.time,
            reason=request.reason,
            store=request.store,
            product=request.product,
            strategy=request.strategy,
            as_of=request.as_of or newest + timedelta(days=1),
            horizon=request.horizon,
            shards=plan_shards(scope.series, self._shard_series),
        )

    def _effects(self, event: Event[RetrainRequested], plan: Plan) -> list[Event[Payload]]:
        if not plan.shards:
            nothing = RetrainCompleted(run_id=plan.run_id, planned=0, succeeded=0, failed=0)
            return [event.effect(nothing, SOURCE, self._clock, correlation_id=plan.run_id)]
        return [
            event.effect(
                TrainingShardRequested(
                    run_id=plan.run_id,
                    shard=number,
                    series=tuple(SeriesRef(store=s, product=p) for s, p in shard),
                    as_of=plan.as_of,
                    strategy=plan.strategy,
                    horizon=plan.horizon,
                ),
                SOURCE,
                self._clock,
                correlation_id=plan.run_id,
            )
            for number, shard in enumerate(plan.shards)
        ]


def unknown_series(store: str | None, product: str | None) -> str:
    """Why a request for these can't be planned, and what to do."""
    asked = " and ".join(
        f"{name} {value!r}" for name, value in (("store", store), ("product", product)) if value
    )
    field = "store" if store else "product"
    return f"{field}: no sales are known of {asked}; import its sales first, or see GET /series"

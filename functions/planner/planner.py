"""The planner: retrain-requested and cancel-requested in, training-shard-requested out.

The first delivery of a request stores its plan (series, shards, as_of). Later deliveries use the
stored plan, so a redelivered request gives the same run and the same shards, even if sales have
arrived meanwhile. A redelivery publishes only the shards with a series that has no result; a
replayed dead letter also those with a series that failed.

A request that duplicates a run is coalesced into it while no series of that run has been trained
or is being trained: the run will then read its history after the request. If that run is
cancelled, the requests made after the cancellation are reopened as one run.

Shards of a cancelled run may already be published; trainers skip cancelled series.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Protocol

from pydantic import TypeAdapter, ValidationError

from events.clock import utc_now
from events.envelope import Event, derive_id
from events.errors import Refusal
from events.payloads import (
    EXPRESS_SERIES,
    CancelRequested,
    Payload,
    Policy,
    RetrainCoalesced,
    RetrainRequested,
    RunId,
    SeriesRef,
    TrainingShardRequested,
)
from events.wording import shown
from functions.completion import completion
from functions.forecasting.strategy import BUILT_IN, Strategies, days_read
from functions.known_strategy import known_strategy
from functions.planner.as_of import check_as_of, default_as_of
from functions.planner.history import too_short
from functions.planner.scope import resolve_scope
from functions.planner.shards import plan_shards
from functions.planner.work import rows_read
from functions.ports import Models, Plans, Runs, SalesReader
from functions.records import Counts, Plan, Scope

SOURCE = "shelfcast/planner"
_RUN_ID = TypeAdapter[str](RunId)


class PlannerStorage(SalesReader, Plans, Runs, Models, Protocol):
    """The ports that the planner uses."""


class Planner:
    """Plans each requested run once.

    A shard has at most `shard_series` series and `shard_rows` rows. A run of at most
    `express_series` series uses the express lane. `policy` is the default of requests.
    """

    def __init__(
        self,
        storage: PlannerStorage,
        shard_series: int,
        shard_rows: int,
        strategies: Strategies = BUILT_IN,
        policy: Policy = "if-better",
        express_series: int = EXPRESS_SERIES,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._storage, self._policy, self._clock = storage, policy, clock
        self._strategies, self._express_series = strategies, express_series
        self._shard_series, self._shard_rows = shard_series, shard_rows

    async def __call__(self, events: Sequence[Event[Payload]]) -> list[Event[Payload]]:
        """Return the shards of each request. Raise Refusal if it names no known series or run, or
        a day before all sales or too far after them.
        """
        outputs: list[Event[Payload]] = []
        for event in events:
            match event.data:
                case RetrainRequested() as request:
                    plan = await self._storage.plan(event.id)
                    if plan is None:
                        new = await self._new_plan(event, request)
                        plan = await self._storage.save_or_coalesce(new)
                    outputs += await self._effects(event, plan)
                case CancelRequested() as request:
                    outputs += await self._cancel(event, request.run_id)
        return outputs

    async def _cancel(self, event: Event[Payload], run_id: str) -> list[Event[Payload]]:
        """Return the run's end, and the shards of the later request that was coalesced into it.

        A run that has ended stays unchanged, so a redelivery returns the same events.
        """
        if (plan := await self._storage.plan(run_id)) is None:
            raise Refusal(
                "run_id", f"there is no run {run_id!r} to cancel", shown(run_id), "see GET /runs"
            )
        if plan.coalesced_into is not None:
            raise coalesced(run_id, plan.coalesced_into)
        await self._storage.cancel(run_id, event.time)
        reopened = await self._storage.reopen(run_id, event.time, event.id)
        outputs = [] if reopened is None else await self._effects(event, reopened)
        counts = (await self._storage.counts([run_id])).get(run_id, Counts(0, 0, 0))
        if counts.pending:
            return outputs  # a result is being recorded now; it will end the run
        return [*outputs, completion(event, run_id, counts, SOURCE, self._clock)]

    async def _new_plan(self, event: Event[Payload], request: RetrainRequested) -> Plan:
        check_id(event)
        known_strategy(request.strategy, self._strategies)
        scope = await resolve_scope(self._storage, request.store, request.product, request.series)
        as_of = request.as_of or default_as_of(scope, self._clock().date())
        if request.as_of is not None:
            check_as_of(as_of, scope, request.horizon)
        if (refusal := too_short(request.strategy, self._strategies, scope, as_of)) is not None:
            raise refusal
        policy = request.policy or self._policy
        chosen = await self._chosen(request, scope, as_of)
        days = days_read([request.strategy], self._strategies)
        rows = [rows_read(span, as_of, days) for span in chosen.spans]
        return Plan(
            run_id=event.id,
            requested_by=request.requested_by,
            requested_at=event.time,
            reason=request.reason,
            store=request.store,
            product=request.product,
            strategy=request.strategy,
            as_of=as_of,
            horizon=request.horizon,
            shards=plan_shards(chosen.series, rows, self._shard_series, self._shard_rows),
            policy=policy,
            named=request.series is not None,
            failed_in=request.failed_in,
            older_than_days=request.older_than_days,
            fingerprint=_fingerprint(request, as_of, policy),
        )

    async def _chosen(self, request: RetrainRequested, scope: Scope, as_of: date) -> Scope:
        """Filter the scope by `failed_in` and `older_than_days`."""
        kept = set(scope.series)
        if request.failed_in is not None:
            if (failed := await self._storage.failed_in(request.failed_in)) is None:
                raise unknown_run("failed_in", request.failed_in)
            kept &= failed
        if request.older_than_days is not None:
            since = oldest_day(as_of, request.older_than_days)
            kept -= await self._storage.up_to_date(request.store, request.product, since)
        pairs = [(s, span) for s, span in zip(scope.series, scope.spans, strict=True) if s in kept]
        return Scope(tuple(s for s, _ in pairs), tuple(span for _, span in pairs))

    async def _effects(self, event: Event[Payload], plan: Plan) -> list[Event[Payload]]:
        if plan.coalesced_into is not None:
            fact = RetrainCoalesced(run_id=plan.run_id, into=plan.coalesced_into)
            return [event.effect(fact, SOURCE, self._clock, correlation_id=plan.run_id)]
        unfinished = await self._storage.unfinished_shards(plan.run_id, failed=event.replayed)
        if not unfinished:
            counts = (await self._storage.counts([plan.run_id])).get(plan.run_id, Counts(0, 0, 0))
            return [completion(event, plan.run_id, counts, SOURCE, self._clock)]
        few = sum(map(len, plan.shards)) <= self._express_series
        return [
            event.effect(
                TrainingShardRequested(
                    run_id=plan.run_id,
                    shard=number,
                    series=tuple(SeriesRef(store=s, product=p) for s, p in shard),
                    as_of=plan.as_of,
                    strategy=plan.strategy,
                    horizon=plan.horizon,
                    policy=plan.policy,
                ),
                SOURCE,
                self._clock,
                correlation_id=plan.run_id,
                lane="express" if few else "bulk",
            )
            for number, shard in enumerate(plan.shards)
            if number in unfinished
        ]


def check_id(event: Event[Payload]) -> None:
    """Raise Refusal if the event's id is not valid as the id of a run or request."""
    try:
        _RUN_ID.validate_python(event.id)
    except ValidationError:
        raise Refusal(
            "ce_id",
            f"{event.id!r} is to be the id of a run or request",
            shown(event.id),
            "use letters, digits and _ . : - only",
        ) from None


def _fingerprint(request: RetrainRequested, as_of: date, policy: Policy) -> str:
    """Return a fingerprint that is equal for requests with the same series and parameters."""
    named = sorted(f"{ref.store}/{ref.product}" for ref in request.series or ())
    asked = (request.store, request.product, request.failed_in, request.older_than_days)
    how = (request.strategy, str(as_of), request.horizon, policy)
    # "wish" must stay: stored fingerprints were computed with it.
    return derive_id("wish", *map(repr, (*asked, *how)), *named)


def oldest_day(as_of: date, days: int) -> date:
    """Return the day `days` days before `as_of`, at the earliest date.min."""
    return date.fromordinal(max(as_of.toordinal() - days, 1))


def coalesced(run_id: str, into: str) -> Refusal:
    """Return the refusal to cancel a run that was coalesced into another."""
    return Refusal(
        "run_id",
        f"run {run_id!r} was coalesced into {into!r}",
        shown(run_id),
        "cancel that one",
    )


def unknown_run(field: str, run_id: str) -> Refusal:
    """Return the refusal of a run id that does not exist."""
    return Refusal(
        field,
        f"there is no run {run_id!r}",
        shown(run_id),
        "GET /runs lists those there are",
    )

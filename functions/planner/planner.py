"""The planner: retrain-requested and cancel-requested in, training-shard-requested out.

The plan (series, shards, as_of) is stored when a request is first seen, and every
delivery is answered from the stored plan, so a redelivered request is the same run with
the same shards, whatever has been sold in between. Only shards with a series that has no
result yet are asked for again, or when a dead letter is replayed those with one that failed.

A request for what a run was asked already, of which no series has been trained or is being
trained, is stored as coalesced into that run: whatever that run reads, it reads later. If the
run is cancelled, requests younger than the cancel get one of them as a run of their own.

A cancelled run's shards may be on their way: trainers pass over what is cancelled.
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
    ForecastRequested,
    Payload,
    Policy,
    RetrainCoalesced,
    RetrainRequested,
    RunId,
    SeriesRef,
    TrainingShardRequested,
)
from functions.completion import completion
from functions.forecasting.strategy import (
    BUILT_IN,
    Strategies,
    UnknownStrategy,
    days_read,
    strategy,
)
from functions.planner.as_of import default_as_of, too_late
from functions.planner.history import too_short
from functions.planner.shards import plan_shards
from functions.planner.work import rows_read
from functions.ports import Models, Plans, Runs, SalesReader
from functions.records import Counts, Plan, Scope, Series

SOURCE = "shelfcast/planner"
NAMED = 5  # series that a message names before it only counts
_RUN_ID = TypeAdapter[str](RunId)


class PlannerStorage(SalesReader, Plans, Runs, Models, Protocol):
    """What the planner asks of the database."""


class Planner:
    """Plans each requested run once.

    A shard has at most `shard_series` series and `shard_rows` rows. A run of at most
    `express_series` series travels on the express lane. `policy` is for requests without.
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
        """The shards of every request; Refusal for one that means no known series or run, or
        a day before all sales or too far beyond them.
        """
        outputs: list[Event[Payload]] = []
        for event in events:
            match event.data:
                case RetrainRequested() as request:
                    plan = await self._storage.plan(event.id)
                    if plan is None:
                        new = await self._new_plan(event, request)
                        plan = await self._storage.save_plan(new)
                    outputs += await self._effects(event, plan)
                case CancelRequested() as request:
                    outputs += await self._cancel(event, request.run_id)
        return outputs

    async def _cancel(self, event: Event[Payload], run_id: str) -> list[Event[Payload]]:
        """The run's end, and the shards of a younger request that had counted on the run.

        A run that has ended stays as it is, so a redelivery says the same.
        """
        if (plan := await self._storage.plan(run_id)) is None:
            raise Refusal(f"run_id: there is no run {run_id!r} to cancel; see GET /runs")
        if plan.coalesced_into is not None:
            raise Refusal(f"run_id: {coalesced(run_id, plan.coalesced_into)}")
        await self._storage.cancel(run_id, event.time)
        reopened = await self._storage.reopen(run_id, event.time, event.id)
        outputs = [] if reopened is None else await self._effects(event, reopened)
        counts = (await self._storage.counts([run_id])).get(run_id, Counts(0, 0, 0))
        if counts.pending:
            return outputs  # a result is being recorded this moment, which then ends the run
        return [*outputs, completion(event, run_id, counts, SOURCE, self._clock)]

    async def _new_plan(self, event: Event[Payload], request: RetrainRequested) -> Plan:
        check_id(event)
        try:
            strategy(request.strategy, self._strategies)
        except UnknownStrategy as error:
            raise Refusal(f"strategy: {error}") from None
        scope = await named_scope(self._storage, request)
        as_of = request.as_of or default_as_of(scope, self._clock().date())
        if request.as_of is not None and (
            problem := too_early(as_of, scope) or too_late(as_of, scope, request.horizon)
        ):
            raise Refusal(problem)
        if problem := too_short(request.strategy, self._strategies, scope, as_of):
            raise Refusal(problem)
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
            wish=_wish(request, as_of, policy),
        )

    async def _chosen(self, request: RetrainRequested, scope: Scope, as_of: date) -> Scope:
        """What is left of the scope by `failed_in` and `older_than_days`."""
        kept = set(scope.series)
        if request.failed_in is not None:
            if (failed := await self._storage.failed_in(request.failed_in)) is None:
                raise Refusal(f"failed_in: {unknown_run(request.failed_in)}")
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
    """Refusal if the event's id can't name what it asks for."""
    try:
        _RUN_ID.validate_python(event.id)
    except ValidationError:
        raise Refusal(
            f"ce_id: {event.id!r} is to be the id of a run or request; use letters, digits and "
            "_ . : - only"
        ) from None


async def named_scope(storage: SalesReader, request: RetrainRequested | ForecastRequested) -> Scope:
    """The known series that a request names; Refusal if it names an unknown one."""
    if request.series is None:
        scope = await storage.scope(request.store, request.product)
        if not scope.series and (request.store or request.product):
            raise Refusal(unknown_series(request.store, request.product))
        return scope
    named = [(ref.store, ref.product) for ref in request.series]
    scope = await storage.scope_of(named)
    if unknown := sorted(set(named) - set(scope.series)):
        raise Refusal(unknown_named_series(unknown))
    return scope


def _wish(request: RetrainRequested, as_of: date, policy: Policy) -> str:
    """Equal for two requests that ask the same: which series, how, and as of when."""
    named = sorted(f"{ref.store}/{ref.product}" for ref in request.series or ())
    asked = (request.store, request.product, request.failed_in, request.older_than_days)
    how = (request.strategy, str(as_of), request.horizon, policy)
    return derive_id("wish", *map(repr, (*asked, *how)), *named)


def oldest_day(as_of: date, days: int) -> date:
    """The day so many days before another, or the first day there is."""
    return date.fromordinal(max(as_of.toordinal() - days, 1))


def unknown_series(store: str | None, product: str | None) -> str:
    """Why a request for these can't be planned, and what to do."""
    asked = " and ".join(
        f"{name} {value!r}" for name, value in (("store", store), ("product", product)) if value
    )
    field = "store" if store else "product"
    return f"{field}: no sales are known of {asked}; import its sales first, or see GET /series"


def unknown_named_series(unknown: Sequence[Series]) -> str:
    """Why a request that names these can't be planned, and what to do."""
    return (
        f"series: no sales are known of {_names(unknown)}; import their sales first, "
        "or see GET /series"
    )


def too_early(as_of: date, scope: Scope) -> str | None:
    """Why nothing of a scope can be trained as of a day, and what to do; None if some can."""
    if (first := scope.first_day) is None or as_of > first:
        return None
    when = "before any sales" if as_of < first else "the first day of sales"
    return (
        f"as_of: {as_of} is {when} of {_names(scope.series)}; the first day is {first}, "
        "choose a later one"
    )


def _names(series: Sequence[Series]) -> str:
    """Some of the series, and how many more there are."""
    names = ", ".join(f"'{store}/{product}'" for store, product in series[:NAMED])
    return f"{names} and {len(series) - NAMED} more" if len(series) > NAMED else names


def coalesced(run_id: str, into: str) -> str:
    """Why a run can't be cancelled that is none of its own, and what to do."""
    return f"run {run_id!r} was coalesced into {into!r}; cancel that one"


def unknown_run(run_id: str) -> str:
    """Why nothing can be said of a run, and what to do."""
    return f"there is no run {run_id!r}; GET /runs lists those there are"

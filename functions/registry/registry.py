"""The registry: training results and promotion requests in; changes of champion out.

After each result of a series, its champion, new or old, forecasts the days that the run asked
for. A champion that a person promotes, even again, forecasts the coming days.

Outputs are derived from what is stored after the write, not from what the write changed, so a
redelivery publishes the same events. Dead letters are read too: a planned request, a shard or a
result that was given up fails its series, so every run ends.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from pydantic import ValidationError

from events.clock import utc_now
from events.envelope import Event, derive_id, of_type
from events.names import as_one_line, is_run_id
from events.pace import paced
from events.payloads import (
    MAX_INTEGER,
    ChallengerKept,
    DeadLettered,
    ForecastShardRequested,
    ModelPromoted,
    ModelTrained,
    Payload,
    PromotionRequested,
    RetrainRequested,
    SeriesRef,
    TrainingFailed,
    TrainingShardRequested,
)
from events.topics import bulk, lane_of
from functions.completion import completion
from functions.forecaster.shards import forecast_shards
from functions.ports import Deliveries, Models, Plans, RegistryStorage, Runs
from functions.records import Promotion, Series, Window
from functions.registry.transactions import change_champions, record_results

SOURCE = "shelfcast/registry"
_Due = tuple[Event[Payload], str, list[Series]]  # a cause, its run, and the series it is about


class RegistryPorts(RegistryStorage, Plans, Runs, Deliveries, Models, Protocol):
    """The ports that the registry uses."""


class Registry:
    """Record training results and promotions, and publish what follows from them."""

    def __init__(self, storage: RegistryPorts, clock: Callable[[], datetime] = utc_now) -> None:
        self._storage, self._clock = storage, clock

    async def __call__(self, events: Sequence[Event[Payload]]) -> list[Event[Payload]]:
        """Return an event for each new champion, each model kept as challenger, each forecast to
        make and each run that ended.
        """
        trained = of_type(events, ModelTrained)
        failed = of_type(events, TrainingFailed)
        for letter in of_type(events, DeadLettered):
            if (failure := _failed_result(letter)) is not None:
                failed.append(failure)
        if trained or failed:
            await record_results(self._storage, trained, failed)
        causes: dict[str, Event[Payload]] = {}
        causes |= {event.data.run_id: event for event in failed}
        causes |= {event.data.run_id: event for event in trained}
        due: list[_Due] = [(e, e.data.run_id, [(e.data.store, e.data.product)]) for e in trained]
        due += [(e, e.data.run_id, [(e.data.store, e.data.product)]) for e in failed]
        for letter in of_type(events, DeadLettered):
            for run_id, shard, series in await self._given_up_shards(letter.data):
                await self._storage.fail_shard(run_id, shard, _reason(letter.data), letter.time)
                causes.setdefault(run_id, letter)
                due.append((letter, run_id, series))
        requests = of_type(events, PromotionRequested)
        for request in requests:
            await change_champions(self._storage, request, self._clock().date())
        promotions = await self._storage.promotions(
            [event.data.model_id for event in trained] + [event.id for event in requests]
        )
        return [
            *await self._promotions(trained, requests, promotions),
            *await self._kept(trained),
            *await self._forecasts_of_runs(due),
            *await self._forecasts_asked_for(requests, promotions),
            *await self._completions(causes),
        ]

    async def _given_up_shards(self, letter: DeadLettered) -> list[tuple[str, int, list[Series]]]:
        """Return run, number and series of each shard that a dead letter leaves untrained."""
        run_id, number = _given_up_shard(letter)
        if run_id is not None and number is not None:
            series = await self._storage.shard(run_id, number)
            return [(run_id, number, list(series))] if series else []
        if bulk(letter.topic) != RetrainRequested.TOPIC or letter.run_id is None:
            return []
        if (plan := await self._storage.plan(letter.run_id)) is None:
            return []
        return [(plan.run_id, n, list(series)) for n, series in enumerate(plan.shards)]

    async def _promotions(
        self,
        trained: Sequence[Event[ModelTrained]],
        requests: Sequence[Event[PromotionRequested]],
        promotions: Sequence[Promotion],
    ) -> list[Event[Payload]]:
        """Return one event per new champion; a champion promoted again is not new."""
        causes: dict[str, Event[Payload]] = {event.data.model_id: event for event in trained}
        causes |= {event.id: event for event in requests}
        return [
            causes[promotion.cause_id].effect(
                ModelPromoted(
                    run_id=promotion.run_id,
                    store=promotion.store,
                    product=promotion.product,
                    model_id=promotion.model_id,
                    version=promotion.version,
                    as_of=promotion.forecast_from,
                    horizon=promotion.horizon,
                    previous_model_id=promotion.previous_model_id,
                    reason=promotion.reason,
                    changed_by=promotion.changed_by,
                ),
                SOURCE,
                self._clock,
                correlation_id=promotion.run_id,
            )
            async for promotion in paced(promotions)
            if promotion.model_id != promotion.previous_model_id
        ]

    async def _kept(self, trained: Sequence[Event[ModelTrained]]) -> list[Event[Payload]]:
        """Return one event per model that its verdict did not promote."""
        verdicts = await self._storage.verdicts([event.data.model_id for event in trained])
        return [
            event.effect(
                ChallengerKept(
                    run_id=model.run_id,
                    store=model.store,
                    product=model.product,
                    model_id=model.model_id,
                    version=version,
                    champion_model_id=verdict.champion_model_id,
                    reason=verdict.reason,
                    score=verdict.score,
                    champion_score=verdict.champion_score,
                ),
                SOURCE,
                self._clock,
            )
            async for event in paced(trained)
            for model in (event.data,)
            if model.model_id in verdicts
            for version, verdict in (verdicts[model.model_id],)
            if not verdict.promote
        ]

    async def _forecasts_of_runs(self, due: Sequence[_Due]) -> list[Event[Payload]]:
        """Return the forecast shards that follow from results and from shards given up."""
        windows = await self._storage.windows(list({run_id for _, run_id, _ in due}))
        return [
            self._due(cause, refs, windows[run_id], run_id)
            async for cause, run_id, series in paced(due)
            if run_id in windows
            for refs in forecast_shards(series)
        ]

    async def _forecasts_asked_for(
        self, requests: Sequence[Event[PromotionRequested]], promotions: Sequence[Promotion]
    ) -> list[Event[Payload]]:
        """Return one forecast shard per series in which a person promoted a model."""
        causes = {event.id: event for event in requests}
        return [
            self._due(
                cause,
                (SeriesRef(store=promotion.store, product=promotion.product),),
                Window(promotion.forecast_from, promotion.horizon, cause.time, cause.id),
                promotion.run_id,
            )
            async for promotion in paced(promotions)
            if (cause := causes.get(promotion.cause_id)) is not None
        ]

    def _due(
        self, cause: Event[Payload], series: tuple[SeriesRef, ...], window: Window, run_id: str
    ) -> Event[Payload]:
        shard = ForecastShardRequested(
            request_id=window.request_id,
            series=series,
            as_of=window.first_day,
            horizon=window.horizon,
            requested_at=window.requested_at,
        )
        event_id, lane = None, cause.lane
        if isinstance(cause.data, DeadLettered):
            # The id depends on the shard alone, which may be given up more than once.
            event_id = derive_id(shard.TYPE, "given up", shard.subject)
            lane = lane_of(cause.data.topic)
        return cause.effect(
            shard, SOURCE, self._clock, event_id=event_id, correlation_id=run_id, lane=lane
        )

    async def _completions(self, causes: Mapping[str, Event[Payload]]) -> list[Event[Payload]]:
        """Return one event per run that has ended."""
        return [
            completion(causes[run_id], run_id, counts, SOURCE, self._clock)
            for run_id, counts in (await self._storage.ended(list(causes))).items()
        ]


def _given_up_shard(letter: DeadLettered) -> tuple[str | None, int | None]:
    """Read run and number of a dead-lettered shard from its key, even if its value is damaged."""
    run_id, _, number = letter.original_key.rpartition("/")
    if bulk(letter.topic) != TrainingShardRequested.TOPIC or not number.isdecimal():
        return None, None
    if not is_run_id(run_id) or len(number) > len(str(MAX_INTEGER)) or int(number) > MAX_INTEGER:
        return None, None  # not written by the planner: no valid run id or shard number
    return run_id, int(number)


def _failed_result(letter: Event[DeadLettered]) -> Event[TrainingFailed] | None:
    """Return the failure of a series whose result was dead-lettered, None if it is not one."""
    store, _, product = letter.data.original_key.partition("/")
    run_id = letter.data.run_id
    if bulk(letter.data.topic) != TrainingFailed.TOPIC or not (run_id and store and product):
        return None
    reason = _reason(letter.data)
    try:
        failure = TrainingFailed(run_id=run_id, store=store, product=product, reason=reason)
    except ValidationError:
        return None  # the key is not a valid series
    return letter.effect(failure, SOURCE, lambda: letter.time)


def _reason(letter: DeadLettered) -> str:
    return as_one_line(f"dead-lettered from {letter.topic}: {letter.error}: {letter.message}")

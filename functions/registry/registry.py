"""The registry: results of training and requests to promote in; who is champion now out.

What it says comes from what is stored after its write, not from what the write changed,
so a redelivery says the same again. It reads dead letters too: a planned request, a shard
or a result that was given up still gives its series a result, so every run ends.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from pydantic import ValidationError

from events.clock import utc_now
from events.envelope import Event, of_type
from events.names import as_one_line, is_run_id
from events.payloads import (
    MAX_INTEGER,
    ChallengerKept,
    DeadLettered,
    ModelPromoted,
    ModelTrained,
    Payload,
    PromotionRequested,
    RetrainRequested,
    TrainingFailed,
    TrainingShardRequested,
)
from events.topics import bulk
from functions.completion import completion
from functions.storage import Storage

SOURCE = "shelfcast/registry"


class Registry:
    """Records results."""

    def __init__(self, storage: Storage, clock: Callable[[], datetime] = utc_now) -> None:
        self._storage, self._clock = storage, clock

    async def __call__(self, events: Sequence[Event[Payload]]) -> list[Event[Payload]]:
        """Each new champion, each model kept as challenger, each run that ended."""
        trained = of_type(events, ModelTrained)
        failed = of_type(events, TrainingFailed)
        for letter in of_type(events, DeadLettered):
            if (failure := _failed_result(letter)) is not None:
                failed.append(failure)
        await self._storage.record_results(trained, failed)
        causes: dict[str, Event[Payload]] = {}
        causes |= {event.data.run_id: event for event in failed}
        causes |= {event.data.run_id: event for event in trained}
        for letter in of_type(events, DeadLettered):
            for run_id, shard in await self._given_up_shards(letter.data):
                await self._storage.fail_shard(run_id, shard, _reason(letter.data), letter.time)
                causes.setdefault(run_id, letter)
        requests = of_type(events, PromotionRequested)
        for request in requests:
            await self._storage.change_champions(request)
        return [
            *await self._promotions(trained, requests),
            *await self._kept(trained),
            *await self._completions(causes),
        ]

    async def _given_up_shards(self, letter: DeadLettered) -> list[tuple[str, int]]:
        """Run and number of each shard that will not be trained unless the letter is replayed."""
        if bulk(letter.topic) == RetrainRequested.TOPIC and letter.run_id:
            plan = await self._storage.plan(letter.run_id)
            return [] if plan is None else [(plan.run_id, n) for n in range(len(plan.shards))]
        shard = _given_up_shard(letter)
        return [] if shard is None else [shard]

    async def _promotions(
        self,
        trained: Sequence[Event[ModelTrained]],
        requests: Sequence[Event[PromotionRequested]],
    ) -> list[Event[Payload]]:
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
            for promotion in await self._storage.promotions(list(causes))
        ]

    async def _kept(self, trained: Sequence[Event[ModelTrained]]) -> list[Event[Payload]]:
        """One event per model whose verdict kept it from being champion."""
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
            for event in trained
            for model in (event.data,)
            if model.model_id in verdicts
            for version, verdict in (verdicts[model.model_id],)
            if not verdict.promote
        ]

    async def _completions(self, causes: Mapping[str, Event[Payload]]) -> list[Event[Payload]]:
        """One event per run that has ended."""
        return [
            completion(causes[run_id], run_id, counts, SOURCE, self._clock)
            for run_id, counts in (await self._storage.counts(list(causes))).items()
            if not counts.pending
        ]


def _given_up_shard(letter: DeadLettered) -> tuple[str, int] | None:
    """Run and number of a dead-lettered shard; its key has both, whatever its bytes are."""
    run_id, _, number = letter.original_key.rpartition("/")
    if bulk(letter.topic) != TrainingShardRequested.TOPIC or not number.isdecimal():
        return None
    if not is_run_id(run_id) or len(number) > len(str(MAX_INTEGER)) or int(number) > MAX_INTEGER:
        return None  # no shard of ours: a run's and a shard's are no such
    return run_id, int(number)


def _failed_result(letter: Event[DeadLettered]) -> Event[TrainingFailed] | None:
    """The failure of a series whose result was dead-lettered."""
    store, _, product = letter.data.original_key.partition("/")
    run_id = letter.data.run_id
    if bulk(letter.data.topic) != TrainingFailed.TOPIC or not (run_id and store and product):
        return None
    reason = _reason(letter.data)
    try:
        failure = TrainingFailed(run_id=run_id, store=store, product=product, reason=reason)
    except ValidationError:
        return None  # the key of a series that can't be one
    return letter.effect(failure, SOURCE, lambda: letter.time)


def _reason(letter: DeadLettered) -> str:
    return as_one_line(f"dead-lettered from {letter.topic}: {letter.error}: {letter.message}")

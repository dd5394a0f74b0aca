"""The registry's transactions: each reads, applies the pure rules of this package, and writes."""

from collections.abc import Sequence
from datetime import date, timedelta

from events.envelope import Event
from events.payloads import ModelTrained, PromotionRequested, TrainingFailed
from functions.ports import RegistryStorage, RegistryTx
from functions.records import Candidate, Series
from functions.registry.aliases import Aliases, Cause
from functions.registry.promotion import champions_to_be, verdicts


async def record_results(
    storage: RegistryStorage,
    trained: Sequence[Event[ModelTrained]],
    failed: Sequence[Event[TrainingFailed]],
) -> None:
    """Store new models with their verdicts, and the results of their series.

    Each model gets one verdict, against the champion at that time. Raise Refusal for a model of a
    run without a plan.
    """
    series = [(event.data.store, event.data.product) for event in (*trained, *failed)]
    async with storage.registry(hold=series if trained else ()) as tx:
        aliases = await _add_models(tx, trained) if trained else Aliases({})
        await tx.record(trained, failed)
        await tx.change_aliases(aliases.changes, aliases.changed)


async def change_champions(
    storage: RegistryStorage, request: Event[PromotionRequested], today: date
) -> None:
    """Promote or roll back as requested, once per request id.

    The new champions forecast from the day after their newest sales, at the latest from tomorrow.
    Raise Refusal, and change nothing, if the model, run or previous champion does not exist.
    """
    async with storage.registry(hold=None) as tx:
        if await tx.is_done(request.id):
            return
        aliases, chosen = await _chosen(tx, request.data)
        cause = Cause(request.id, request.data.requested_by, request.data.reason)
        newest = await tx.newest_days(list(chosen))
        for series, model in chosen.items():
            reached = min(newest.get(series, model.data_through), today)
            aliases.promote(series, model, cause, reached + timedelta(days=1))
        await tx.change_aliases(aliases.changes, aliases.changed)


async def preview(storage: RegistryStorage, request: PromotionRequested) -> tuple[Series, ...]:
    """Return the series whose champion a request would set now; raise Refusal as it would."""
    async with storage.registry(hold=()) as tx:
        _, chosen = await _chosen(tx, request)
    return tuple(chosen)


async def _add_models(tx: RegistryTx, trained: Sequence[Event[ModelTrained]]) -> Aliases:
    """Store the new models with their verdicts; return the resulting aliases."""
    unknown = await tx.unknown([(event.data.model_id, event.data.run_id) for event in trained])
    new = [event for event in trained if event.data.model_id in unknown]
    requested = {
        event.data.run_id: at for event in new if (at := unknown[event.data.model_id]) is not None
    }
    aliases = await _aliases(tx, [(event.data.store, event.data.product) for event in new])
    decided = verdicts(new, requested, aliases)
    await tx.add_models([(event, decided[event.data.model_id]) for event in new])
    return aliases


async def _chosen(
    tx: RegistryTx, request: PromotionRequested
) -> tuple[Aliases, dict[Series, Candidate]]:
    """Return the current aliases and the requested champions; raise Refusal if there are none."""
    series = [(ref.store, ref.product) for ref in request.series]
    named: dict[Series, Candidate] = {}
    if request.run_id is not None and request.action == "promote":
        named = await tx.candidates_of(request.run_id)
        series = list(named)
    elif request.run_id is not None:
        series = await tx.champions_of(request.run_id)
    elif request.version is not None or request.model_id is not None:
        found = await tx.candidate(series[0], request.version, request.model_id)
        named = {} if found is None else {series[0]: found}
    aliases = await _aliases(tx, series)
    return aliases, champions_to_be(request, series, named, aliases)


async def _aliases(tx: RegistryTx, series: Sequence[Series]) -> Aliases:
    return Aliases(await tx.holders(sorted(set(series))))

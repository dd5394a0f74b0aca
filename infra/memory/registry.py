"""A transaction of the registry, in memory: writes are applied at its end."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from datetime import date, datetime
from functools import partial

from events.clock import utc_now
from events.envelope import Event
from events.payloads import ModelTrained, TrainingFailed
from functions.records import AliasChange, Candidate, Model, Series, Verdict
from infra.memory.columns import as_columns_take
from infra.memory.tables import Tables


class MemoryRegistry(Tables):
    """See `functions.ports.RegistryStorage`."""

    @asynccontextmanager
    async def registry(self, hold: Sequence[Series] | None) -> AsyncIterator["MemoryRegistryTx"]:
        """One at a time anyway: nothing in it waits."""
        tx = MemoryRegistryTx(self)
        yield tx
        for write in tx.writes:
            write()


@as_columns_take
class MemoryRegistryTx:
    """See `functions.ports.RegistryTx`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.writes: list[Callable[[], None]] = []

    async def unknown(self, models: Sequence[tuple[str, str]]) -> dict[str, datetime | None]:
        """By the ids of models that are kept, and of those kept no longer."""
        known = self._tables.stored.keys() | self._tables.gone.keys()
        plans = self._tables.plans
        return {
            model_id: plans[run_id].requested_at if run_id in plans else None
            for model_id, run_id in models
            if model_id not in known
        }

    async def holders(self, series: Sequence[Series]) -> dict[Series, dict[str, Candidate]]:
        """Scan all aliases."""
        held: dict[Series, dict[str, Candidate]] = {}
        for (key, alias), model_id in self._tables.aliases.items():
            if key in series:
                held.setdefault(key, {})[alias] = self._candidate(model_id)
        return held

    async def candidates_of(self, run_id: str) -> dict[Series, Candidate]:
        """Scan all models."""
        found = {
            (model.store, model.product): self._candidate(model.model_id)
            for model in self._tables.stored.values()
            if model.run_id == run_id
        }
        return dict(sorted(found.items()))

    async def candidate(
        self, series: Series, version: int | None, model_id: str | None
    ) -> Candidate | None:
        """Scan all models."""
        for model in self._tables.stored.values():
            named = model.version == version or model.model_id == model_id
            if (model.store, model.product) == series and named:
                return self._candidate(model.model_id)
        return None

    async def champions_of(self, run_id: str) -> list[Series]:
        """Scan all aliases."""
        return sorted(
            series
            for (series, alias), model_id in self._tables.aliases.items()
            if alias == "champion" and self._tables.stored[model_id].run_id == run_id
        )

    async def newest_days(self, series: Sequence[Series]) -> dict[Series, date]:
        """Scan their days."""
        sales = self._tables.sales
        return {each: max(sales[each]) for each in series if sales.get(each)}

    async def is_done(self, cause_id: str) -> bool:
        """From the history of aliases."""
        return any(change.cause_id == cause_id for change in self._tables.history_of_aliases)

    async def add_models(self, models: Sequence[tuple[Event[ModelTrained], Verdict]]) -> None:
        """In the order of versions."""
        by_age = sorted(models, key=lambda m: (m[0].data.as_of, m[0].time, m[0].data.model_id))
        self.writes += [partial(self._add, event, verdict) for event, verdict in by_age]

    async def record(
        self, trained: Sequence[Event[ModelTrained]], failed: Sequence[Event[TrainingFailed]]
    ) -> None:
        """Successes first."""
        self.writes += [partial(self._succeed, event) for event in trained]
        self.writes += [partial(self._fail, event) for event in failed]

    async def change_aliases(
        self, changes: Sequence[AliasChange], held: Mapping[Series, Mapping[str, str]]
    ) -> None:
        """Aliases, then their history."""
        self.writes.append(partial(self._change, changes, held))

    def _candidate(self, model_id: str) -> Candidate:
        model = self._tables.stored[model_id]
        requested_at = self._tables.plans[model.run_id].requested_at
        by = model.chosen or model.strategy
        return Candidate(model_id, model.data_through, requested_at, by)

    def _add(self, event: Event[ModelTrained], verdict: Verdict) -> None:
        model, stored = event.data, self._tables.stored
        if model.model_id in stored:
            return
        versions = [
            known.version
            for known in stored.values()
            if (known.store, known.product) == (model.store, model.product)
        ]
        shared = {field.name for field in fields(Model)} & set(ModelTrained.model_fields)
        stored[model.model_id] = Model(
            **{name: getattr(model, name) for name in shared - {"findings"}},
            version=max(versions, default=0) + 1,
            findings=model.every_finding,
            trained_at=event.time,
            verdict=verdict,
        )

    def _succeed(self, event: Event[ModelTrained]) -> None:
        model = event.data
        result = self._tables.results.get((model.run_id, (model.store, model.product)))
        if result is not None and result.state != "succeeded":
            result.state, result.model_id = "succeeded", model.model_id
            result.error, result.finished_at = None, event.time

    def _fail(self, event: Event[TrainingFailed]) -> None:
        failure = event.data
        result = self._tables.results.get((failure.run_id, (failure.store, failure.product)))
        if result is not None:
            result.fail(failure.reason, event.time)

    def _change(
        self, changes: Sequence[AliasChange], held: Mapping[Series, Mapping[str, str]]
    ) -> None:
        aliases = self._tables.aliases
        for key in [key for key in aliases if key[0] in held]:
            del aliases[key]
        for series, models in held.items():
            aliases |= {(series, alias): model_id for alias, model_id in models.items()}
        now = utc_now()
        self._tables.history_of_aliases += [replace(c, changed_at=now) for c in changes]

"""Model versions, their aliases, and the history of aliases, in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from events.payloads import MAX_INTEGER
from functions.records import AliasChange, Model, Promotion, Series, Verdict
from infra.memory.tables import Tables


class MemoryModels(Tables):
    """See `functions.ports.Models`."""

    async def champions(self, series: Sequence[Series]) -> dict[Series, Model]:
        """By alias."""
        ids = {key: self.aliases.get((key, "champion")) for key in series}
        return {
            key: replace(self.with_aliases(self.stored[i]), folds=(), comparison=(), verdict=None)
            for key, i in ids.items()
            if i is not None
        }

    async def up_to_date(
        self, store: str | None, product: str | None, since: date
    ) -> frozenset[Series]:
        """Scan all aliases."""
        return frozenset(
            series
            for (series, alias), model_id in self.aliases.items()
            if alias == "champion"
            and self.stored[model_id].as_of >= since
            and store in (None, series[0])
            and product in (None, series[1])
        )

    async def versions_page(
        self, store: str, product: str, before: int | None, limit: int
    ) -> list[Model]:
        """Newest first."""
        found = [m for m in self.stored.values() if (m.store, m.product) == (store, product)]
        found.sort(key=lambda model: -model.version)
        before = MAX_INTEGER if before is None else before
        return [replace(self.with_aliases(m), parameters={}) for m in found if m.version < before][
            :limit
        ]

    async def alias_history_page(
        self, store: str, product: str, before: int | None, limit: int
    ) -> tuple[list[AliasChange], int | None]:
        """By their places, oldest first."""
        changes = self._history(store, product)
        start = 0 if before is None else max(len(changes) + 1 - before, 0)
        page = changes[start : start + limit]
        return page, len(changes) - start - limit + 1 if len(page) == limit else None

    def _history(self, store: str, product: str) -> list[AliasChange]:
        """With the data of the models, newest first."""
        changes = [c for c in self.history_of_aliases if (c.store, c.product) == (store, product)]
        return [
            replace(
                change,
                version=None if model is None else model.version,
                previous_version=None if before is None else before.version,
                strategy=None if model is None else model.chosen or model.strategy,
                as_of=None if model is None else model.as_of,
            )
            for change in reversed(changes)
            for model in (self._told(change.model_id),)
            for before in (self._told(change.previous_model_id),)
        ]

    def _told(self, model_id: str | None) -> Model | None:
        """The model, also one that is kept no longer."""
        return None if model_id is None else self.stored.get(model_id) or self.gone[model_id]

    async def promotions(self, cause_ids: Sequence[str]) -> list[Promotion]:
        """From the history of aliases."""
        return [
            Promotion(
                change.cause_id,
                change.store,
                change.product,
                model.model_id,
                model.version,
                model.run_id,
                model.horizon,
                change.forecast_from,
                change.previous_model_id,
                change.changed_by,
                change.reason,
            )
            for change in self.history_of_aliases
            if change.cause_id in cause_ids
            and change.forecast_from is not None
            and change.model_id in self.stored
            for model in (self.stored[change.model_id],)
        ]

    async def verdicts(self, model_ids: Sequence[str]) -> dict[str, tuple[int, Verdict]]:
        """From the models."""
        models = (self.stored[model_id] for model_id in model_ids if model_id in self.stored)
        return {m.model_id: (m.version, m.verdict) for m in models if m.verdict is not None}

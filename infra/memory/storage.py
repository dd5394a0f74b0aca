"""The storage that functions work on, in memory, for unit tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta

import numpy as np

from events.clock import utc_now
from events.envelope import Event
from events.payloads import ModelTrained, TrainingFailed
from functions.forecasting.calendar import Calendar
from functions.forecasting.panel import Panel
from functions.storage import (
    Counts,
    Failure,
    Forecast,
    Model,
    Plan,
    Promotion,
    Run,
    Scope,
    Series,
    SeriesSummary,
)


@dataclass
class _Result:
    shard: int
    state: str = "planned"
    model_id: str | None = None
    error: str | None = None
    finished_at: datetime | None = None


class MemoryStorage:
    """Storage in dictionaries; see `functions.storage.Storage`."""

    def __init__(self) -> None:
        self.sales: dict[Series, dict[date, tuple[float, bool]]] = {}
        self.drivers: dict[Series, dict[date, Mapping[str, float]]] = {}  # of days in `sales`
        # As in Postgres '' is every store, or every product. Whether open, and the drivers.
        self.planned: dict[Series, dict[date, tuple[bool | None, Mapping[str, float]]]] = {}
        self.plans: dict[str, Plan] = {}
        self.results: dict[tuple[str, Series], _Result] = {}
        self.stored: dict[str, Model] = {}
        self.aliases: dict[tuple[Series, str], str] = {}
        self.history_of_aliases: list[tuple[str, str | None]] = []
        self.published: dict[str, Forecast] = {}

    async def scope(self, store: str | None, product: str | None) -> Scope:
        """Scan all series."""
        series = sorted(s for s in self.sales if store in (None, s[0]) and product in (None, s[1]))
        return Scope(tuple(series), max((max(self.sales[s]) for s in series), default=None))

    async def plan(self, run_id: str) -> Plan | None:
        """The stored plan."""
        return self.plans.get(run_id)

    async def save_plan(self, plan: Plan) -> Plan:
        """Store the plan unless there is one."""
        if plan.run_id not in self.plans:
            self.plans[plan.run_id] = plan
            for number, shard in enumerate(plan.shards):
                for series in shard:
                    self.results[plan.run_id, series] = _Result(number)
        return self.plans[plan.run_id]

    async def history(
        self, series: Sequence[Series], first: date | None, before: date, drivers: bool = True
    ) -> Panel:
        """Cut from the stored days."""
        rows = [
            [
                (day, *values, self.drivers.get(key, {}).get(day, {}) if drivers else {})
                for day, values in sorted(self.sales.get(key, {}).items())
                if (first is None or first <= day) and day < before
            ]
            for key in series
        ]
        flat = [row for days in rows for row in days]
        names = tuple(sorted({name for row in flat for name in row[3]}))
        values = [[row[3].get(name, np.nan) for name in names] for row in flat]
        return Panel(
            keys=tuple(series),
            offsets=np.cumsum([0, *map(len, rows)], dtype=np.int64),
            dates=np.array([row[0] for row in flat], dtype="datetime64[D]"),
            units=np.array([row[1] for row in flat], dtype=np.float64),
            is_open=np.array([row[2] for row in flat], dtype=np.bool_),
            driver_names=names,
            drivers=np.array(values, np.float64).reshape(len(flat), len(names)),
        )

    async def calendar(self, series: Sequence[Series], start: date, days: int) -> Calendar:
        """Plans laid over each other, the more specific last."""
        opened = np.full((len(series), days), -1, np.int8)
        merged: dict[tuple[int, int], dict[str, float]] = {}
        for i, (store, product) in enumerate(series):
            for step in range(days):
                drivers = merged[i, step] = {}
                for scope in (("", ""), ("", product), (store, ""), (store, product)):
                    plan = self.planned.get(scope, {}).get(start + timedelta(days=step))
                    if plan is not None:
                        opened[i, step] = opened[i, step] if plan[0] is None else plan[0]
                        drivers |= plan[1]
        names = tuple(sorted({name for drivers in merged.values() for name in drivers}))
        values = [[drivers.get(name, np.nan) for name in names] for drivers in merged.values()]
        shape = (len(series), days, len(names))
        return Calendar(start, opened, names, np.array(values, np.float64).reshape(shape))

    async def record_results(
        self,
        trained: Sequence[Event[ModelTrained]],
        failed: Sequence[Event[TrainingFailed]],
    ) -> None:
        """Models, results, then aliases."""
        for event in sorted(trained, key=lambda e: (e.data.as_of, e.time, e.data.model_id)):
            model = event.data
            series = (model.store, model.product)
            if model.model_id not in self.stored:
                self.stored[model.model_id] = Model(
                    **model.model_dump(include={field.name for field in fields(Model)}),
                    version=len(await self.versions(*series)) + 1,
                    trained_at=event.time,
                )
            result = self.results.get((model.run_id, series))
            if result is not None and result.state != "succeeded":
                result.state, result.model_id = "succeeded", model.model_id
                result.error, result.finished_at = None, event.time
        for failure in failed:
            series = (failure.data.store, failure.data.product)
            result = self.results.get((failure.data.run_id, series))
            _fail(result, failure.data.reason, failure.time)
        self._promote([self.stored[event.data.model_id] for event in trained])

    def _promote(self, models: Sequence[Model]) -> None:
        newest: dict[Series, Model] = {}
        for model in sorted(models, key=self._age):
            newest[model.store, model.product] = model
        for series, model in newest.items():
            previous = self.aliases.get((series, "champion"))
            if previous is None or self._age(model) > self._age(self.stored[previous]):
                self.aliases[series, "champion"] = model.model_id
                if previous is not None:
                    self.aliases[series, "previous"] = previous
                self.history_of_aliases.append((model.model_id, previous))

    def _age(self, model: Model) -> tuple[date, datetime, str]:
        return model.as_of, self.plans[model.run_id].requested_at, model.model_id

    async def fail_shard(self, run_id: str, shard: int, reason: str, at: datetime) -> None:
        """Successes of the shard stay."""
        for (run, _), result in self.results.items():
            if run == run_id and result.shard == shard:
                _fail(result, reason, at)

    async def promotions(self, model_ids: Sequence[str]) -> dict[str, Promotion]:
        """From the history of aliases."""
        return {
            model_id: Promotion(model_id, self.stored[model_id].version, previous)
            for model_id, previous in self.history_of_aliases
            if model_id in model_ids
        }

    async def counts(self, run_ids: Sequence[str]) -> dict[str, Counts]:
        """Counted from the results."""
        return {run: self._counts(run) for run in run_ids if run in self.plans and self._of(run)}

    def _of(self, run_id: str) -> list[_Result]:
        return [result for (run, _), result in self.results.items() if run == run_id]

    def _counts(self, run_id: str) -> Counts:
        states = [result.state for result in self._of(run_id)]
        return Counts(len(states), states.count("succeeded"), states.count("failed"))

    async def models(self, model_ids: Sequence[str]) -> dict[str, Model]:
        """By id."""
        found = (self.stored.get(model_id) for model_id in model_ids)
        return {model.model_id: self._with_aliases(model) for model in found if model}

    def _with_aliases(self, model: Model) -> Model:
        names = (name for (_, name), at in self.aliases.items() if at == model.model_id)
        return replace(model, aliases=tuple(sorted(names)))

    async def save_forecasts(self, forecasts: Sequence[Forecast]) -> None:
        """By model."""
        for forecast in forecasts:
            model = self.stored[forecast.model_id]
            self.published[forecast.model_id] = replace(
                forecast,
                version=model.version,
                data_through=model.data_through,
                published_at=utc_now(),
            )

    async def forecast(self, store: str, product: str) -> Forecast | None:
        """The champion's, or its predecessor's."""
        for alias in ("champion", "previous"):
            model_id = self.aliases.get(((store, product), alias), "")
            if model_id in self.published:
                return self.published[model_id]
        return None

    async def runs(self, limit: int) -> list[Run]:
        """Newest first."""
        plans = sorted(self.plans.values(), key=lambda p: p.run_id)
        plans.sort(key=lambda p: p.requested_at, reverse=True)
        return [replace(self._run(plan), failures=()) for plan in plans[:limit]]

    async def run(self, run_id: str) -> Run | None:
        """With its failures."""
        return self._run(self.plans[run_id]) if run_id in self.plans else None

    def _run(self, plan: Plan) -> Run:
        counts = self._counts(plan.run_id)
        failures = sorted(
            (*series, result.error)
            for (run, series), result in self.results.items()
            if run == plan.run_id and result.error is not None
        )
        times = [result.finished_at for result in self._of(plan.run_id) if result.finished_at]
        return Run(
            run_id=plan.run_id,
            requested_by=plan.requested_by,
            requested_at=plan.requested_at,
            reason=plan.reason,
            store=plan.store,
            product=plan.product,
            strategy=plan.strategy,
            as_of=plan.as_of,
            horizon=plan.horizon,
            counts=counts,
            finished_at=max(times) if times and not counts.pending else None,
            failures=tuple(Failure(*failure) for failure in failures),
        )

    async def series_page(self, after: Series | None, limit: int) -> list[SeriesSummary]:
        """In order."""
        page = sorted(s for s in self.sales if after is None or s > after)[:limit]
        summaries = []
        for series in page:
            champion = self.stored.get(self.aliases.get((series, "champion"), ""))
            days = self.sales[series]
            version = champion.version if champion else None
            summaries.append(SeriesSummary(*series, min(days), max(days), version))
        return summaries

    async def versions(self, store: str, product: str) -> list[Model]:
        """Newest first."""
        models = [m for m in self.stored.values() if (m.store, m.product) == (store, product)]
        models.sort(key=lambda model: -model.version)
        return [self._with_aliases(model) for model in models]

    async def ping(self) -> None:
        """Always there."""


def _fail(result: _Result | None, reason: str, at: datetime) -> None:
    if result is None or result.state == "succeeded":
        return
    later = result.finished_at is not None and result.finished_at < at and result.error != reason
    if result.state == "planned" or later:
        result.state, result.error, result.finished_at = "failed", reason, at

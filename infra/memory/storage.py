"""The storage that functions work on, in memory, for unit tests."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta

import numpy as np

from events.clock import utc_now
from events.envelope import Event
from events.payloads import ModelTrained, PromotionRequested, TrainingFailed
from functions.forecasting.calendar import Calendar
from functions.forecasting.panel import Panel
from functions.registry.champion import Contender
from functions.registry.places import CHAMPION, PREVIOUS, Cause, Holder, Places
from functions.registry.requested import champions_to_be
from functions.registry.verdicts import verdicts
from functions.storage import (
    AliasChange,
    Counts,
    Extent,
    Failure,
    Forecast,
    Model,
    Plan,
    Promotion,
    Run,
    Scope,
    Series,
    SeriesSummary,
    Verdict,
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
        self.imports: dict[Series, dict[date, str]] = {}  # of days in `sales`
        # As in Postgres '' is every store, or every product. Whether open, and the drivers.
        self.planned: dict[Series, dict[date, tuple[bool | None, Mapping[str, float]]]] = {}
        self.plans: dict[str, Plan] = {}
        self.results: dict[tuple[str, Series], _Result] = {}
        self.stored: dict[str, Model] = {}
        self.aliases: dict[tuple[Series, str], str] = {}
        self.history_of_aliases: list[AliasChange] = []
        self.published: dict[str, Forecast] = {}

    async def scope(self, store: str | None, product: str | None) -> Scope:
        """Scan all series."""
        return await self.scope_of(
            [s for s in self.sales if store in (None, s[0]) and product in (None, s[1])]
        )

    async def scope_of(self, series: Sequence[Series]) -> Scope:
        """Scan their days."""
        known = sorted(s for s in series if self.sales.get(s))
        return Scope(tuple(known), tuple((min(self.sales[s]), max(self.sales[s])) for s in known))

    async def sold(self, series: Sequence[Series], first: date | None, last: date | None) -> Extent:
        """Scan their days."""
        return _extent(
            {
                key: [
                    day
                    for day in self.sales.get(key, {})
                    if (first or date.min) <= day <= (last or date.max)
                ]
                for key in series
            }
        )

    async def imported(self, import_id: str) -> Extent:
        """Scan all days."""
        return _extent(
            {
                key: [day for day in days if self.imports.get(key, {}).get(day) == import_id]
                for key, days in self.sales.items()
            }
        )

    async def drivers_had(
        self, series: Sequence[Series], names: Sequence[str]
    ) -> dict[Series, frozenset[str]]:
        """From all days; of names that were not asked for only those of the newest."""
        had = {}
        for key in series:
            newest = sorted(self.sales.get(key, ()))[-28:]
            days = self.drivers.get(key, {})
            found = {name for day in newest for name in days.get(day, {})}
            ever = {name for named in days.values() for name in named}
            had[key] = frozenset(found | ever.intersection(names))
        return had

    async def failed_in(self, run_id: str) -> frozenset[Series] | None:
        """Scan all results."""
        if (plan := self.plans.get(run_id)) is None:
            return None
        run = plan.coalesced_into or run_id
        return frozenset(
            s for (r, s), at in self.results.items() if (r, at.state) == (run, "failed")
        )

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

    async def plan(self, run_id: str) -> Plan | None:
        """The stored plan."""
        return self.plans.get(run_id)

    async def save_plan(self, plan: Plan) -> Plan:
        """Store the plan unless there is one."""
        if plan.run_id not in self.plans:
            if (going := self._going(plan.wish)) is not None:
                plan = replace(plan, shards=(), coalesced_into=going)
            self.plans[plan.run_id] = plan
            for number, shard in enumerate(plan.shards):
                for series in shard:
                    self.results[plan.run_id, series] = _Result(number)
        return self.plans[plan.run_id]

    def _going(self, wish: str) -> str | None:
        going = [
            (plan.requested_at, plan.run_id)
            for plan in self.plans.values()
            if wish and plan.wish == wish and self._counts(plan.run_id).pending
        ]
        return min(going)[1] if going else None

    async def cancel(self, run_id: str, at: datetime) -> None:
        """What has a result keeps it."""
        for result in self._of(run_id):
            if result.state == "planned":
                result.state, result.finished_at = "cancelled", at

    async def cancelled_series(self, shards: Sequence[tuple[str, int]]) -> set[tuple[str, Series]]:
        """Scan all results."""
        return {
            (run, series)
            for (run, series), result in self.results.items()
            if (run, result.shard) in shards and result.state == "cancelled"
        }

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
        """Verdicts, models, results, then aliases."""
        new = [event for event in trained if event.data.model_id not in self.stored]
        places = self._places({(event.data.store, event.data.product) for event in new})
        times = {run_id: plan.requested_at for run_id, plan in self.plans.items()}
        decided = verdicts(new, times, places)
        for event in sorted(trained, key=lambda e: (e.data.as_of, e.time, e.data.model_id)):
            model = event.data
            series = (model.store, model.product)
            if model.model_id not in self.stored:
                shared = {field.name for field in fields(Model)} & set(ModelTrained.model_fields)
                self.stored[model.model_id] = Model(
                    **{name: getattr(model, name) for name in shared},
                    version=len(await self.versions(*series)) + 1,
                    trained_at=event.time,
                    verdict=decided[model.model_id],
                )
            result = self.results.get((model.run_id, series))
            if result is not None and result.state != "succeeded":
                result.state, result.model_id = "succeeded", model.model_id
                result.error, result.finished_at = None, event.time
        for failure in failed:
            series = (failure.data.store, failure.data.product)
            result = self.results.get((failure.data.run_id, series))
            _fail(result, failure.data.reason, failure.time)
        self._write(places)

    async def change_champions(self, request: Event[PromotionRequested]) -> None:
        """Once for each id."""
        if all(change.cause_id != request.id for change in self.history_of_aliases):
            places, chosen = self._chosen(request.data)
            by, why = request.data.requested_by, request.data.reason
            for series, model in chosen.items():
                places.promote(series, model, Cause(request.id, by, why))
            self._write(places)

    async def preview(self, request: PromotionRequested) -> tuple[Series, ...]:
        """As it would be chosen."""
        return tuple(self._chosen(request)[1])

    def _chosen(self, request: PromotionRequested) -> tuple[Places, dict[Series, Contender]]:
        series = [(ref.store, ref.product) for ref in request.series]
        if request.run_id is not None:
            series = [
                (model.store, model.product)
                for model in sorted(self.stored.values(), key=lambda m: (m.store, m.product))
                if model.run_id == request.run_id
                and (
                    request.action == "promote"
                    or self.aliases.get(((model.store, model.product), CHAMPION)) == model.model_id
                )
            ]
        named = {
            (model.store, model.product): self._contender(model)
            for model in self.stored.values()
            if (model.store, model.product) in series
            and (
                model.run_id == request.run_id
                or model.version == request.version
                or model.model_id == request.model_id
            )
        }
        places = self._places(series)
        return places, champions_to_be(request, series, named, places)

    def _places(self, series: Iterable[Series]) -> Places:
        wanted = set(series)
        held: dict[Series, dict[str, Holder]] = {}
        for (key, alias), model_id in self.aliases.items():
            if key in wanted:
                model = self.stored[model_id]
                holder = Holder(self._contender(model), self._start(model))
                held.setdefault(key, {})[alias] = holder
        return Places(held)

    def _contender(self, model: Model) -> Contender:
        requested_at = self.plans[model.run_id].requested_at
        by = model.chosen or model.strategy
        return Contender(model.model_id, model.as_of, requested_at, by)

    def _start(self, model: Model) -> date:
        """The first day that the model was to forecast when it became champion last."""
        starts = (
            change.forecast_from
            for change in reversed(self.history_of_aliases)
            if change.model_id == model.model_id and change.forecast_from is not None
        )
        return next(starts, model.as_of)

    def _write(self, places: Places) -> None:
        for change in places.changes:
            series = (change.store, change.product)
            for alias in ("champion", "challenger", "previous"):
                self.aliases.pop((series, alias), None)
            for alias, holder in places.of(series).items():
                self.aliases[series, alias] = holder.model.model_id
            self.history_of_aliases.append(replace(change, changed_at=utc_now()))

    async def fail_shard(self, run_id: str, shard: int, reason: str, at: datetime) -> None:
        """Successes of the shard stay."""
        for (run, _), result in self.results.items():
            if run == run_id and result.shard == shard:
                _fail(result, reason, at)

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
            and change.model_id not in (None, change.previous_model_id)
            and change.forecast_from is not None
            for model in (self.stored[change.model_id or ""],)
        ]

    async def verdicts(self, model_ids: Sequence[str]) -> dict[str, tuple[int, Verdict]]:
        """From the models."""
        models = (self.stored[model_id] for model_id in model_ids if model_id in self.stored)
        return {m.model_id: (m.version, m.verdict) for m in models if m.verdict is not None}

    async def champions(self, series: Sequence[Series]) -> dict[Series, Model]:
        """By alias."""
        ids = {key: self.aliases.get((key, CHAMPION)) for key in series}
        return {key: self._with_aliases(self.stored[i]) for key, i in ids.items() if i is not None}

    async def alias_history(self, store: str, product: str) -> list[AliasChange]:
        """Newest first."""
        changes = [c for c in self.history_of_aliases if (c.store, c.product) == (store, product)]
        return [
            replace(
                change,
                version=self._version(change.model_id),
                previous_version=self._version(change.previous_model_id),
            )
            for change in reversed(changes)
        ]

    def _version(self, model_id: str | None) -> int | None:
        return None if model_id is None else self.stored[model_id].version

    async def counts(self, run_ids: Sequence[str]) -> dict[str, Counts]:
        """Counted from the results."""
        return {run: self._counts(run) for run in run_ids if run in self.plans and self._of(run)}

    def _of(self, run_id: str) -> list[_Result]:
        return [result for (run, _), result in self.results.items() if run == run_id]

    def _counts(self, run_id: str) -> Counts:
        states = [result.state for result in self._of(run_id)]
        return Counts(
            len(states),
            states.count("succeeded"),
            states.count("failed"),
            states.count("cancelled"),
        )

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
            known = self.published.get(forecast.model_id)
            days = {day.date: day for day in (() if known is None else known.days)}
            days |= {day.date: day for day in forecast.days}
            self.published[forecast.model_id] = replace(
                forecast,
                days=tuple(days[day] for day in sorted(days)),
                version=model.version,
                data_through=model.data_through,
                published_at=utc_now(),
            )

    async def forecast(self, store: str, product: str) -> Forecast | None:
        """The champion's, or its predecessor's."""
        for alias in (CHAMPION, PREVIOUS):
            model_id = self.aliases.get(((store, product), alias), "")
            if (found := self.published.get(model_id)) is not None:
                start = self._start(self.stored[model_id])
                if days := tuple(day for day in found.days if day.date >= start):
                    return replace(found, days=days)
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
            policy=plan.policy,
            named=plan.named,
            failed_in=plan.failed_in,
            older_than_days=plan.older_than_days,
            coalesced_into=plan.coalesced_into,
        )

    async def series_page(self, after: Series | None, limit: int) -> list[SeriesSummary]:
        """In order."""
        sold = (s for s, days in self.sales.items() if days)
        page = sorted(s for s in sold if after is None or s > after)[:limit]
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


def _extent(days: Mapping[Series, Sequence[date]]) -> Extent:
    flat = [day for each in days.values() for day in each]
    series = sum(1 for each in days.values() if each)
    return Extent(series, len(flat), min(flat, default=None), max(flat, default=None))


def _fail(result: _Result | None, reason: str, at: datetime) -> None:
    if result is None or result.state in ("succeeded", "cancelled"):
        return
    later = result.finished_at is not None and result.finished_at < at and result.error != reason
    if result.state == "planned" or later:
        result.state, result.error, result.finished_at = "failed", reason, at

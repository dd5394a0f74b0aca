"""The storage that functions work on, in memory, for unit tests."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta

import numpy as np

from events.clock import utc_now
from events.envelope import Event
from events.payloads import MAX_INTEGER, ModelTrained, PromotionRequested, TrainingFailed
from functions.changes import Changes
from functions.forecasting.series.calendar import Calendar
from functions.forecasting.series.panel import Panel
from functions.registry.champion import Contender
from functions.registry.places import CHAMPION, Cause, Places
from functions.registry.requested import champions_to_be
from functions.registry.verdicts import verdicts
from functions.retention import Limits, Prunable, Pruned, Table
from functions.storage import (
    MAX_FAILURES,
    AliasChange,
    Counts,
    Extent,
    Failure,
    Forecast,
    ForecastCounts,
    Model,
    Plan,
    Promotion,
    Run,
    Scope,
    SeenTick,
    Series,
    SeriesSummary,
    Verdict,
    Window,
)
from infra.memory import retention
from infra.memory.columns import as_columns_take


@dataclass
class _Result:
    shard: int
    state: str = "planned"
    model_id: str | None = None
    error: str | None = None
    finished_at: datetime | None = None


@as_columns_take
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
        self.windows_served: dict[Series, tuple[str, Window]] = {}  # the model and its days
        self.served_times: dict[Series, tuple[datetime, datetime]] = {}  # published, served since
        self.reopened: dict[str, str] = {}  # run by the cancel that made it one of its own
        self.planned_at: dict[str, datetime] = {}
        self.gone: dict[str, Model] = {}  # model versions that are kept no longer
        # Of runs whose results are kept no longer, with when the last one came.
        self.final_counts: dict[str, tuple[Counts, datetime | None]] = {}
        self.seen_ticks: dict[str, SeenTick] = {}
        self.deliveries: dict[tuple[str, int], int] = {}
        self.held: set[tuple[str, int]] = set()
        self.changes = Changes()

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

    async def shard(self, run_id: str, number: int) -> tuple[Series, ...]:
        """Scan all results."""
        found = self.results.items()
        return tuple(sorted(s for (r, s), at in found if (r, at.shard) == (run_id, number)))

    async def save_plan(self, plan: Plan) -> Plan:
        """Store the plan unless there is one."""
        if plan.run_id not in self.plans:
            if (waiting := self._waiting(plan.wish)) is not None:
                plan = replace(plan, shards=(), coalesced_into=waiting)
            self.plans[plan.run_id] = plan
            self.planned_at[plan.run_id] = utc_now()
            for number, shard in enumerate(plan.shards):
                for series in shard:
                    self.results[plan.run_id, series] = _Result(number)
        return self.plans[plan.run_id]

    def _waiting(self, wish: str) -> str | None:
        waiting = [
            (plan.requested_at, plan.run_id)
            for plan in self.plans.values()
            if wish and plan.wish == wish
            if {result.state for result in self._of(plan.run_id)} == {"planned"}
            and all(run_id != plan.run_id for run_id, _ in self.deliveries)
        ]
        return min(waiting)[1] if waiting else None

    async def unfinished_shards(self, run_id: str, failed: bool) -> frozenset[int]:
        """From the results."""
        states = ("planned", "failed") if failed else ("planned",)
        return frozenset(r.shard for r in self._of(run_id) if r.state in states)

    async def reopen(self, run_id: str, after: datetime, cause_id: str) -> Plan | None:
        """The first becomes a run, the others wait for it."""
        waiting = sorted(
            (plan.requested_at, plan.run_id)
            for plan in self.plans.values()
            if plan.coalesced_into == run_id and plan.requested_at > after
        )
        if not waiting:
            known = self.reopened.get(cause_id)
            return None if known is None else self.plans[known]
        first, *others = (run for _, run in waiting)
        shards = self.plans[run_id].shards
        self.plans[first] = replace(self.plans[first], shards=shards, coalesced_into=None)
        for other in others:
            self.plans[other] = replace(self.plans[other], coalesced_into=first)
        for number, shard in enumerate(shards):
            self.results |= {(first, series): _Result(number) for series in shard}
        self.reopened[cause_id] = first
        return self.plans[first]

    async def cancel(self, run_id: str, at: datetime) -> None:
        """What has a result keeps it."""
        for result in self._of(run_id):
            if result.state == "planned":
                result.state, result.finished_at = "cancelled", at

    async def settled_series(self, shards: Sequence[tuple[str, int]]) -> set[tuple[str, Series]]:
        """Scan all results."""
        return {
            (run, series)
            for (run, series), result in self.results.items()
            if (run, result.shard) in shards and result.state in ("succeeded", "cancelled")
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
        known = self.stored.keys() | self.gone.keys()
        new = [event for event in trained if event.data.model_id not in known]
        places = self._places({(event.data.store, event.data.product) for event in new})
        times = {run_id: plan.requested_at for run_id, plan in self.plans.items()}
        decided = verdicts(new, times, places)
        for event in sorted(trained, key=lambda e: (e.data.as_of, e.time, e.data.model_id)):
            model = event.data
            series = (model.store, model.product)
            if model.model_id not in self.stored.keys() | self.gone.keys():
                shared = {field.name for field in fields(Model)} & set(ModelTrained.model_fields)
                shared -= {"findings"}
                self.stored[model.model_id] = Model(
                    **{name: getattr(model, name) for name in shared},
                    version=max((m.version for m in await self.versions(*series)), default=0) + 1,
                    findings=model.every_finding,
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

    async def change_champions(self, request: Event[PromotionRequested], today: date) -> None:
        """Once for each id."""
        if all(change.cause_id != request.id for change in self.history_of_aliases):
            places, chosen = self._chosen(request.data)
            by, why = request.data.requested_by, request.data.reason
            for series, model in chosen.items():
                newest = min(max(self.sales.get(series, {model.data_through: None})), today)
                start = newest + timedelta(days=1)
                places.promote(series, model, Cause(request.id, by, why), start)
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
        held: dict[Series, dict[str, Contender]] = {}
        for (key, alias), model_id in self.aliases.items():
            if key in wanted:
                held.setdefault(key, {})[alias] = self._contender(self.stored[model_id])
        return Places(held)

    def _contender(self, model: Model) -> Contender:
        requested_at = self.plans[model.run_id].requested_at
        by = model.chosen or model.strategy
        return Contender(model.model_id, model.data_through, requested_at, by)

    def _write(self, places: Places) -> None:
        for change in places.changes:
            series = (change.store, change.product)
            for alias in ("champion", "challenger", "previous"):
                self.aliases.pop((series, alias), None)
            for alias, model in places.of(series).items():
                self.aliases[series, alias] = model.model_id
            self.history_of_aliases.append(replace(change, changed_at=utc_now()))

    async def fail_shard(self, run_id: str, shard: int, reason: str, at: datetime) -> None:
        """Successes of the shard stay."""
        for (run, _), result in self.results.items():
            if run == run_id and result.shard == shard:
                _fail(result, reason, at)
        await self.came_back(run_id, shard)

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

    async def champions(self, series: Sequence[Series]) -> dict[Series, Model]:
        """By alias."""
        ids = {key: self.aliases.get((key, CHAMPION)) for key in series}
        return {
            key: replace(self._with_aliases(self.stored[i]), folds=(), comparison=(), verdict=None)
            for key, i in ids.items()
            if i is not None
        }

    async def alias_history(self, store: str, product: str) -> list[AliasChange]:
        """Newest first."""
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

    async def counts(self, run_ids: Sequence[str]) -> dict[str, Counts]:
        """Counted from the results."""
        return {
            run: self._counts(run)
            for run in run_ids
            if run in self.plans and (self._of(run) or run in self.final_counts)
        }

    def _of(self, run_id: str) -> list[_Result]:
        return [result for (run, _), result in self.results.items() if run == run_id]

    def _counts(self, run_id: str) -> Counts:
        """The run's series by result, also when these are kept no longer."""
        if run_id in self.final_counts:
            return self.final_counts[run_id][0]
        states = [result.state for result in self._of(run_id)]
        return Counts(
            len(states),
            states.count("succeeded"),
            states.count("failed"),
            states.count("cancelled"),
        )

    async def ended(self, run_ids: Sequence[str]) -> dict[str, Counts]:
        """Counted from the results."""
        known = [run for run in run_ids if run in self.plans]
        told = {
            run: self._counts(run) for run in known if self._of(run) or run in self.final_counts
        }
        return {run: counts for run, counts in told.items() if not counts.pending}

    async def models(self, model_ids: Sequence[str]) -> dict[str, Model]:
        """By id."""
        found = (self.stored.get(model_id) for model_id in model_ids)
        return {model.model_id: self._with_aliases(model) for model in found if model}

    def _with_aliases(self, model: Model) -> Model:
        names = (name for (_, name), at in self.aliases.items() if at == model.model_id)
        return replace(model, aliases=tuple(sorted(names)))

    async def windows(self, run_ids: Sequence[str]) -> dict[str, Window]:
        """From the plans."""
        plans = (self.plans[run_id] for run_id in run_ids if run_id in self.plans)
        return {p.run_id: Window(p.as_of, p.horizon, p.requested_at, p.run_id) for p in plans}

    async def served(self, series: Sequence[Series]) -> dict[Series, Window]:
        """By series."""
        return {key: self.windows_served[key][1] for key in series if key in self.windows_served}

    async def serve(self, forecasts: Sequence[tuple[Forecast, Window]]) -> set[Series]:
        """One after the other."""
        overtaken = set()
        for forecast, window in forecasts:
            series = (forecast.store, forecast.product)
            _, before = self.windows_served.get(series, ("", None))
            late = before is not None and window.age < before.age
            if late or self.aliases.get((series, CHAMPION)) != forecast.model_id:
                overtaken.add(series)
                continue
            now = utc_now()
            same = before is not None and (before.first_day, before.horizon) == (
                window.first_day,
                window.horizon,
            )
            self.served_times[series] = (now, self.served_times[series][1] if same else now)
            self.windows_served[series] = forecast.model_id, window
            known = self.published.get(forecast.model_id)
            days = {day.date: day for day in (() if known is None else known.days)}
            days |= {day.date: day for day in forecast.days}
            in_order = tuple(days[day] for day in sorted(days))
            self.published[forecast.model_id] = replace(forecast, days=in_order)
        self.changes.happened()
        return overtaken

    async def served_on(
        self, scopes: Sequence[tuple[str | None, str | None]], first: date, last: date
    ) -> list[Series]:
        """Scan all that is served."""
        return sorted(
            series
            for series, (_, window) in self.windows_served.items()
            if window.first_day <= last
            and window.first_day + timedelta(days=window.horizon) > first
            and any(s in (None, series[0]) and p in (None, series[1]) for s, p in scopes)
        )

    async def forecast(self, store: str, product: str) -> Forecast | None:
        """The days that are served."""
        series = (store, product)
        if series not in self.windows_served:
            return None
        model_id, window = self.windows_served[series]
        end = window.first_day + timedelta(days=window.horizon)
        model, (published_at, since) = self.stored[model_id], self.served_times[series]
        days = self.published[model_id].days
        return replace(
            self.published[model_id],
            days=tuple(day for day in days if window.first_day <= day.date < end),
            version=model.version,
            data_through=model.data_through,
            published_at=published_at,
            newest_sale=max(self.sales.get(series, {}), default=None),
            served_since=since,
        )

    async def runs(self, limit: int) -> list[Run]:
        """Newest first."""
        plans = sorted(self.plans.values(), key=lambda p: p.run_id)
        plans.sort(key=lambda p: p.requested_at, reverse=True)
        return [replace(self._run(plan), failures=()) for plan in plans[:limit]]

    async def run(self, run_id: str, failures: int = MAX_FAILURES) -> Run | None:
        """With the first of its failures, and its forecasts."""
        if (plan := self.plans.get(run_id)) is None:
            return None
        found = self._run(plan)
        found = replace(found, failures=found.failures[:failures])
        if found.counts.pending:
            return found
        return replace(found, forecasts=self._forecasts(plan, found.finished_at))

    async def failures(self, run_id: str, after: Series | None, limit: int) -> list[Failure]:
        """In order."""
        failures = self._run(self.plans[run_id]).failures if run_id in self.plans else ()
        return [f for f in failures if after is None or (f.store, f.product) > after][:limit]

    def _forecasts(self, plan: Plan, finished_at: datetime | None) -> ForecastCounts:
        of_run = (series for run, series in self.results if run == plan.run_id)
        due = [series for series in of_run if (series, CHAMPION) in self.aliases]
        served = [self.windows_served[series][1] for series in due if series in self.windows_served]
        current = [w for w in served if w.age >= (plan.requested_at, plan.run_id)]
        since = finished_at if len(current) < len(due) else None
        return ForecastCounts(len(due), len(current), since)

    def _run(self, plan: Plan) -> Run:
        counts = self._counts(plan.run_id)
        failures = sorted(
            (*series, result.error)
            for (run, series), result in self.results.items()
            if run == plan.run_id and result.error is not None
        )
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
            finished_at=None if counts.pending else self.finished_at(plan.run_id),
            failures=tuple(Failure(*failure) for failure in failures),
            policy=plan.policy,
            named=plan.named,
            failed_in=plan.failed_in,
            older_than_days=plan.older_than_days,
            coalesced_into=plan.coalesced_into,
        )

    def finished_at(self, run_id: str) -> datetime | None:
        """When the run's last result came, also when it is kept no longer."""
        if run_id in self.final_counts:
            return self.final_counts[run_id][1]
        times = [result.finished_at for result in self._of(run_id) if result.finished_at]
        return max(times, default=None)

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

    async def versions_page(
        self, store: str, product: str, before: int | None, limit: int
    ) -> list[Model]:
        """Newest first."""
        found = await self.versions(store, product)
        before = MAX_INTEGER if before is None else before
        return [replace(m, parameters={}) for m in found if m.version < before][:limit]

    async def alias_history_page(
        self, store: str, product: str, before: int | None, limit: int
    ) -> tuple[list[AliasChange], int | None]:
        """By their places, oldest first."""
        changes = await self.alias_history(store, product)
        start = 0 if before is None else max(len(changes) + 1 - before, 0)
        page = changes[start : start + limit]
        return page, len(changes) - start - limit + 1 if len(page) == limit else None

    async def ping(self) -> None:
        """Always there."""

    # What is kept, and what the clock remembers.

    async def overdue_runs(
        self, planned_before: datetime, failed_at: datetime, reason: str
    ) -> list[str]:
        """Scan all results."""
        wanted = {
            run
            for (run, _), result in self.results.items()
            if self.planned_at[run] < planned_before
            and (
                result.state == "planned"
                or (result.state, result.finished_at, result.error) == ("failed", failed_at, reason)
            )
        }
        return sorted(wanted, key=lambda run: (self.planned_at[run], run))

    async def fail_planned(self, run_id: str, reason: str, at: datetime, most: int) -> int:
        """The first of them."""
        planned = [result for result in self._of(run_id) if result.state == "planned"][:most]
        for result in planned:
            _fail(result, reason, at)
        return len(planned)

    async def prune(
        self, table: Table, limits: Limits, at: Series | None, most: int
    ) -> Pruned | None:
        """From the beginning each time."""
        return retention.step(self, table, limits, most)

    async def prunable(self, limits: Limits) -> list[Prunable]:
        """Without bytes."""
        return retention.prunable(self, limits)

    def copy(self) -> "MemoryStorage":
        """The same rows, to be changed apart; what is in a row is shared."""
        other = MemoryStorage()
        for name, value in vars(self).items():
            if name != "changes":  # nobody waits for those of a copy
                setattr(other, name, value.copy())
        for name in ("sales", "drivers", "planned"):
            days = getattr(other, name)
            days.update({series: dict(of_series) for series, of_series in days.items()})
        return other

    async def ticks(self) -> dict[str, SeenTick]:
        """By name."""
        return dict(self.seen_ticks)

    async def save_tick(self, name: str, tick: SeenTick) -> None:
        """By name."""
        self.seen_ticks[name] = tick

    @asynccontextmanager
    async def in_hand(self, run_id: str, shard: int) -> AsyncIterator[bool]:
        """A process that is gone has left this block, however it did."""
        alone = (run_id, shard) not in self.held
        self.held.add((run_id, shard))
        try:
            yield alone
        finally:
            if alone:
                self.held.remove((run_id, shard))

    async def hand_over(self, run_id: str, shard: int, at: datetime) -> int:
        """One more."""
        self.deliveries[run_id, shard] = self.deliveries.get((run_id, shard), 0) + 1
        return self.deliveries[run_id, shard]

    async def came_back(self, run_id: str, shard: int) -> None:
        """None is out."""
        if (run_id, shard) in self.deliveries:
            self.deliveries[run_id, shard] = 0


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

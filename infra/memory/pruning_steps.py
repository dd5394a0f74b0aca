"""Delete expired rows of the storage in memory."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from functions.records import Model, Plan
from functions.retention import TABLES, Limits, Prunable, Pruned, Table

if TYPE_CHECKING:
    from infra.memory.pruning import MemoryPruning


def step(storage: "MemoryPruning", table: Table, limits: Limits, most: int) -> Pruned:
    """Delete up to `most` rows of a table."""
    doomed = _doomed(storage, limits, table)[:most]
    for key, _ in doomed:
        _drop(storage, table, key)
    # A run goes after those coalesced into it, so there is an end when none is left.
    again = table in ("training_runs", "training_results")
    return Pruned(len(doomed), complete=not doomed if again else len(doomed) < most)


def prunable(storage: "MemoryPruning", limits: Limits) -> list[Prunable]:
    """Count what would be deleted, by deleting it from a copy."""
    copy = storage.copy()
    found = []
    for table in TABLES:
        days: list[date] = []
        while doomed := _doomed(copy, limits, table):
            days += [day for _, day in doomed]
            for key, _ in doomed:
                _drop(copy, table, key)
        found.append(Prunable(table, len(days), min(days, default=None), max(days, default=None)))
    return found


def _doomed(storage: "MemoryPruning", limits: Limits, table: Table) -> list[tuple[Any, date]]:
    """Return keys and days of the rows that may be deleted now."""
    match table:
        case "forecasts":
            return _forecasts(storage, limits)
        case "model_versions":
            return [
                (m.model_id, m.trained_at.date())
                for m in storage.stored.values()
                if _is_old(storage, limits, m)
            ]
        case "training_results":
            return [
                ((run_id, series), storage.planned_at[run_id].date())
                for run_id, series in storage.results
                if _is_over(storage, limits, run_id)
            ]
        case "training_runs":
            return [
                (plan.run_id, storage.planned_at[plan.run_id].date())
                for plan in storage.plans.values()
                if _is_of_nothing(storage, limits, plan)
            ]
        case "calendar":
            return _days(storage.planned, limits)
        case "daily_sales":
            return _days(storage.sales, limits)
        case "sales_removals" | "removed_sales":
            return []  # the merge of events keeps these, and this storage has none


def _forecasts(storage: "MemoryPruning", limits: Limits) -> list[tuple[Any, date]]:
    served = {model_id: window.first_day for model_id, window in storage.windows_served.values()}
    return [
        ((model_id, day.date), day.date)
        for model_id, forecast in storage.published.items()
        for day in forecast.days
        if day.date < min(limits.forecasts_before, served.get(model_id, limits.forecasts_before))
    ]


def _is_old(storage: "MemoryPruning", limits: Limits, model: Model) -> bool:
    newer = sum(
        (other.store, other.product) == (model.store, model.product)
        and other.version > model.version
        for other in storage.stored.values()
    )
    return (
        newer >= limits.versions
        and model.trained_at < limits.trained_before
        and model.model_id not in storage.aliases.values()
        and model.model_id not in {served for served, _ in storage.windows_served.values()}
        and model.model_id not in storage.published
    )


def _is_over(storage: "MemoryPruning", limits: Limits, run_id: str) -> bool:
    counts = storage.counts_of(run_id)
    return storage.planned_at[run_id] < limits.runs_before and not counts.pending


def _is_of_nothing(storage: "MemoryPruning", limits: Limits, plan: Plan) -> bool:
    return (
        storage.planned_at[plan.run_id] < limits.runs_before
        and all(run_id != plan.run_id for run_id, _ in storage.results)
        and all(model.run_id != plan.run_id for model in storage.stored.values())
        and all(other.coalesced_into != plan.run_id for other in storage.plans.values())
    )


def _days(
    table: Mapping[tuple[str, str], Mapping[date, object]], limits: Limits
) -> list[tuple[Any, date]]:
    before = limits.sales_before
    return [
        ((series, day), day)
        for series, days in table.items()
        for day in days
        if before is not None and day < before
    ]


def _drop(storage: "MemoryPruning", table: Table, key: Any) -> None:
    match table:
        case "forecasts":
            model_id, day = key
            forecast = storage.published.pop(model_id)
            if days := tuple(each for each in forecast.days if each.date != day):
                storage.published[model_id] = replace(forecast, days=days)
        case "model_versions":
            storage.gone[key] = storage.stored.pop(key)
        case "training_results":
            run_id, _ = key
            storage.final_counts.setdefault(
                run_id, (storage.counts_of(run_id), storage.finished_at(run_id))
            )
            del storage.results[key]
        case "training_runs":
            del storage.plans[key], storage.planned_at[key]
            storage.final_counts.pop(key, None)
        case "calendar":
            _drop_day(key, storage.planned)
        case "daily_sales":
            _drop_day(key, storage.sales, storage.drivers)


def _drop_day(key: tuple[tuple[str, str], date], *tables: dict[tuple[str, str], Any]) -> None:
    series, day = key
    for table in tables:
        days = table.get(series, {})
        days.pop(day, None)
        if not days:
            table.pop(series, None)

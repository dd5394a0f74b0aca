"""Plans, events and answers that the tests of every storage share."""

from datetime import UTC, date, datetime, timedelta

from events.envelope import Event, first_event
from events.payloads import Compared, ModelTrained, PromotionRequested, SeriesRef, TrainingFailed
from functions.ports import Storage
from functions.records import AliasChange, Model, Plan
from functions.registry.transactions import record_results

NOON = datetime(2015, 8, 1, 12, tzinfo=UTC)


DAY = date(2015, 7, 31)


SERIES = (("1", "milk"), ("1", "rye bread"), ("2", "milk"))


def plan(run_id: str = "run-1", at: datetime = NOON, as_of: date = date(2015, 8, 1)) -> Plan:
    return Plan(
        run_id, "test", at, "why not", None, None, "windowed", as_of, 7, (SERIES[:2], SERIES[2:])
    )


def trained(
    run: Plan, series: tuple[str, str], at: datetime = NOON, **changes: object
) -> Event[ModelTrained]:
    data = ModelTrained(
        run_id=run.run_id,
        store=series[0],
        product=series[1],
        model_id=f"{run.run_id}:{series[0]}:{series[1].replace(' ', '-')}",
        strategy=run.strategy,
        as_of=run.as_of,
        horizon=run.horizon,
        first_day=run.as_of - timedelta(days=100),
        data_through=run.as_of - timedelta(days=1),
        rows=86,
        metrics={"rmse": 1.5, "mape": None},
        parameters={"k": 0.1, "delta": [0.0, 1e-17]},
        versions={"prophet": "1.5"},
    )
    return first_event(data.model_copy(update=changes), "test", time=at)


def failed(run: Plan, series: tuple[str, str], reason: str, at: datetime = NOON):
    data = TrainingFailed(run_id=run.run_id, store=series[0], product=series[1], reason=reason)
    return first_event(data, "test", time=at)


def asked(
    action: str, *series: tuple[str, str], request_id: str = "request", **fields: object
) -> Event[PromotionRequested]:
    refs = tuple(SeriesRef(store=store, product=product) for store, product in series)
    data = PromotionRequested(action=action, series=refs, requested_by="anna", **fields)
    return first_event(data, "test", event_id=request_id, time=NOON)


async def week(storage: Storage, number: int, *series: tuple[str, str], **changes: object) -> str:
    """A run of one of the weeks, each a week after the one before, and its models; its id."""
    run = plan(f"week-{number}", as_of=date(2015, 8, 1) + timedelta(weeks=number))
    await storage.save_or_coalesce(run)
    await record_results(storage, [trained(run, each, **changes) for each in series], [])
    return run.run_id


async def standing(storage: Storage, series: tuple[str, str]) -> dict[str, int]:
    """The version in each place that is taken."""
    models = await versions(storage, series)
    return {alias: model.version for model in models for alias in model.aliases}


async def history(storage: Storage, series: tuple[str, str]) -> list[tuple[object, ...]]:
    changes = await changes_of(storage, series)
    return [(c.alias, c.previous_version, c.version, c.changed_by) for c in changes]


def comparison(new: float, champion: float, champions_id: str) -> tuple[Compared, ...]:
    return (
        Compared(strategy="naive", score=1.0, metrics={}),
        Compared(strategy="windowed", score=new, metrics={"wape": None}),
        Compared(strategy="windowed", model_id=champions_id, score=champion, metrics={}),
    )


async def versions(storage: Storage, series: tuple[str, str]) -> list[Model]:
    """All models of a series, newest first, without their parameters."""
    return await storage.versions_page(*series, None, 1000)


async def changes_of(storage: Storage, series: tuple[str, str]) -> list[AliasChange]:
    """All changes of a series' aliases, newest first."""
    return (await storage.alias_history_page(*series, None, 1000))[0]

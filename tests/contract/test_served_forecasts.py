"""What is served of each series, and runs that wait for others, in memory and in Postgres."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from functions.ports import Storage
from functions.records import Counts, DayForecast, Forecast, ForecastCounts, Plan, Window
from functions.registry.transactions import change_champions, record_results
from tests.contract.examples import DAY, NOON, SERIES, asked, failed, plan, trained, week
from tests.contract.harness import Harness


def coming(model_id: str, start: date, yhat: float, days: int = 2) -> Forecast:
    of_days = (DayForecast(start + timedelta(n), yhat, 0.0, 99.0) for n in range(days))
    return Forecast(*SERIES[0], model_id, tuple(of_days))


def window(start: date, request_id: str, at: datetime = NOON, horizon: int = 2) -> Window:
    return Window(start, horizon, at, request_id)


async def forecast(storage: Storage) -> Forecast:
    found = await storage.forecast(*SERIES[0])
    assert found is not None
    return found


async def test_a_champions_forecast_is_served_with_all_that_was_said_of_it(
    harness: Harness, storage: Storage
):
    assert await storage.forecast(*SERIES[0]) is None
    run = await storage.save_or_coalesce(plan())
    await record_results(storage, [trained(run, SERIES[0])], [])
    await harness.sell(SERIES[0], 3)
    days = (
        DayForecast(
            *(date(2015, 8, 1), 5.0, 4.0, 6.5),
            assumed=("school", 'a "b", c'),
            limited=("price", "d\\e"),
            bounded=True,
        ),
        DayForecast(date(2015, 8, 2), 0.0, 0.0, 0.0),
    )
    model_id = trained(run, SERIES[0]).data.model_id
    asked_for = window(date(2015, 8, 1), "run-1")
    for _ in range(2):
        assert await storage.serve([(Forecast(*SERIES[0], model_id, days), asked_for)]) == set()
    stored = await forecast(storage)
    assert (stored.model_id, stored.version, stored.days) == (model_id, 1, days)
    assert (stored.data_through, stored.newest_sale) == (DAY, DAY)
    assert await storage.served(SERIES) == {SERIES[0]: asked_for}
    assert await storage.served([]) == {}
    assert await storage.serve([]) == set()


async def test_only_the_days_that_were_asked_for_are_served(storage: Storage):
    model_id = f"{await week(storage, 1, SERIES[0])}:1:milk"
    first, second = date(2015, 8, 8), date(2015, 8, 9)
    await storage.serve([(coming(model_id, first, 1.0, days=5), window(first, "a", horizon=5))])
    later = window(second, "b", NOON + timedelta(hours=1))
    await storage.serve([(coming(model_id, second, 2.0), later)])
    days = [(day.date, day.yhat) for day in (await forecast(storage)).days]
    assert days == [(second, 2.0), (date(2015, 8, 10), 2.0)]


async def test_days_that_were_asked_for_earlier_do_not_displace_those_asked_for_later(
    storage: Storage,
):
    model_id = f"{await week(storage, 1, SERIES[0])}:1:milk"
    late, early = date(2015, 8, 9), date(2015, 8, 20)
    newer = window(late, "b", NOON + timedelta(hours=1))
    await storage.serve([(coming(model_id, late, 1.0), newer)])
    for older in (window(early, "z"), window(early, "a", NOON + timedelta(hours=1))):
        assert await storage.serve([(coming(model_id, early, 2.0), older)]) == {SERIES[0]}
    assert await storage.served(SERIES) == {SERIES[0]: newer}
    assert (await forecast(storage)).days[0].date == late


async def test_a_model_that_is_no_champion_any_more_is_not_served(storage: Storage):
    old = f"{await week(storage, 1, SERIES[0])}:1:milk"
    new = f"{await week(storage, 2, SERIES[0])}:1:milk"
    start = date(2015, 8, 15)
    assert await storage.serve([(coming(old, start, 1.0), window(start, "a"))]) == {SERIES[0]}
    assert await storage.forecast(*SERIES[0]) is None
    assert await storage.serve([(coming(new, start, 2.0), window(start, "a"))]) == set()
    await change_champions(storage, asked("rollback", SERIES[0]), DAY)
    assert (await forecast(storage)).model_id == new, "until the champion's forecast is in"
    assert await storage.serve([(coming(old, start, 3.0), window(start, "a"))]) == set()
    assert (await forecast(storage)).model_id == old


async def test_the_same_days_by_another_model_are_served_since_they_first_were(storage: Storage):
    old = f"{await week(storage, 1, SERIES[0])}:1:milk"
    start = date(2015, 8, 15)
    await storage.serve([(coming(old, start, 1.0), window(start, "a"))])
    first = await forecast(storage)
    new = f"{await week(storage, 2, SERIES[0])}:1:milk"
    await storage.serve([(coming(new, start, 1.0), window(start, "b"))])
    second = await forecast(storage)
    await storage.serve([(coming(new, DAY, 1.0), window(DAY, "c"))])
    third = await forecast(storage)
    assert first.served_since == first.published_at == second.served_since
    assert third.served_since == third.published_at
    assert first.published_at is not None
    assert second.published_at is not None
    assert second.published_at > first.published_at


async def test_what_is_served_on_some_days_is_found_by_scope(storage: Storage):
    start, end = date(2015, 8, 8), date(2015, 8, 9)
    await week(storage, 1, *SERIES)
    for series in SERIES:
        model_id = f"week-1:{series[0]}:{series[1].replace(' ', '-')}"
        made = Forecast(*series, model_id, coming(model_id, start, 1.0).days)
        await storage.serve([(made, window(start, "a"))])

    async def found(*scopes: tuple[str | None, str | None], since=start, until=end):
        return await storage.served_on(scopes, since, until)

    assert await found((None, None)) == sorted(SERIES)
    assert await found(("1", None), ("1", "milk")) == [("1", "milk"), ("1", "rye bread")]
    assert await found((None, "milk")) == [("1", "milk"), ("2", "milk")]
    assert await found(("2", "rye bread"), ("9", None)) == []
    assert await found(*SERIES[:2], *SERIES[:2], ("9", "milk")) == sorted(SERIES[:2])
    assert await found(SERIES[1], (None, "milk"), ("2", None)) == sorted(SERIES)
    assert await found((None, None), since=end, until=date(2016, 1, 1)) == sorted(SERIES)
    assert await found((None, None), since=date(2015, 8, 10), until=date(2016, 1, 1)) == []
    assert await found((None, None), since=date(2015, 1, 1), until=DAY) == []


async def test_the_days_that_a_run_asks_for_are_told_by_its_id(storage: Storage):
    await storage.save_or_coalesce(plan())
    expected = {"run-1": Window(date(2015, 8, 1), 7, NOON, "run-1")}
    assert await storage.windows(["run-1", "run-2"]) == expected
    assert await storage.windows([]) == {}


async def test_a_run_that_has_ended_tells_how_many_champions_are_forecast_for_it(storage: Storage):
    run = await storage.save_or_coalesce(plan())
    await record_results(storage, [trained(run, each) for each in SERIES[:2]], [])
    found = await storage.run("run-1")
    assert found is not None
    assert found.forecasts is None, "it still goes"
    await record_results(storage, [], [failed(run, SERIES[2], "short")])
    model_id = trained(run, SERIES[0]).data.model_id
    for at, current in ((None, 0), (NOON - timedelta(days=1), 0), (NOON, 1)):
        if at is not None:
            asked_for = window(run.as_of, "run-1", at)
            await storage.serve([(coming(model_id, run.as_of, 1.0), asked_for)])
        found = await storage.run("run-1")
        assert found is not None
        assert found.forecasts == ForecastCounts(2, current, found.finished_at)
        assert found.forecasts.stale
        assert f"{2 - current} of 2 champions are not" in (found.forecasts.stale_reason or "")


async def test_shards_without_a_result_are_unfinished_and_failed_ones_if_wanted(storage: Storage):
    run = await storage.save_or_coalesce(plan())
    assert await storage.unfinished_shards("run-1", failed=False) == {0, 1}
    await record_results(storage, [trained(run, SERIES[0])], [failed(run, SERIES[2], "short")])
    assert await storage.unfinished_shards("run-1", failed=False) == {0}
    assert await storage.unfinished_shards("run-1", failed=True) == {0, 1}
    await record_results(storage, [trained(run, each) for each in SERIES[1:]], [])
    assert await storage.unfinished_shards("run-1", failed=True) == set()
    assert await storage.unfinished_shards("run-9", failed=True) == set()


def asked_alike(run_id: str, hours: int) -> Plan:
    return replace(plan(run_id, at=NOON + timedelta(hours=hours)), fingerprint="wish")


async def test_a_request_is_coalesced_only_into_a_run_without_any_result(storage: Storage):
    first = await storage.save_or_coalesce(asked_alike("a", 0))
    assert (await storage.save_or_coalesce(asked_alike("b", 1))).coalesced_into == "a"
    await record_results(storage, [trained(first, SERIES[0])], [])
    assert (await storage.save_or_coalesce(asked_alike("c", 2))).coalesced_into is None
    assert (await storage.save_or_coalesce(asked_alike("d", 3))).coalesced_into == "c"
    await storage.hand_over("c", 0, NOON)
    later = await storage.save_or_coalesce(asked_alike("e", 4))
    assert later.coalesced_into is None, "what is being trained has read its sales"


async def test_requests_that_counted_on_a_cancelled_run_become_one_if_they_are_younger(
    storage: Storage,
):
    for n, run_id in enumerate("abcd"):
        await storage.save_or_coalesce(asked_alike(run_id, n))
    cancelled_at = NOON + timedelta(hours=1, minutes=30)
    await storage.cancel("a", cancelled_at)
    for _ in range(2):
        reopened = await storage.reopen("a", cancelled_at, "cancel")
        assert reopened is not None
        assert (reopened.run_id, reopened.coalesced_into) == ("c", None)
        assert reopened.shards == asked_alike("a", 0).shards
    assert await storage.counts(["c"]) == {"c": Counts(3, 0, 0)}
    into = {}
    for run_id in "abcd":
        found = await storage.plan(run_id)
        assert found is not None
        into[run_id] = found.coalesced_into
    assert into == {"a": None, "b": "a", "c": None, "d": "c"}
    assert await storage.reopen("a", cancelled_at, "another") is None

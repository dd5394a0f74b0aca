from datetime import UTC, date, datetime, timedelta

import pytest

from events.envelope import Event, first_event
from events.payloads import (
    CalendarChanged,
    ForecastPublished,
    ForecastRequested,
    ModelTrained,
    ScopeRef,
    SeriesRef,
)
from functions.scheduler import roll_forward
from tests.unit.functions.world import LAST_DAY, NOON, SERIES, World, request

DAY = timedelta(days=1)
LATER = NOON + timedelta(hours=1)


def ask(at: datetime = LATER, **fields: object) -> Event[ForecastRequested]:
    data = ForecastRequested(requested_by="test", **fields)
    return first_event(data, "test", event_id=f"ask-{at:%H}", time=at)


def changed(first: date, last: date | None = None, *scopes: tuple[str | None, str | None]):
    data = CalendarChanged(
        change_id=f"calendar:0:{first}",
        scopes=tuple(ScopeRef(store=s, product=p) for s, p in scopes or ((None, None),)),
        first_day=first,
        last_day=last or first,
    )
    return first_event(data, "test", event_id=f"changed-{first}", time=NOON)


async def days(world: World, series: tuple[str, str] = SERIES[0]) -> list[date]:
    found = await world.storage.forecast(*series)
    assert found is not None
    return [day.date for day in found.days]


def week(first: date) -> list[date]:
    return [first + n * DAY for n in range(7)]


async def test_a_roll_forward_forecasts_from_the_newest_sales_on_and_trains_nothing(world: World):
    await world.run(request())
    world.sell(*SERIES, days=3, last=LAST_DAY + 3 * DAY)
    trained = len(world.data(ModelTrained))
    await world.run(roll_forward("0 5 * * *", LATER))
    for series in SERIES:
        assert await days(world, series) == week(LAST_DAY + 4 * DAY)
    assert len(world.data(ModelTrained)) == trained
    assert len(world.data(ForecastPublished)) == 2 * len(SERIES)


async def test_the_same_tick_twice_rolls_forward_once(world: World):
    await world.run(request(), roll_forward("0 5 * * *", LATER))
    state, ids = world.state(), world.ids()
    await world.run(roll_forward("0 5 * * *", LATER))
    assert (world.state(), world.ids()) == (state, ids)


async def test_as_many_days_are_served_as_before_unless_others_are_asked_for(world: World):
    await world.run(request(horizon=10), ask())
    assert len(await days(world)) == 10
    await world.run(ask(LATER + timedelta(hours=1), horizon=3))
    assert len(await days(world)) == 3


async def test_only_what_is_named_rolls_forward(world: World):
    await world.run(request())
    world.sell(*SERIES, days=2, last=LAST_DAY + 2 * DAY)
    await world.run(ask(series=(SeriesRef(store="1", product="milk"),)))
    assert await days(world, ("1", "milk")) == week(LAST_DAY + 3 * DAY)
    assert await days(world, ("1", "rye")) == week(LAST_DAY + DAY)


async def test_of_two_that_ask_for_days_the_one_that_asked_later_holds_whichever_comes_first(
    world: World,
):
    await world.run(request())
    world.sell(*SERIES, days=2, last=LAST_DAY + 2 * DAY)
    await world.run(ask(LATER + timedelta(hours=1)), ask(as_of=LAST_DAY - DAY))
    assert await days(world) == week(LAST_DAY + 3 * DAY)
    await world.run(ask(LATER + timedelta(hours=2), as_of=LAST_DAY - DAY))
    assert await days(world) == week(LAST_DAY - DAY), "asked for last, so it never ratchets"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"store": "77"}, "store: no sales are known of store '77'"),
        ({"as_of": date(2016, 7, 31)}, "as_of: 2016-07-31 is 366 days after the newest sales"),
        ({"as_of": date(1999, 1, 1)}, "as_of: 1999-01-01 is before any sales"),
    ],
)
async def test_a_request_that_means_nothing_is_a_dead_letter_by_its_field(
    world: World, fields, told
):
    await world.run(request(), ask(**fields))
    [letter] = world.letters()
    assert letter.message.startswith(told)


async def test_a_request_whose_id_cannot_name_it_is_refused(world: World):
    data = ForecastRequested(requested_by="test")
    await world.run(request(), first_event(data, "test", event_id="my request", time=LATER))
    [letter] = world.letters()
    assert letter.message.startswith("ce_id: 'my request' is to be the id of a run or request")


async def test_series_without_a_champion_are_passed_over(world: World):
    await world.run(request(store="1"), ask())
    assert {(p.store, p.product) for p in world.data(ForecastPublished)} == set(SERIES[:2])


async def test_a_closing_that_is_planned_after_the_run_reaches_the_forecast(world: World):
    await world.run(request())
    closed = LAST_DAY + 3 * DAY
    world.storage.planned["1", ""] = {closed: (False, {})}
    await world.run(changed(closed, closed, ("1", None)))
    for series, units in ((("1", "milk"), 0.0), (("2", "milk"), 14.0)):
        found = await world.storage.forecast(*series)
        assert found is not None
        assert found.days[2].date == closed
        assert found.days[2].yhat == units
        assert await days(world, series) == week(LAST_DAY + DAY), "the days stay"


@pytest.mark.parametrize(
    ("first", "last", "scopes", "made"),
    [
        (LAST_DAY + DAY, None, [], set(SERIES)),
        (LAST_DAY - 9 * DAY, LAST_DAY + 99 * DAY, [], set(SERIES)),
        (LAST_DAY + 2 * DAY, None, [("2", None)], set(SERIES[2:4])),
        (LAST_DAY + 2 * DAY, None, [(None, "rye"), ("3", "milk")], {SERIES[i] for i in (1, 3, 4)}),
        (LAST_DAY, None, [], set(SERIES)),  # the first day follows a closing then
        (LAST_DAY - DAY, None, [], set()),
        (LAST_DAY + 11 * DAY, None, [], set(SERIES)),  # an unusual closing is felt before
        (LAST_DAY + 12 * DAY, None, [], set()),
        (LAST_DAY + 2 * DAY, None, [("9", None)], set()),
    ],
)
async def test_a_changed_calendar_touches_the_forecasts_that_can_feel_it(
    world: World, first, last, scopes, made
):
    await world.run(request())
    await world.run(changed(first, last, *scopes))
    events = world.host.events(ForecastPublished.TOPIC)
    causes = {e.id for e in world.host.events("forecast-shards") if e.correlation_id is None}
    again = {(e.data.store, e.data.product) for e in events if e.causation_id in causes}
    assert again == made


async def test_many_series_are_shared_out_so_that_no_event_is_too_large():
    world = World(shard_series=1000)
    many = [("1", f"p{n:03}") for n in range(250)]
    world.sell(*many, days=10)
    await world.run(request(), ask())
    shards = [e.data for e in world.host.events("forecast-shards") if e.data.request_id != "run"]
    assert [len(shard.series) for shard in sorted(shards, key=lambda s: s.key)] == [100, 100, 50]
    assert len(world.data(ForecastPublished)) == 500


def test_the_same_tick_of_a_schedule_is_the_same_request():
    tick = datetime(2026, 11, 28, 5, tzinfo=UTC)
    assert roll_forward("0 5 * * *", tick) == roll_forward("0 5 * * *", tick)
    assert roll_forward("0 5 * * *", tick).id != roll_forward("0 5 * * *", tick + DAY).id

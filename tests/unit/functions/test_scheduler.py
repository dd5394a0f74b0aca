from datetime import UTC, datetime, timedelta, timezone

from functions.scheduler import prune_tick, tick
from tests.unit.functions.world import SERIES, World

MONDAY = datetime(2015, 8, 3, 4, tzinfo=UTC)


def test_the_same_tick_asks_for_the_same_run():
    first, again = tick("0 4 * * 1", MONDAY, "windowed"), tick("0 4 * * 1", MONDAY, "windowed")
    assert first == again
    assert (first.time, first.data.requested_by) == (MONDAY, "scheduler")
    assert first.data.reason == "schedule 0 4 * * 1 at 2015-08-03 04:00 UTC"


def test_a_tick_is_the_same_in_every_zone():
    berlin = MONDAY.astimezone(timezone(timedelta(hours=2)))
    assert tick("0 4 * * 1", berlin, "windowed") == tick("0 4 * * 1", MONDAY, "windowed")


def test_other_ticks_and_other_schedules_ask_for_other_runs():
    ids = {
        tick("0 4 * * 1", MONDAY, "windowed").id,
        tick("0 4 * * 1", MONDAY + timedelta(days=7), "windowed").id,
        tick("0 4 * * *", MONDAY, "windowed").id,
    }
    assert len(ids) == 3


async def test_two_schedulers_on_one_tick_cause_one_run(world: World):
    await world.run(tick("0 4 * * 1", MONDAY, "windowed"), tick("0 4 * * 1", MONDAY, "windowed"))
    [run] = await world.storage.runs(10)
    assert (run.counts.succeeded, run.requested_by) == (len(SERIES), "scheduler")


def test_the_same_tick_asks_for_the_same_pruning_and_for_none_of_a_run():
    first, again = prune_tick("0 4 * * 1", MONDAY), prune_tick("0 4 * * 1", MONDAY)
    assert first == again
    assert (first.time, first.data.requested_by) == (MONDAY, "scheduler")
    assert first.data.reason == "schedule 0 4 * * 1 at 2015-08-03 04:00 UTC"
    assert first.id != tick("0 4 * * 1", MONDAY, "windowed").id

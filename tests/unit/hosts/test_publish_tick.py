"""One tick of a schedule, where something else is the clock."""

from datetime import UTC, datetime, timedelta

import pytest

from events.payloads import ForecastRequested, PruneRequested, RetrainRequested
from infra.hosts.cron import BadSchedule, last_tick
from infra.hosts.publish_tick import NoSuchSchedule, event_of, main
from infra.hosts.schedules import Schedule, schedules
from infra.settings import Settings

MONDAY = datetime(2015, 8, 3, 4, tzinfo=UTC)
SETTINGS = Settings(_env_file=None)


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=3), timedelta(hours=12)])
def test_a_start_that_comes_late_or_twice_asks_for_the_same(late: timedelta):
    assert (
        event_of("schedule", SETTINGS, MONDAY + late).id
        == event_of("schedule", SETTINGS, MONDAY).id
    )


def test_the_event_is_the_one_that_a_clock_publishes():
    (retrain, *_) = schedules(SETTINGS)
    assert event_of("schedule", SETTINGS, MONDAY).id == retrain.event(MONDAY).id


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("schedule", RetrainRequested),
        ("forecast_schedule", ForecastRequested),
        ("prune_schedule", PruneRequested),
    ],
)
def test_every_schedule_has_its_request(name: str, kind: type):
    assert isinstance(event_of(name, SETTINGS, MONDAY).data, kind)


def test_the_last_tick_may_be_now_and_is_never_later():
    weekly = Schedule("schedule", "0 4 * * 1", schedules(SETTINGS)[0].event)
    assert last_tick(weekly, MONDAY) == MONDAY
    assert last_tick(weekly, MONDAY - timedelta(seconds=1)) == MONDAY - timedelta(days=7)


def test_a_schedule_that_is_off_or_unknown_is_told_with_those_there_are():
    with pytest.raises(NoSuchSchedule, match="SHELFCAST_SCHEDULE is empty; there are forecast"):
        event_of("schedule", Settings(_env_file=None, schedule=""), MONDAY)
    with pytest.raises(NoSuchSchedule, match="shedule: there is no such schedule"):
        event_of("shedule", SETTINGS, MONDAY)


def test_a_bad_expression_names_its_variable():
    with pytest.raises(BadSchedule, match="SHELFCAST_SCHEDULE: 'weekly' is not a cron expression"):
        event_of("schedule", Settings(_env_file=None, schedule="weekly"), MONDAY)


def test_without_a_schedule_nothing_is_published():
    with pytest.raises(SystemExit, match="usage"):
        main([])

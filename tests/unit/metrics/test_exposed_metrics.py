"""What is counted, under which names, and at what cost."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from events.envelope import Event
from events.observing import REASONS
from events.payloads import Payload
from events.subscriber import Subscriber
from functions.catalog import FUNCTIONS
from infra.metrics.catalog import METRICS
from infra.metrics.kept import MIN_SECONDS, Kept

# What dashboards and rules outside this project may rely on.
NAMES = {
    "shelfcast_events_in_total": ("function",),
    "shelfcast_events_out_total": ("function",),
    "shelfcast_batch_seconds": ("function",),
    "shelfcast_retries_total": ("function", "reason"),
    "shelfcast_dead_letters_total": ("function",),
    "shelfcast_backtest_wape_ratio": (),
    "shelfcast_ingestion_delay_seconds": (),
    "shelfcast_consumer_lag_events": ("function", "topic"),
    "shelfcast_oldest_unprocessed_event_age_seconds": ("function",),
    "shelfcast_topic_records_total": ("topic",),
    "shelfcast_dead_letters_kept": (),
    "shelfcast_series": (),
    "shelfcast_series_with_sales": ("through",),
    "shelfcast_series_with_forecast": ("day",),
    "shelfcast_series_with_stale_forecast": (),
    "shelfcast_champion_age_seconds": ("quantile",),
    "shelfcast_runs_in_progress": (),
    "shelfcast_run_series": ("state",),
    "shelfcast_run_silent_seconds": (),
    "shelfcast_database_size_bytes": (),
    "shelfcast_database_connections": (),
    "shelfcast_function_up": ("function",),
    "shelfcast_part_up": ("part",),
    "shelfcast_part_seconds": ("part",),
}
FLAT = {"function", "reason", "topic", "through", "day", "quantile", "state", "part"}


def test_names_and_labels_are_these():
    assert {name: metric.labels for name, metric in METRICS.items()} == NAMES


def test_no_label_grows_with_what_is_sold():
    assert {label for metric in METRICS.values() for label in metric.labels} == FLAT


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_names_follow_the_conventions_of_prometheus(metric):
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    assert metric.help.endswith(".")


COUNT = """
import sys
from pathlib import Path
from infra.metrics.counts import Counts
from infra.metrics.exposition import text
counted = Counts(Path(sys.argv[1]))
counted.begin("planner")
counted.batch("planner", 3, 1, 0, 0.2)
print(text(counted).decode())
"""
COUNTED_BY_A_LIBRARY = """
from prometheus_client import Counter
Counter("library_retries_total", "Counted by a library.").inc()
"""


def counted(folder: Path, before_it_is_told: str = "") -> str:
    *count, tell = COUNT.strip().splitlines()
    program = "\n".join([*count, before_it_is_told, tell])
    command = [sys.executable, "-c", program, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_process_goes_on_counting_from_where_one_that_ended_stopped(tmp_path: Path):
    counted(tmp_path)
    said = counted(tmp_path)

    assert 'shelfcast_events_in_total{function="planner"} 6.0' in said
    assert 'shelfcast_retries_total{function="planner",reason="outage"} 0.0' in said
    assert 'shelfcast_batch_seconds_count{function="planner"} 2.0' in said
    assert sorted(file.name for file in tmp_path.glob("counter_*")) == ["counter_0.db"]


def test_what_libraries_count_into_the_same_files_is_left_out(tmp_path: Path):
    said = counted(tmp_path, COUNTED_BY_A_LIBRARY)

    assert 'shelfcast_events_in_total{function="planner"} 3.0' in said
    assert "library_retries" not in said


class Told:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.batches, self.retries = [], []

    def published(self, events, began_ns, ended_ns) -> None:
        return

    def handled(self, batch) -> None:
        self.batches.append(batch)

    def retried(self, group, reason) -> None:
        self.retries.append(reason)


async def test_batches_retries_and_dead_letters_are_told(shop):
    told = Told()

    async def fails(_: Sequence[Event[Payload]]) -> Sequence[Event[Payload]]:
        raise RuntimeError("a bug")

    function = FUNCTIONS["planner"]
    await shop.publish_requests(2)
    subscriber = Subscriber(
        shop.log.consumer(function.group, function.inputs),
        shop.log.producer(),
        fails,
        group=function.group,
        is_outage=lambda _: False,
        first_wait=0.0,
        observer=told,
    )
    await subscriber.drain()

    [batch] = told.batches
    assert (batch.records, batch.dead_letters, len(batch.outputs)) == (2, 2, 0)
    assert told.retries == ["halved", "error", "error", "error", "error"]
    assert set(told.retries) < set(REASONS)


async def test_an_answer_is_kept_for_as_long_as_its_cost_allows():
    now = 0.0
    asked = 0

    async def ask() -> int:
        nonlocal now, asked
        now += 2.0
        asked += 1
        return asked

    kept = Kept(ask, lambda: now)
    assert await kept() == 1
    now += MIN_SECONDS
    assert await kept() == 1, "it took 2 s, so it is kept for 40"
    now = 40.0
    assert await kept() == 2


async def test_while_an_answer_takes_long_the_one_of_before_holds():
    now, asked = 0.0, 0
    in_hand = asyncio.Event()
    in_hand.set()

    async def ask() -> int:
        nonlocal asked
        asked += 1
        await in_hand.wait()
        return asked

    kept = Kept(ask, lambda: now, patience=0.01)
    assert await kept() == 1
    now = MIN_SECONDS
    in_hand.clear()
    assert [await kept() for _ in range(2)] == [1, 1]
    assert asked == 2, "one waits for all"
    in_hand.set()
    assert await kept() == 2
    await kept.close()


async def test_an_answer_that_is_not_there_yet_is_no_answer():
    answers = asyncio.Queue[int]()
    kept = Kept(answers.get, lambda: 0.0, patience=0.01)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await kept()
    answers.put_nowait(7)
    assert await kept() == 7

    waiting = Kept(answers.get, lambda: 0.0, patience=0.01)
    with pytest.raises(TimeoutError):
        await waiting()
    await waiting.close()
    answers.put_nowait(8)
    assert answers.qsize() == 1, "nobody asks any more"


async def test_an_error_is_kept_too():
    asked = 0

    async def ask() -> int:
        nonlocal asked
        asked += 1
        raise ConnectionRefusedError

    kept = Kept(ask, lambda: 0.0)
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            await kept()
    assert asked == 1

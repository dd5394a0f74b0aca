import asyncio
import json
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from events.payloads import RetrainRequested, SeriesRef
from infra.cli import retrain
from infra.cli.client import Client
from infra.cli.main import app
from tests.unit.api.served import AwayStorage, InProcess, Shop

SERIES = [("1", "milk"), ("1", "rye bread"), ("2", "milk")]


class World:
    """A shop, a client of its API, and a clock that goes on only while the client waits.

    What is in `steps` happens one after the other, at each wait.
    """

    def __init__(self) -> None:
        self.shop = Shop()
        for series in SERIES:
            self.shop.sell(*series)
        self.now = 0.0
        self.steps: list[Callable[[], Any]] = []
        self.transport = InProcess(self.shop.app())
        self.client = Client("http://api", self.transport, lambda: self.now, self.wait)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        if self.steps and (done := self.steps.pop(0)()) is not None:
            asyncio.run(done)

    def train(self, *series: tuple[str, str], failure: str = "") -> Callable[[], Any]:
        return lambda: self.shop.train("run-1", series, failure)

    def serve(self, transport: httpx.BaseTransport) -> Callable[[], None]:
        return lambda: setattr(self.client._http, "_transport", transport)


@pytest.fixture
def world() -> World:
    return World()


def shelfcast(world: World, *words: str) -> Result:
    return CliRunner(env={"COLUMNS": "80"}).invoke(app, ["retrain", *words], obj=world.client)


def refusing(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


def silent(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("timed out", request=request)


def test_what_is_asked_for_is_published(world: World):
    told = shelfcast(
        world,
        *("--store", "1", "--product", "milk", "--as-of", "2015-07-01", "--strategy", "windowed"),
        *("--horizon", "14", "--reason", "new prices", "--run-id", "run-1"),
    )

    assert told.exit_code == 0
    assert told.stdout == "Requested as run run-1\nSee its progress: shelfcast runs run-1\n"
    (event,) = world.shop.requests()
    assert event.id == "run-1"
    assert event.data == RetrainRequested(
        store="1",
        product="milk",
        as_of=date(2015, 7, 1),
        strategy="windowed",
        horizon=14,
        reason="new prices",
        requested_by="cli",
    )


def test_series_filters_and_a_policy_are_asked_for(world: World):
    world.client.post("retrain", body={"all": True, "run_id": "weekly-47"})
    asyncio.run(world.shop.plan())

    told = shelfcast(
        world,
        *("--series", "1/milk", "--series", "2/milk", "--series", "1/milk"),
        *("--failed-in", "week", "--older-than", "30", "--policy", "always"),
    )

    assert told.exit_code == 0, told.stderr
    (event,) = [each for each in world.shop.requests() if each.id != "weekly-47"]
    assert event.data == RetrainRequested(
        series=(SeriesRef(store="1", product="milk"), SeriesRef(store="2", product="milk")),
        failed_in="weekly-47",
        older_than_days=30,
        policy="always",
        requested_by="cli",
    )
    assert event.lane == "express"


def test_what_failed_in_a_run_needs_no_other_scope(world: World):
    world.client.post("retrain", body={"all": True, "run_id": "run-1"})
    for step in (world.shop.plan, world.train(SERIES[0], failure="short")):
        asyncio.run(step())

    assert shelfcast(world, "--failed-in", "run-1", "--run-id", "again").exit_code == 0

    asyncio.run(world.shop.plan())
    assert world.shop.storage.plans["again"].shards == ((SERIES[0],),)


def test_waiting_for_a_run_that_is_coalesced_follows_the_one_under_way_and_says_so(world: World):
    world.client.post("retrain", body={"all": True, "run_id": "run-1"})
    world.steps = [world.shop.plan, world.train(*SERIES)]

    told = shelfcast(world, "--all", "--run-id", "run-2", "--wait", "--json")

    assert told.exit_code == 0
    assert json.loads(told.stdout) == world.client.get("runs", "run-1")
    assert told.stderr == (
        "Run run-2 was coalesced into run-1, which was under way with the same series\n"
    )
    assert world.client.get("runs", "run-2")["coalesced_into"] == "run-1"


def test_waiting_for_a_run_that_is_cancelled_ends_with_it_and_exits_1(world: World):
    async def cancel() -> None:
        await world.shop.storage.cancel("run-1", datetime.now(UTC))

    world.steps = [world.shop.plan, world.train(SERIES[0]), cancel]

    told = shelfcast(world, "--all", "--run-id", "run-1", "--wait")

    assert told.exit_code == 1
    assert "state      cancelled, after " in told.stdout
    assert "series     3 planned, 1 succeeded, 0 failed, 2 cancelled" in told.stdout


def test_json_is_the_answer_of_the_api_and_nothing_else(world: World):
    told = shelfcast(world, "--all", "--json")

    accepted = json.loads(told.stdout)
    assert str(uuid.UUID(accepted["run_id"])) == accepted["run_id"]
    assert accepted["url"] == f"/runs/{accepted['run_id']}"
    assert told.stderr == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "--all, --store, --product, --series: none is given; name what to retrain"),
        (["--series", "1"], "--series: '1' is not STORE/PRODUCT; use one like 1/milk"),
        (["--series", "1/a/b"], "--series: '1/a/b' is not STORE/PRODUCT; use one like 1/milk"),
        (["--series", "1/milk", "--store", "1"], "--series: names each series; leave it out, or"),
        (["--series", "9/x"], "series: no sales are known of '9/x'; import their sales first"),
        (["--all", "--series", "1/milk"], "--all: means every series; leave it out, or --store"),
        (["--failed-in", "run-9"], "--failed-in: there is no run 'run-9'; `shelfcast runs`"),
        (["--all", "--older-than", "0"], "older_than_days: must be 1 or more (got"),
        (["--all", "--policy", "maybe"], "policy: must be 'always', 'if-better' or 'never'"),
        (["--all", "--store", "1"], "--all: means every series; leave it out, or --store"),
        (["--all", "--as-of", "soon"], "--as-of: 'soon' is not a day; use one like 2015-07-31"),
        (["--all", "--as-of", "1899-12-31"], "as_of: must be a day from 1900-01-01 to "),
        (["--all", "--horizon", "91"], "horizon: must be 90 or less (got 91"),
        (["--all", "--strategy", "magic"], "strategy: there is no strategy 'magic'; known are: "),
        (["--all", "--run-id", "a b"], "run_id: may have letters, digits and _ . : - only"),
        (["--store", "9"], "store: no sales are known of store '9'; import its sales first, or see "
         "`shelfcast series`"),
        (["--store", ""], "store: must have at least 1 character (got '')"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_exit_2(world: World, words: list[str], told: str):
    result = shelfcast(world, *words, "--json")

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"shelfcast: {told}")
    assert result.stderr.count("\n") == 1
    assert world.shop.requests() == []


def test_waiting_ends_with_the_run_and_its_summary(world: World):
    world.steps = [lambda: None, world.shop.plan, world.train(*SERIES[:2]), world.train(SERIES[2])]

    told = shelfcast(world, "--all", "--run-id", "run-1", "--wait")

    assert told.exit_code == 0
    assert "state      completed, in " in told.stdout
    assert "series     3 planned, 3 succeeded, 0 failed" in told.stdout
    assert world.steps == []


def test_waiting_for_a_run_with_a_failed_series_tells_why_and_exits_1(world: World):
    world.steps = [
        world.shop.plan,
        world.train(*SERIES[:2]),
        world.train(SERIES[2], failure="7 open days; at least 10 are needed"),
    ]

    told = shelfcast(world, "--all", "--run-id", "run-1", "--wait")

    assert told.exit_code == 1
    assert "3 planned, 2 succeeded, 1 failed" in told.stdout
    assert "2      milk     7 open days; at least 10 are needed" in told.stdout


def test_waiting_as_json_prints_the_run_alone(world: World):
    world.steps = [world.shop.plan, world.train(*SERIES)]

    told = shelfcast(world, "--all", "--run-id", "run-1", "--wait", "--json")

    assert json.loads(told.stdout) == world.client.get("runs", "run-1")
    assert told.stderr == ""


def test_waiting_outlasts_an_api_that_is_away_or_without_its_database(world: World):
    world.steps = [
        world.serve(httpx.MockTransport(refusing)),
        world.serve(InProcess(world.shop.app(AwayStorage()))),
        world.shop.plan,
        world.train(*SERIES),
        world.serve(world.transport),
    ]

    assert shelfcast(world, "--all", "--run-id", "run-1", "--wait").exit_code == 0


def test_waiting_gives_up_on_a_request_that_nobody_takes_up(world: World):
    told = shelfcast(world, "--all", "--run-id", "run-1", "--wait")

    assert told.exit_code == 1
    assert told.stdout == ""
    assert "run run-1 is requested, but the planner has not taken it up for 2 min" in told.stderr
    assert world.now == retrain.PATIENCE_SECONDS + retrain.ASK_EVERY


def test_waiting_gives_up_on_an_api_that_stays_away_and_says_the_run_goes_on(world: World):
    world.steps = [world.shop.plan, world.serve(httpx.MockTransport(refusing))]

    told = shelfcast(world, "--all", "--run-id", "run-1", "--wait")

    assert told.exit_code == 1
    assert "the run goes on by itself, see `shelfcast runs run-1` later" in told.stderr
    assert "http://api does not answer; run `shelfcast up`" in told.stderr
    assert told.stderr.count("\n") == 1


def test_ctrl_c_leaves_the_run_going_and_says_how_to_look_at_it(world: World):
    def interrupt() -> None:
        raise KeyboardInterrupt

    world.steps = [world.shop.plan, interrupt]

    told = shelfcast(world, "--all", "--run-id", "run-1", "--wait", "--json")

    assert told.exit_code == 130
    assert told.stdout == ""
    assert told.stderr == "shelfcast: the run goes on; see `shelfcast runs run-1`\n"


def test_a_run_of_no_series_ends_at_once_and_says_what_to_import(world: World):
    world.shop.storage.sales.clear()
    world.steps = [world.shop.plan]

    told = shelfcast(world, "--all", "--run-id", "run-1", "--wait")

    assert told.exit_code == 0
    assert "No series is known: import sales with `shelfcast sales import`" in told.stdout


def test_without_kafka_it_exits_1_and_says_how_to_repeat(world: World):
    world.shop.log.away = ConnectionRefusedError(111, "refused")

    told = shelfcast(world, "--all", "--run-id", "run-1")

    assert told.exit_code == 1
    assert "repeat it with run_id 'run-1'" in told.stderr


def test_without_an_answer_it_says_how_to_repeat_without_a_second_run(world: World):
    world.serve(httpx.MockTransport(silent))()

    told = shelfcast(world, "--all", "--run-id", "run-1")

    assert told.exit_code == 1
    assert "left POST /retrain without an answer (ReadTimeout)" in told.stderr
    assert "repeat this with --run-id run-1" in told.stderr


def test_without_the_api_it_says_how_to_start_it(world: World):
    world.serve(httpx.MockTransport(refusing))()

    told = shelfcast(world, "--all", "--wait")

    assert told.exit_code == 1
    assert told.stderr == ("shelfcast: the API at http://api does not answer; run `shelfcast up`\n")

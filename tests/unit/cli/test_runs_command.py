import asyncio
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner, Result

from events.payloads import CancelRequested
from infra.cli.client import Client
from infra.cli.main import app
from infra.cli.runs import ago, short_ids, span
from tests.unit.api.served import InProcess, Shop

SERIES = [("1", "milk"), ("1", "rye bread"), ("2", "milk")]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    for series in SERIES:
        shop.sell(*series)
    return shop


@pytest.fixture
def client(shop: Shop) -> Client:
    return Client("http://api", InProcess(shop.app()))


def shelfcast(client: Client, *words: str, columns: int = 80) -> Result:
    return CliRunner(env={"COLUMNS": str(columns)}).invoke(app, words, obj=client)


@pytest.fixture
def runs(shop: Shop, client: Client) -> None:
    """weekly-1 has a failure, weekly-2 has just begun."""
    for run_id, store, reason in (("weekly-1", "1", "why not"), ("weekly-2", "2", "")):
        client.post("retrain", body={"store": store, "run_id": run_id, "reason": reason})

    async def go() -> None:
        await shop.plan()
        await shop.train("weekly-1", SERIES[:1])
        await shop.train("weekly-1", SERIES[1:2], failure="7 open days; at least 10 are needed")

    asyncio.run(go())


def test_without_a_run_it_says_how_to_ask_for_one(client: Client):
    told = shelfcast(client, "runs")

    assert told.exit_code == 0
    assert told.stdout == "There is no run yet; request one with `shelfcast retrain --all`\n"


def test_runs_are_a_table_of_at_most_80_columns(client: Client, runs: None):
    told = shelfcast(client, "runs")

    assert told.exit_code == 0
    assert max(map(len, told.stdout.splitlines())) <= 80
    assert re.search(r"weekly-2 +api +store 2 +auto +running +0 of 1 *\n", told.stdout)
    assert re.search(r"weekly-1 +api +store 1 +auto +completed +1 of 2 *\n", told.stdout)
    assert re.search(r"ago +2015-08-01 +in \d.* s +1 failed", told.stdout)


def test_a_wide_terminal_has_a_run_in_a_row(client: Client, runs: None):
    told = shelfcast(client, "runs", columns=150)

    assert re.search(r"weekly-1 .* store 1 .* completed .* 1 of 2 +1 failed", told.stdout)


def test_runs_as_json_are_the_answer_of_the_api(client: Client, runs: None):
    told = shelfcast(client, "runs", "--json", "--limit", "1")

    assert json.loads(told.stdout) == client.get("runs", limit=1)
    assert told.stderr == ""


def test_runs_are_chosen_by_state_requester_and_day(client: Client, runs: None):
    def listed(*options: str) -> list[str]:
        told = shelfcast(client, "runs", "--json", *options)
        return [run["run_id"] for run in json.loads(told.stdout)["runs"]]

    assert listed("--state", "running") == ["weekly-2"]
    assert listed("--requested-by", "api", "--since", "2015-07-31") == ["weekly-2", "weekly-1"]
    assert listed("--until", "2015-07-31") == []
    assert "No run is like that" in shelfcast(client, "runs", "--state", "cancelled").stdout


def test_what_chooses_among_runs_must_be_right_and_of_many(client: Client, runs: None):
    wrong = shelfcast(client, "runs", "--state", "sleeping")
    assert wrong.exit_code == 2
    assert "state: must be 'running', 'completed', 'cancelled' or 'coalesced'" in wrong.stderr
    one = shelfcast(client, "runs", "weekly-1", "--requested-by", "anna")
    assert one.exit_code == 2
    assert "--requested-by: it chooses among runs; leave out it or RUN_ID" in one.stderr


def test_one_run_is_told_with_its_failures(client: Client, runs: None):
    told = shelfcast(client, "runs", "weekly-1")

    assert told.exit_code == 0
    for line in (
        r"run +weekly-1",
        r"state +completed, in ",
        r"requested +by api, \d+ s ago \(20",
        r"reason +why not",
        r"scope +store 1",
        r"as of +2015-08-01, 7 days ahead",
        r"series +2 planned, 1 succeeded, 1 failed",
        r"1 +rye bread +7 open days; at least 10 are needed",
    ):
        assert re.search(rf"^{line}", told.stdout, re.MULTILINE), line


def test_a_run_can_be_cancelled_by_the_start_of_its_id(client: Client, shop: Shop, runs: None):
    told = shelfcast(client, "runs", "cancel", "weekly-2", "--reason", "wrong day")

    assert told.exit_code == 0
    assert told.stdout == (
        "Asked to cancel run weekly-2\nSee the result: shelfcast runs weekly-2\n"
    )
    (event,) = [e for e in shop.requests() if isinstance(e.data, CancelRequested)]
    assert event.data == CancelRequested(run_id="weekly-2", requested_by="cli", reason="wrong day")
    asyncio.run(shop.plan())
    shown = shelfcast(client, "runs", "weekly-2")
    assert re.search(r"^state +cancelled, after ", shown.stdout, re.MULTILINE)
    assert re.search(r"^series +1 planned, 0 succeeded, 0 failed, 1 canc", shown.stdout, re.M)
    assert re.search(r"weekly-2 .* cancelled +0 of 1", shelfcast(client, "runs").stdout)
    assert "1 cancelled" in shelfcast(client, "runs").stdout


def test_a_run_that_has_ended_or_is_unknown_can_not_be_cancelled(client: Client, runs: None):
    ended = shelfcast(client, "runs", "cancel", "weekly-1")
    unknown = shelfcast(client, "runs", "cancel", "nothing")

    assert (ended.exit_code, unknown.exit_code) == (2, 1)
    assert ended.stderr == (
        "shelfcast: run_id: 'weekly-1' is completed already; there is nothing to cancel\n"
    )
    assert unknown.stderr.startswith("shelfcast: run_id: 'nothing' is unknown")


def test_a_coalesced_run_says_which_run_does_its_work(client: Client, shop: Shop, runs: None):
    client.post("retrain", body={"store": "2", "run_id": "again"})
    asyncio.run(shop.plan())

    told = shelfcast(client, "runs", "again")

    assert re.search(r"^state +coalesced, into weekly-2", told.stdout, re.MULTILINE)
    assert (
        "Coalesced into run weekly-2, which does the work: shelfcast runs weekly-2" in told.stdout
    )


def test_a_run_of_a_part_says_which(client: Client, shop: Shop, runs: None):
    series = [{"store": "1", "product": "milk"}, {"store": "2", "product": "milk"}]
    wish = {"series": series, "failed_in": "weekly-1", "older_than_days": 1, "run_id": "part"}
    client.post("retrain", body=wish)
    asyncio.run(shop.plan())

    told = shelfcast(client, "runs", "part")

    assert re.search(r"^scope +0 named series", told.stdout, re.MULTILINE)
    only = r"^only +what failed in run weekly-1, champions older than 1 day, or none"
    assert re.search(only, told.stdout, re.MULTILINE)
    assert "No series matches the filters: there was nothing to train" in told.stdout


def test_a_run_is_found_by_the_start_of_its_id(client: Client, shop: Shop, runs: None):
    client.post("retrain", body={"all": True, "run_id": "monthly"})
    asyncio.run(shop.plan())

    told = shelfcast(client, "runs", "mon", "--json")

    assert json.loads(told.stdout)["run_id"] == "monthly"


def test_a_start_of_several_ids_is_bad_input(client: Client, runs: None):
    told = shelfcast(client, "runs", "week")

    assert told.exit_code == 2
    assert told.stdout == ""
    assert told.stderr == (
        "shelfcast: RUN_ID: 2 runs start with 'week' (weekly-2, weekly-1); give more of the id\n"
    )


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["runs", "nothing"], 1, "run_id: 'nothing' is unknown; a run is here once its request"),
        (["runs", "a b"], 2, "run_id: may have letters, digits and _ . : - only (got 'a b')"),
        (["runs", "a/b"], 1, "path: '/runs/a/b' is unknown"),
        (["runs", "--limit", "0"], 2, "limit: must be 1 or more (got"),
        (["runs", "--limit", "1001"], 2, "limit: must be 1,000 or less (got"),
    ],
)
def test_what_is_wrong_is_one_line_on_standard_error(client, words, code: int, told: str):
    result = shelfcast(client, *words, "--json")

    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith(f"shelfcast: {told}")
    assert result.stderr.count("\n") == 1


def test_a_reason_can_not_steer_the_terminal_or_break_its_line(client: Client, shop: Shop):
    client.post("retrain", body={"store": "1", "run_id": "odd"})
    asyncio.run(shop.plan())
    # From before reasons were looked at as closely.
    plan = shop.storage.plans["odd"]
    shop.storage.plans["odd"] = replace(plan, reason="\x1b[2Jgone\n[bold]")

    told = shelfcast(client, "runs", "odd")

    assert r"\x1b[2Jgone\n[bold]" in told.stdout


def test_an_id_is_shortened_to_what_tells_it_from_the_others():
    ids = ["0b1f6fa2-9d0f", "0b1f6fa2-77aa", "weekly-2026-47", "weekly-2026-4", "one"]

    assert short_ids(ids) == {
        "0b1f6fa2-9d0f": "0b1f6fa2-9",
        "0b1f6fa2-77aa": "0b1f6fa2-7",
        "weekly-2026-47": "weekly-2026-47",
        "weekly-2026-4": "weekly-2026-4",
        "one": "one",
    }


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0.0 s"),
        (1.62, "1.6 s"),
        (9.97, "10 s"),
        (59.7, "1 min"),
        (75, "1 min 15 s"),
        (3599.9, "1 h"),
        (7380, "2 h 3 min"),
        (3 * 86400, "3 days"),
    ],
)
def test_a_length_of_time_is_told_in_its_largest_units(seconds: float, words: str):
    assert span(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-2, "0 s ago"), (59, "59 s ago"), (61, "1 min ago"), (7300, "2 hours ago")],
)
def test_a_time_is_told_by_how_long_it_has_passed(seconds: float, words: str):
    assert ago((NOON - timedelta(seconds=seconds)).isoformat(), NOON) == words

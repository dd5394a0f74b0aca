import asyncio
import datetime as dt
import json

import pytest
from typer.testing import CliRunner

from events.dead_letters import dead_letter
from events.envelope import first_event
from events.errors import Unreadable
from events.log import Received, Record
from events.memory import MemoryLog
from events.payloads import RetrainRequested, SaleRecorded
from events.publisher import to_record
from infra.cli.events import app, chosen_topics, describe, follow, line
from tests.unit.cli.memory_broker import MemoryBroker

SALE = SaleRecorded(
    store="1", product="total", date=dt.date(2015, 7, 31), units=5263, drivers={"promo": 1.0}
)


@pytest.fixture
def log() -> MemoryLog:
    log = MemoryLog()
    log.append(to_record(first_event(SALE, "/test")))
    log.append(Record("sales", b"2/\x1b[31m", b"nonsense", []))
    return log


def run(log: MemoryLog, *arguments: str):
    return CliRunner().invoke(app, ["tail", *arguments], obj=MemoryBroker(log))


def test_events_are_json_lines_and_the_undecodable_have_their_reason(log: MemoryLog) -> None:
    result = run(log, "--from-beginning", "--limit", "2", "--json")
    said = [json.loads(one) for one in result.stdout.splitlines()]
    (good,) = [one for one in said if one["type"]]
    (bad,) = [one for one in said if not one["type"]]
    assert good["data"]["units"] == 5263
    assert good["subject"] == "1/total/2015-07-31"
    assert bad["error"].startswith("Unreadable: ce_id")


def test_a_person_gets_a_line_for_each_event(log: MemoryLog) -> None:
    result = run(log, "--topic", "sales", "--from-beginning", "--limit", "2")
    assert "sale.recorded 1/total 2015-07-31 units 5263, open yes, drivers promo=1" in result.stdout
    assert "unreadable 2/\\x1b[31m Unreadable: ce_id" in result.stdout
    assert "\x1b" not in result.stdout


def test_dead_letters_and_their_replays_are_told_as_such() -> None:
    log = MemoryLog()
    record = dead_letter(Received("sales", b"k", b"v", []), "spark", Unreadable("no id"), 1)
    log.append(record)
    log.append(Record("dead-letters", record.key, None))
    letter, replayed = (describe(one) for one in log.records("dead-letters"))
    assert letter["data"] == {"error": "Unreadable", "message": "no id", "topic": "sales"}
    assert replayed["type"] == "replayed"
    assert "replayed" in line(replayed).plain


async def test_following_starts_with_what_is_new_and_ends_when_told(log: MemoryLog) -> None:
    follower = MemoryBroker(log).follower(["sales", "retrain-requests"], from_beginning=False)
    await follower.start()
    stop = asyncio.Event()
    log.append(to_record(first_event(RetrainRequested(requested_by="test"), "/test")))
    seen = []
    async for record in follow(follower, None, stop):
        seen.append(record.topic)
        stop.set()
    assert seen == ["retrain-requests"]


def test_an_unknown_topic_is_answered_with_the_closest(log: MemoryLog) -> None:
    result = run(log, "--topic", "forecast")
    assert result.exit_code == 2
    assert "did you mean forecasts?" in result.stderr
    assert chosen_topics(["runs", "runs"]) == ["runs"]


def test_a_broker_that_is_away_is_one_line_and_exit_one(log: MemoryLog) -> None:
    log.away = ConnectionRefusedError("refused")
    result = run(log)
    assert result.exit_code == 1
    assert result.stderr == (
        "shelfcast: Kafka at memory is away (refused): see `shelfcast status`, or `shelfcast up`\n"
    )

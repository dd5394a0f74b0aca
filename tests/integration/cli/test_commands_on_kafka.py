import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from events.cloudevents import decode
from events.cluster import Cluster
from events.dead_letters import dead_letter
from events.errors import InvalidPayload
from events.kafka import KafkaProducer
from events.log import Received, Record
from infra.cli import dead_letters, events, sales
from infra.kafka.broker import KafkaBroker
from infra.kafka.topics import provision
from infra.sales_io.checking.days_seen import DaysSeen
from infra.sales_io.checking.rows import read_rows
from infra.sales_io.checking.survey import survey
from infra.settings import Settings

TAIL = "from infra.cli.events import app; app(['tail', '-t', 'runs', '--from-beginning'])"


@pytest.fixture(scope="module")
def broker(servers: Settings) -> KafkaBroker:
    provision(servers.kafka)
    return KafkaBroker(servers.kafka)


def run(app, broker: KafkaBroker, *arguments: object) -> Result:
    return CliRunner().invoke(app, [str(it) for it in arguments], obj=broker)


def send(broker: KafkaBroker, *records: Record) -> None:
    async def publish() -> None:
        producer = KafkaProducer(Cluster(broker.address))
        await producer.send(records)
        await producer.close()

    asyncio.run(publish())


def test_an_imported_file_is_on_the_topic_with_the_same_ids_each_time(
    broker: KafkaBroker, tmp_path: Path
) -> None:
    file = tmp_path / "made.csv"
    run(sales.app, broker, "generate", "--series", 5, "--days", 40, "--out", file)
    before = len(asyncio.run(broker.read("sales")))
    moment = "2026-01-01T00:00:00+00:00"
    for _ in range(2):
        result = run(sales.app, broker, "import", file, "--recorded-at", moment, "--json")
        published = json.loads(result.stdout)["published"]
    records = asyncio.run(broker.read("sales"))
    assert len(records) - before == 2 * published
    theirs = [r for r in records if ("ce_time", moment.encode()) in r.headers]
    assert len({decode(r.value, r.headers).id for r in theirs}) == published


def test_a_replayed_dead_letter_is_back_on_its_topic(broker: KafkaBroker) -> None:
    bad = Received("sales", b"replayed/total", b'{"units": -4}', [("ce_id", b"s")], 0, 1)
    letter = dead_letter(bad, "spark", InvalidPayload("units: must be 0 or more"), 1)
    send(broker, letter)
    letter_id = (letter.key or b"").decode()
    listed = json.loads(run(dead_letters.app, broker, "list", "--json").stdout)
    assert letter_id in [one["id"] for one in listed]
    result = run(dead_letters.app, broker, "replay", letter_id)
    assert result.stdout == "Replayed 1: 1 to sales\n"
    back = [r for r in asyncio.run(broker.read("sales")) if r.key == b"replayed/total"]
    assert [record.value for record in back] == [b'{"units": -4}']
    listed = json.loads(run(dead_letters.app, broker, "list", "--json").stdout)
    assert letter_id not in [one["id"] for one in listed]


def test_tail_shows_the_oldest_and_ends_at_its_limit(broker: KafkaBroker) -> None:
    send(broker, Record("forecasts", b"x", b"nonsense"))
    result = run(events.app, broker, "tail", "-t", "forecasts", "--from-beginning", "--limit", 1)
    assert "unreadable x Unreadable: ce_id" in result.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_tail_ends_cleanly_when_told_to(broker: KafkaBroker, number: signal.Signals) -> None:
    send(broker, Record("runs", b"run", b"nonsense"))
    with subprocess.Popen(
        [sys.executable, "-c", TAIL],
        env=os.environ | {"SHELFCAST_KAFKA_BOOTSTRAP": broker.address},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert "unreadable" in process.stdout.readline()
            process.send_signal(number)
            _, errors = process.communicate()
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")


def test_a_broker_that_is_away_is_one_line(tmp_path: Path) -> None:
    nobody = KafkaBroker(Cluster("127.0.0.1:9"))
    result = run(dead_letters.app, nobody, "list")
    assert result.exit_code == 1
    assert result.stderr.startswith("shelfcast: Kafka at 127.0.0.1:9 is away (no connection)")
    assert result.stderr.count("\n") == 1


def test_all_real_rows_are_good(rossmann: Path) -> None:
    file, seen = survey(rossmann), DaysSeen()
    accepted = sum(len(chunk.frame) for chunk in read_rows(file, seen))
    assert (file.rows, accepted, seen.series_count()) == (1_017_209, 1_017_209, 1_115)

"""A sale that a plain Kafka client publishes is an event of the contract."""

import asyncio
import subprocess
import sys
from datetime import date
from pathlib import Path

from events.cloudevents import decode
from events.kafka import read_topic
from events.payloads import SaleRecorded
from infra.kafka.topics import provision
from infra.settings import Settings

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "publish_a_sale.py"


def test_the_example_publishes_a_sale_that_the_contract_takes(servers: Settings):
    provision(servers.kafka)
    command = [sys.executable, str(EXAMPLE), servers.kafka_bootstrap or ""]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("sent: sales, partition ")
    records = asyncio.run(read_topic(servers.kafka, "sales"))
    [record] = [each for each in records if from_shop(each)]
    event = decode(record.value, record.headers)
    assert event.data == SaleRecorded(
        store="1", product="milk", date=date(2025, 4, 6), units=117, drivers={"promo": 1}
    )
    assert record.key == event.data.key.encode(), "sales of a series stay in order"


def from_shop(record) -> bool:
    return ("ce_source", b"shop/1") in record.headers

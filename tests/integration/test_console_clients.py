"""Kafka's own console clients, as people try a topic with: they write sales and read what we do."""

import os
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from events.cloudevents import decode, encode
from events.envelope import first_event
from events.kafka import KafkaProducer
from events.log import Received
from events.payloads import SaleRecorded
from events.publisher import to_record
from infra.local import jars
from infra.local.java import java_home
from infra.settings import Settings
from tests.integration.test_foreign_producers import polled, topic

__all__ = ["topic"]  # a fixture
PRODUCER = "org.apache.kafka.tools.ConsoleProducer"
CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer"
SALE = SaleRecorded(store="1", product="Café, große", date=date(2026, 3, 1), units=5)
SEPARATOR = ";"  # of headers; by default a comma, which a name may have


@pytest.fixture
def console(servers: Settings, tmp_path: Path):
    """Runs one of the clients with what it is to read; what it printed."""
    java = java_home(tmp_path) / "bin/java"
    class_path = os.pathsep.join(
        str(jar) for kind in ("kafka", jars.FOR_TESTS) for jar in jars.class_path(kind)
    )

    def run(client: str, *options: str, text: str = "") -> str:
        utf8 = ("-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", "-Xmx128m")
        where = ("-cp", class_path, client, "--bootstrap-server", servers.kafka_bootstrap)
        ended = subprocess.run(
            [str(java), *utf8, *where, *options],
            input=text,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return run


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
async def test_a_sale_typed_into_the_console_producer_is_a_sale(servers, topic, console, codec):
    event = first_event(SALE, "console")
    key, value, headers = encode(event)
    shown = SEPARATOR.join(f"{name}:{text.decode()}" for name, text in headers)
    wanted = ["parse.key=true", "parse.headers=true", f"headers.separator={SEPARATOR}"]
    options = [word for one in wanted for word in ("--reader-property", one)]
    line = f"{shown}\t{key.decode()}\t{value.decode()}\n"
    console(PRODUCER, "--topic", topic, "--compression-codec", codec, *options, text=line)
    [record] = await polled(servers, topic, "g", 1)
    assert (record.key, decode(record.value, record.headers)) == (key, event)


async def test_a_sale_that_is_published_is_read_in_the_console_consumer(servers, topic, console):
    producer = KafkaProducer(servers.kafka)
    event = first_event(SALE, "us")
    await producer.send([replace(to_record(event), topic=topic)])
    await producer.close()
    wanted = ["print.key=true", "print.headers=true", f"headers.separator={SEPARATOR}"]
    options = [word for one in wanted for word in ("--formatter-property", one)]
    read = ("--from-beginning", "--max-messages", "1", "--isolation-level", "read_committed")
    told = console(CONSUMER, "--topic", topic, *read, *options)
    headers, key, value = told.rstrip("\n").split("\t")
    texts = [one.partition(":")[::2] for one in headers.split(SEPARATOR)]
    record = Received(
        topic, key.encode(), value.encode(), [(n, t.encode()) for n, t in texts], 0, 0
    )
    assert (key, decode(record.value, record.headers)) == ("1/Café, große", event)

"""Comes to the stack's servers in ways that are to be refused, and in the right one; runs in there.

Prints as JSON what each way was told: "let in", or the error.
"""

import asyncio
import json
import socket
from dataclasses import replace
from urllib.parse import urlsplit

import asyncpg
import psycopg
from aiokafka.errors import KafkaError

from events.broker_refusals import BrokerRefuses, knock
from events.kafka import read_topic
from infra.settings import load_settings


async def by_asyncpg(url: str, **options: str) -> str:
    """What asyncpg is told."""
    try:
        connection = await asyncpg.connect(url, **options)
    except (asyncpg.PostgresError, OSError) as error:  # what TLS says is an OSError too
        return f"{type(error).__name__}: {error}"
    await connection.close()
    return "let in"


def by_libpq(url: str, **options: str) -> str:
    """What psycopg is told."""
    try:
        psycopg.connect(url, **options).close()
    except psycopg.OperationalError as error:
        return str(error)
    return "let in"


async def by_kafka(**changes: str | None) -> str:
    """What a client of Kafka is told, who asks for more than anybody may know."""
    cluster = replace(load_settings().kafka, **changes)
    try:
        await knock(cluster)
        await asyncio.wait_for(read_topic(cluster, "maintenance"), 30)
    except (BrokerRefuses, KafkaError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    return "let in"


async def told() -> dict[str, str]:
    """Each way, and what it was told."""
    url = load_settings().database
    host = urlsplit(url).hostname or ""
    numbered = url.replace(f"@{host}:", f"@{socket.gethostbyname(host)}:")
    return {
        "postgres": await by_asyncpg(url),
        "postgres by libpq": by_libpq(url),
        "postgres without TLS": await by_asyncpg(url, ssl="disable"),
        "postgres by libpq without TLS": by_libpq(url, sslmode="disable"),
        "postgres by another name": await by_asyncpg(numbered),
        "postgres by libpq by another name": by_libpq(numbered),
        "kafka": await by_kafka(),
        "kafka without TLS": await by_kafka(protocol="SASL_PLAINTEXT"),
        "kafka without a user": await by_kafka(protocol="SSL", username=None, password=None),
        "kafka with a wrong password": await by_kafka(password="guessed"),
        "kafka with an authority unknown": await by_kafka(ca_file=None),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(told())))

"""Reaches Postgres and Kafka for the first time, and says why where that fails.

A server that is away, or starts, is tried again for a bounded time. One that answers and refuses
who asks is told at once: no waiting mends a wrong credential.
"""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import asyncpg
from aiokafka.errors import KafkaError

from events.broker_refusals import BrokerRefuses, knock
from events.cluster import Cluster
from infra.outages import is_outage

PATIENCE = 60.0  # seconds; a server that starts beside us takes ten to thirty
PAUSE = 1.0
ANSWER_SECONDS = 10.0


class CredentialRefused(Exception):
    """A server answers, and does not let in who asks."""


class ServerAway(Exception):
    """A server could not be reached for as long as it was tried."""


async def reach_postgres(database_url: str, patience: float = PATIENCE) -> None:
    """Returns when the database answers; CredentialRefused or ServerAway."""
    where = _without_secrets(database_url)

    async def ask() -> None:
        try:
            connection = await asyncpg.connect(database_url, timeout=ANSWER_SECONDS)
        except asyncpg.InvalidAuthorizationSpecificationError as error:
            raise CredentialRefused(
                f"Postgres at {where} answers and refuses user and password ({error}): "
                "set SHELFCAST_DATABASE_URL to those it knows"
            ) from None
        except asyncpg.InvalidCatalogNameError as error:
            raise CredentialRefused(
                f"Postgres at {where} answers and has no such database ({error}): make it, or "
                "correct the name in SHELFCAST_DATABASE_URL"
            ) from None
        except ssl.SSLCertVerificationError as error:
            raise CredentialRefused(
                f"Postgres at {where} shows a certificate that is not trusted ({error}): correct "
                "sslrootcert and sslmode in SHELFCAST_DATABASE_URL"
            ) from None
        await connection.close()

    await _until_it_answers(ask, f"Postgres at {where}", "SHELFCAST_DATABASE_URL", patience)


async def reach_kafka(cluster: Cluster, patience: float = PATIENCE) -> None:
    """Returns when one of the brokers lets us in; CredentialRefused or ServerAway."""

    async def ask() -> None:
        try:
            await knock(cluster)
        except BrokerRefuses as error:
            raise CredentialRefused(str(error)) from None

    await _until_it_answers(ask, f"Kafka at {cluster}", "SHELFCAST_KAFKA_BOOTSTRAP", patience)


async def _until_it_answers(
    ask: Callable[[], Awaitable[None]], where: str, variable: str, patience: float
) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            return await ask()
        except Exception as error:
            if not is_outage(error) and not isinstance(error, KafkaError):
                raise
            if time.monotonic() + PAUSE > deadline:
                raise ServerAway(
                    f"{where} could not be reached for {patience:.0f} s "
                    f"({type(error).__name__}: {error}): start it, or correct {variable}"
                ) from None
        await asyncio.sleep(PAUSE)


def _without_secrets(database_url: str) -> str:
    parts = urlsplit(database_url)
    return f"{parts.hostname}:{parts.port or 5432}{parts.path}"

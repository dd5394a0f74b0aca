"""Tell brokers that refuse a client from brokers that don't answer.

aiokafka reports both as a failed bootstrap.
"""

import asyncio
from ssl import SSLError

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from events.cluster import Cluster

REFUSED = (
    AuthenticationFailedError,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
PATIENCE = 5.0  # seconds for each address
CLOSING = 0.1  # seconds; a TLS connection closes a moment after close() is called


class BrokerRefuses(ConnectionError):
    """A broker rejects this client; retrying does not help until one is reconfigured."""


async def knock(cluster: Cluster) -> None:
    """Return once a broker accepts this client; else raise BrokerRefuses or the last error."""
    try:
        await _knock(cluster)
    finally:
        await asyncio.sleep(CLOSING)


async def _knock(cluster: Cluster) -> None:
    given = cluster.aiokafka
    trouble: Exception = ConnectionError(f"{cluster} names no broker")
    for address in given.pop("bootstrap_servers").split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            async with asyncio.timeout(PATIENCE):
                (await create_conn(host.strip("[]"), int(port), **given)).close()
        except REFUSED as error:
            raise BrokerRefuses(
                f"Kafka at {address} answers and refuses the user {cluster.username!r} ({error}): "
                "set SHELFCAST_KAFKA_USERNAME, SHELFCAST_KAFKA_PASSWORD and "
                "SHELFCAST_KAFKA_MECHANISM to what it knows"
            ) from None
        except SSLError as error:
            raise BrokerRefuses(
                f"Kafka at {address} shows a certificate that is not trusted ({error}): set "
                "SHELFCAST_KAFKA_CA_FILE to the file of who signed it, and the address to a name "
                "that it has"
            ) from None
        except (KafkaError, OSError) as error:
            trouble = error
        else:
            return
    raise trouble


async def refusal(cluster: Cluster) -> BrokerRefuses | None:
    """Return why a broker refuses this client; None if none does or none answers."""
    try:
        await knock(cluster)
    except BrokerRefuses as refused:
        return refused
    except (KafkaError, OSError):
        return None
    return None

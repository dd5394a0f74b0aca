"""Why a cluster can't be entered: nobody answers, or those who do refuse the client.

aiokafka says of both that it could not bootstrap.
"""

import asyncio
from ssl import SSLError

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from events.cluster import Cluster

REFUSED = (AuthenticationFailedError, SaslAuthenticationFailed, UnsupportedSaslMechanismError)
PATIENCE = 5.0  # seconds for each address


class BrokerRefuses(ConnectionError):
    """A broker answers and does not let this client in, until either side is mended."""


async def refusal(cluster: Cluster) -> BrokerRefuses | None:
    """Why a broker refuses this client; None if none does, as when none answers."""
    told = cluster.aiokafka
    if len(told) == 1:  # nothing that could be refused
        return None
    for address in told.pop("bootstrap_servers").split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            async with asyncio.timeout(PATIENCE):
                connection = await create_conn(host.strip("[]"), int(port), **told)
                connection.close()
        except REFUSED as error:
            return BrokerRefuses(
                f"Kafka at {address} refuses the user {cluster.username!r}: {error}; check "
                "SHELFCAST_KAFKA_USERNAME, SHELFCAST_KAFKA_PASSWORD and SHELFCAST_KAFKA_MECHANISM"
            )
        except SSLError as error:
            return BrokerRefuses(
                f"Kafka at {address} can't be trusted: {error}; check SHELFCAST_KAFKA_CA_FILE, and "
                "that the address is a name of its certificate"
            )
        except (KafkaError, OSError, ValueError):
            continue  # it does not answer, or is no address: the next one may
    return None

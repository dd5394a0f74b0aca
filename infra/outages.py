"""Which errors are outages: they pass by themselves, so the same work is tried again."""

from concurrent.futures import BrokenExecutor

import asyncpg
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    ProducerClosed,
    TopicAuthorizationFailedError,
)

OUTAGES: tuple[type[Exception], ...] = (
    OSError,  # refused, reset and timed-out connections, PublishTimeout
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,  # "connection is closed", "pool is closing"
    asyncpg.OperatorInterventionError,  # the server stops, crashes or starts
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.TransactionRollbackError,  # deadlock, serialization
    BrokenExecutor,  # a fitting process was killed; the host replaces them all
    KafkaConnectionError,
    KafkaTimeoutError,
    ProducerClosed,
    # A right or a password that is missing is the operator's to mend, and no record's fault.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InsufficientPrivilegeError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
)
NO_OUTAGES = (
    ValueError,  # asyncpg's word for a value that a column can't take
    FileNotFoundError,
    PermissionError,
)


def is_outage(error: Exception) -> bool:
    """Whether the error passes by itself."""
    if isinstance(error, NO_OUTAGES):
        return False
    return isinstance(error, OUTAGES) or (isinstance(error, KafkaError) and error.retriable)

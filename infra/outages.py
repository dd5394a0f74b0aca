"""Classify errors as outages: temporary errors, after which the same work is retried."""

from concurrent.futures import BrokenExecutor

import asyncpg

from infra.kafka.outages import is_kafka_outage

OUTAGES: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,  # "connection is closed", "pool is closing"
    asyncpg.OperatorInterventionError,  # the server stops, crashes or starts
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.TransactionRollbackError,  # deadlock, serialization
    BrokenExecutor,  # a fitting process was killed; the host replaces them all
    # The operator has to correct a missing right or password; the record is not at fault.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InsufficientPrivilegeError,
)


def is_outage(error: Exception) -> bool:
    """Say whether the error is temporary."""
    if isinstance(error, ValueError):  # asyncpg raises it for a value that a column can't store
        return False
    return isinstance(error, OUTAGES) or is_kafka_outage(error)

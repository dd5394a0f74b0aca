"""Which errors are outages: they pass by themselves, so the same work is tried again."""

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
    # A right or a password that is missing is the operator's to mend, and no record's fault.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InsufficientPrivilegeError,
)


def is_outage(error: Exception) -> bool:
    """Whether the error passes by itself."""
    if isinstance(error, ValueError):  # asyncpg's word for a value that a column can't take
        return False
    return isinstance(error, OUTAGES) or is_kafka_outage(error)

"""Classify errors of the broker as outages; for processes without a database."""

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    ProducerClosed,
    TopicAuthorizationFailedError,
)

# The operator has to correct a missing right; the record is not at fault.
NOT_ALLOWED: tuple[type[Exception], ...] = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
)
OUTAGES: tuple[type[Exception], ...] = (
    OSError,  # refused, reset and timed-out connections, PublishTimeout
    KafkaConnectionError,
    KafkaTimeoutError,
    ProducerClosed,
    *NOT_ALLOWED,
)
NO_OUTAGES: tuple[type[Exception], ...] = (FileNotFoundError, PermissionError)


def is_kafka_outage(error: Exception) -> bool:
    """Say whether the error is temporary."""
    if isinstance(error, NO_OUTAGES):
        return False
    return isinstance(error, OUTAGES) or (isinstance(error, KafkaError) and error.retriable)

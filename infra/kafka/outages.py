"""Which errors of the broker pass by themselves; a process without a database needs no more."""

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    ProducerClosed,
    TopicAuthorizationFailedError,
)

# A right that is missing is the operator's to mend, and no record's fault.
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
    """Whether the error passes by itself."""
    if isinstance(error, NO_OUTAGES):
        return False
    return isinstance(error, OUTAGES) or (isinstance(error, KafkaError) and error.retriable)

"""The topic table: provisioning, the AsyncAPI document and the docs all come from it."""

from dataclasses import dataclass
from datetime import timedelta

from events.payloads import PAYLOADS, Payload

MEGABYTE = 1024 * 1024
LARGEST_EVENT = MEGABYTE  # Kafka's own default: a bigger event is a sign of misuse
FRAMING = 4096  # bytes that a batch of one record adds to the record, at most
DEAD_LETTERS = "dead-letters"


@dataclass(frozen=True, slots=True)
class Topic:
    """One Kafka topic."""

    name: str
    key: str
    partitions: int
    retention: timedelta
    purpose: str
    cleanup: str = "delete"
    max_bytes: int = LARGEST_EVENT

    @property
    def payloads(self) -> tuple[type[Payload], ...]:
        """The event types that the topic carries."""
        return tuple(payload for payload in PAYLOADS if payload.TOPIC == self.name)

    @property
    def config(self) -> dict[str, str]:
        """Kafka's settings of the topic."""
        return {
            "cleanup.policy": self.cleanup,
            "retention.ms": str(int(self.retention.total_seconds() * 1000)),
            "max.message.bytes": str(self.max_bytes),
        }


WEEK, MONTH, YEAR = timedelta(days=7), timedelta(days=30), timedelta(days=365)

TOPICS: dict[str, Topic] = {
    topic.name: topic
    for topic in (
        Topic("sales", "store/product", 6, MONTH, "What was sold, one event a day and series."),
        Topic(
            "calendar",
            "store/product with * for all",
            6,
            MONTH,
            "What is known ahead: opening days, promotions, holidays.",
        ),
        Topic("retrain-requests", "store/product asked for", 3, MONTH, "Requests to retrain."),
        Topic("training-shards", "run/shard", 12, WEEK, "Shares of a run, for trainers."),
        Topic("training-results", "store/product", 6, MONTH, "A result of each series of a run."),
        Topic("model-promotions", "store/product", 6, MONTH, "New champions and challengers."),
        # One partition: whoever asks last has the last word, whichever series are named.
        Topic(
            "promotion-requests",
            "store/product or run",
            1,
            MONTH,
            "Requests to promote a model or to roll one back.",
        ),
        Topic("forecasts", "store/product", 6, MONTH, "Forecasts of the coming days."),
        Topic("runs", "run", 1, YEAR, "Runs that ended."),
        Topic(
            DEAD_LETTERS,
            "the dead letter's id",
            1,
            YEAR,
            "What could not be handled, as it came; a tombstone says it was replayed.",
            cleanup="compact,delete",
            # The original bytes, at most LARGEST_EVENT, plus what the subscriber adds.
            max_bytes=2 * MEGABYTE,
        ),
    )
}

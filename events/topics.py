"""The topic table: provisioning, the AsyncAPI document and the docs all come from it.

Whatever a run passes through has two lanes, each a topic with readers of its own: one for
bulk, and `…-express` for runs of few series, which never wait behind a run of many.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from events.payloads import PAYLOADS, Lane, Payload

MEGABYTE = 1024 * 1024
MAX_EVENT = MEGABYTE  # Kafka's own default: a bigger event is a sign of misuse
FRAMING = 4096  # bytes that a batch of one record adds to the record, at most
DEAD_LETTERS = "dead-letters"
EXPRESS = "-express"
EXPRESS_PARTITIONS = 3  # few series pass, and one process reads them all


@dataclass(frozen=True, slots=True)
class Topic:
    """One Kafka topic."""

    name: str
    key: str
    partitions: int
    retention: timedelta
    purpose: str
    cleanup: str = "delete"
    max_bytes: int = MAX_EVENT

    @property
    def payloads(self) -> tuple[type[Payload], ...]:
        """The event types that the topic carries."""
        return tuple(payload for payload in PAYLOADS if payload.TOPIC == bulk(self.name))

    @property
    def config(self) -> dict[str, str]:
        """Kafka's settings of the topic."""
        return {
            "cleanup.policy": self.cleanup,
            "retention.ms": str(int(self.retention.total_seconds() * 1000)),
            "max.message.bytes": str(self.max_bytes),
            # The broker's clock, not the sender's: `events.clock_bound` and retention go by it.
            "message.timestamp.type": "LogAppendTime",
        }


def bulk(name: str) -> str:
    """The topic without its lane: what a payload names as its topic."""
    return name.removesuffix(EXPRESS)


def lane_of(name: str) -> Lane:
    """The lane that a topic is."""
    return "express" if name.endswith(EXPRESS) else "bulk"


def on_lane(name: str, lane: Lane) -> str:
    """The topic of a lane; the topic itself if all lanes meet on it."""
    express = name + EXPRESS
    return express if lane == "express" and express in TOPICS else name


def lanes(name: str) -> tuple[str, ...]:
    """Every topic that carries what the named one does."""
    return tuple(topic for topic in TOPICS if bulk(topic) == bulk(name))


def _with_express_lane(topic: Topic) -> tuple[Topic, Topic]:
    express = replace(
        topic,
        name=topic.name + EXPRESS,
        partitions=EXPRESS_PARTITIONS,
        purpose=f"The same of runs of few series, and what can't wait: see `{topic.name}`.",
    )
    return topic, express


WEEK, MONTH, YEAR = timedelta(days=7), timedelta(days=30), timedelta(days=365)

TOPICS: dict[str, Topic] = {
    topic.name: topic
    for topic in (
        Topic(
            "sales",
            "store/product, or the import to remove",
            6,
            MONTH,
            "What was sold, one event a day and series, and what is taken back.",
        ),
        Topic(
            "calendar",
            "store/product with * for all",
            6,
            MONTH,
            "What is known ahead: opening days, promotions, holidays.",
        ),
        *_with_express_lane(
            Topic(
                "retrain-requests",
                "store/product asked for, or the run to cancel",
                3,
                MONTH,
                "Requests to retrain, and to cancel a run.",
            )
        ),
        Topic(
            "calendar-changes",
            "the part of the log that it was read from",
            3,
            WEEK,
            "Which days of which series are known otherwise than before.",
        ),
        *_with_express_lane(
            Topic(
                "forecast-requests",
                "store/product asked for",
                3,
                WEEK,
                "Requests to make champions' forecasts anew, without training.",
            )
        ),
        *_with_express_lane(
            Topic("training-shards", "run/shard", 12, WEEK, "Shares of a run, for trainers.")
        ),
        *_with_express_lane(
            Topic(
                "training-results",
                "store/product",
                6,
                MONTH,
                "A result of each series of a run.",
            )
        ),
        *_with_express_lane(
            Topic("model-promotions", "store/product", 6, MONTH, "New champions and challengers.")
        ),
        # One partition: whoever asks last has the last word, whichever series are named.
        Topic(
            "promotion-requests",
            "store/product or run",
            1,
            MONTH,
            "Requests to promote a model or to roll one back.",
        ),
        *_with_express_lane(
            Topic(
                "forecast-shards",
                "store/product of the first",
                6,
                WEEK,
                "Forecasts to be made now.",
            )
        ),
        Topic("forecasts", "store/product", 6, MONTH, "Forecasts of the coming days."),
        Topic("runs", "run", 1, YEAR, "Runs that ended."),
        # One partition, so that one pruner works at a time.
        Topic("maintenance-requests", "what is asked for", 1, MONTH, "Requests to prune."),
        Topic("maintenance", "what was done", 1, YEAR, "What was pruned, and how much of it."),
        Topic(
            DEAD_LETTERS,
            "the dead letter's id",
            1,
            YEAR,
            "What could not be handled, as it came or cut; a tombstone says it was replayed.",
            cleanup="compact,delete",
            # The original bytes, at most MAX_EVENT, plus what the subscriber adds.
            max_bytes=2 * MEGABYTE,
        ),
    )
}

"""The topic table as Strimzi's KafkaTopics: `python -m infra.kubernetes.topics [--check]`."""

from typing import Any

from events.topics import TOPICS, Topic
from infra.kubernetes.written import BASE, OF_CLUSTER, write

FILE = BASE / "topics.yaml"
REPLICAS = 3  # one broker can be away for good, and another restart; the overlay `kind` has one


def manifest(topic: Topic) -> dict[str, Any]:
    """One topic."""
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {"name": topic.name, "labels": dict(OF_CLUSTER)},
        "spec": {
            "partitions": topic.partitions,
            "replicas": REPLICAS,
            "config": topic.config,
        },
    }


def manifests() -> list[dict[str, Any]]:
    """Every topic of the table, in its order."""
    return [manifest(topic) for topic in TOPICS.values()]


if __name__ == "__main__":
    write(FILE, manifests(), "infra.kubernetes.topics")

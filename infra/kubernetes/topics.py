"""The topic table as Strimzi's KafkaTopics."""

from typing import Any

from events.topics import TOPICS, Topic
from infra.kubernetes.manifests import OF_CLUSTER

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

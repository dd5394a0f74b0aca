"""Kafka's IncrementalAlterConfigs request, which aiokafka 0.14 has no class for.

The request that it has, AlterConfigs, replaces a topic's settings whole: what it does not name goes
back to the broker's default. This one changes what it names, and leaves the rest. (mypy takes
aiokafka's classes for untyped.)
"""

from collections.abc import Mapping
from typing import ClassVar

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int8, Int16, Int32, Schema, String

from events.cluster import Cluster

TOPIC, SET = 2, 0  # the protocol's numbers of the kind of resource and of the operation


class IncrementalAlterConfigsResponse(Response):  # type: ignore[misc]  # untyped
    """The result for each resource."""

    API_KEY = 44
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "resources",
            Array(
                ("error_code", Int16),
                ("error_message", String("utf-8")),
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
            ),
        ),
    )


class IncrementalAlterConfigsStruct(RequestStruct):  # type: ignore[misc]  # untyped
    """The request's wire format."""

    API_KEY = 44
    API_VERSION = 0
    RESPONSE_TYPE = IncrementalAlterConfigsResponse
    SCHEMA = Schema(
        (
            "resources",
            Array(
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
                (
                    "configs",
                    Array(
                        ("name", String("utf-8")),
                        ("config_operation", Int8),
                        ("value", String("utf-8")),
                    ),
                ),
            ),
        ),
        ("validate_only", Boolean),
    )


class IncrementalAlterConfigs(Request[IncrementalAlterConfigsStruct]):  # type: ignore[misc]  # untyped
    """A request that changes some settings of some topics."""

    API_KEY = 44
    _CLASSES: ClassVar = (IncrementalAlterConfigsStruct,)

    def __init__(self, topics: Mapping[str, Mapping[str, str]]) -> None:
        self._resources = [
            (TOPIC, name, [(key, SET, value) for key, value in config.items()])
            for name, config in topics.items()
        ]

    def build(
        self, request_struct_class: type[IncrementalAlterConfigsStruct]
    ) -> IncrementalAlterConfigsStruct:
        """Build the request in the broker's version."""
        return request_struct_class(self._resources, False)


async def set_topic_configs(
    cluster: Cluster, topics: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    """Set these settings of these topics; return the broker's refusals by topic."""
    client = AIOKafkaClient(**cluster.aiokafka)
    await client.bootstrap()
    try:
        response = await client.send(client.get_random_node(), IncrementalAlterConfigs(topics))
    finally:
        await client.close()
    return {
        name: f"{code} ({message})"
        for code, message, _kind, name in response.resources
        if code != 0
    }

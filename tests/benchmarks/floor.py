"""What four hops over Kafka take when their functions do nothing.

Each hop is a Subscriber of its own group on a topic of its own, whose function says the event
again; in one process, as the express lane's functions are. Nothing is fitted, stored or asked
over HTTP, so no system of the same hops is faster.
"""

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from events.cluster import Cluster
from events.envelope import Event, first_event
from events.kafka import KafkaConsumer, KafkaProducer
from events.log import Record
from events.payloads import Payload, RetrainRequested
from events.publisher import to_record
from events.subscriber import Subscriber
from infra.outages import is_outage

HOPS = 4
WARM_UP = 5
POLL_SECONDS = 1.0
PATIENCE = 60.0  # seconds for one event; without it a lost one would hang the benchmark


class _To:
    """A producer whose records all go to one topic."""

    def __init__(self, producer: KafkaProducer, topic: str) -> None:
        self._producer, self._topic = producer, topic

    async def send(self, records: Sequence[Record]) -> None:
        await self._producer.send([replace(record, topic=self._topic) for record in records])

    async def close(self) -> None:
        await self._producer.close()


async def _nothing(events: Sequence[Event[Payload]]) -> Sequence[Event[Payload]]:
    return events


async def floor_seconds(cluster: Cluster, times: int) -> list[float]:
    """Seconds from sending an event to receiving what came of it behind the last hop."""
    name = f"floor-{uuid.uuid4().hex[:8]}"
    topics = [f"{name}-{hop}" for hop in range(HOPS + 1)]
    await _create(cluster, topics)
    producer = KafkaProducer(cluster)
    hops = [
        Subscriber(
            KafkaConsumer(cluster, topic, [topic]),
            _To(producer, following),
            _nothing,
            group=topic,
            is_outage=is_outage,
        )
        for topic, following in pairwise(topics)
    ]
    last = KafkaConsumer(cluster, topics[-1], [topics[-1]])
    tasks = [asyncio.create_task(hop.run()) for hop in hops]
    try:
        await last.start()
        return [await _once(producer, topics[0], last) for _ in range(WARM_UP + times)][WARM_UP:]
    finally:
        for hop in hops:
            hop.stop()
        await asyncio.gather(*tasks)
        await last.close()
        await producer.close()


async def _once(producer: KafkaProducer, topic: str, last: KafkaConsumer) -> float:
    event = first_event(RetrainRequested(requested_by="benchmark"), "benchmark")
    began = time.perf_counter()
    await _To(producer, topic).send([to_record(event)])
    async with asyncio.timeout(PATIENCE):
        while not (received := await last.poll(POLL_SECONDS, 1)):
            pass
    seconds = time.perf_counter() - began
    await last.commit(received)
    return seconds


async def _create(cluster: Cluster, topics: Sequence[str]) -> None:
    admin = AIOKafkaAdminClient(**cluster.aiokafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1) for topic in topics])
    finally:
        await admin.close()

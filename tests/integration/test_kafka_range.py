"""A range of offsets on a real broker, with damage in it."""

import uuid

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition

from events.dead_letters import torn_letter
from events.errors import TornLog
from events.kafka import KafkaProducer
from events.kafka_range import OffsetRange, scan_range
from events.log import Received, Record, Torn
from infra.settings import Settings
from tests.integration.damage import damage, overwritten, unknown_codec, wrong_length


@pytest.fixture
async def topic(servers: Settings) -> str:
    """Six records of which offsets 2 to 4 are one batch."""
    name = f"range-{uuid.uuid4()}"
    admin = AIOKafkaAdminClient(**servers.kafka.aiokafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1)])
    await admin.close()
    producer = KafkaProducer(servers.kafka)
    for values in ([b"0", b"1"], [name.encode(), b"3", b"4"], [b"5"]):
        await producer.send([Record(name, b"k", value) for value in values])
    await producer.close()
    return name


async def read(servers: Settings, topic: str, first: int | None, end: int) -> list[Received]:
    wanted = OffsetRange(topic, 0, first, end)
    return [record async for some in scan_range(servers.kafka, wanted) for record in some]


async def test_a_range_is_read_from_its_first_offset_to_its_end_and_no_further(servers, topic):
    assert [r.offset for r in await read(servers, topic, None, 6)] == [0, 1, 2, 3, 4, 5]
    assert [r.offset for r in await read(servers, topic, 1, 4)] == [1, 2, 3]


@pytest.mark.parametrize("how", [overwritten, unknown_codec, wrong_length])
async def test_damage_that_two_ranges_share_is_one_letter(servers, topic, tmp_path_factory, how):
    damage(tmp_path_factory.getbasetemp(), topic, topic.encode(), how)
    *before, torn = await read(servers, topic, 0, 3)
    again, *after = await read(servers, topic, 3, 6)
    assert [r.offset for r in before + after] == [0, 1, 5]
    assert isinstance(torn, Torn)
    assert (torn.offset, torn.last) == (2, 4)
    assert torn_letter(torn, "g").key == torn_letter(again, "g").key
    assert [r.offset for r in await read(servers, topic, 0, 2)] == [0, 1]


async def test_a_range_that_the_log_does_not_hold_is_an_error_with_what_it_holds(servers, topic):
    admin = AIOKafkaAdminClient(**servers.kafka.aiokafka)
    await admin.start()
    await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=2)})
    await admin.close()
    for first, end in ((1, 6), (2, 7)):
        with pytest.raises(TornLog, match="the log has 2 to 5"):
            await read(servers, topic, first, end)
    assert [r.offset for r in await read(servers, topic, None, 6)] == [2, 3, 4, 5]

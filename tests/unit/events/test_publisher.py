import pytest

from events.cloudevents import decode
from events.errors import TooLarge
from events.memory import MemoryLog
from events.payloads import ForecastPublished, TrainingFailed
from events.publisher import Publisher, to_record
from events.topics import FRAMING, TOPICS, on_lane
from tests.unit.events.examples import DATA, PUBLISHED, SALE, TRAINED, example


def huge(size: int):
    return example(TRAINED.model_copy(update={"parameters": {"x": "x" * size}}))


@pytest.mark.parametrize("data", DATA, ids=lambda data: data.TYPE)
async def test_an_event_goes_to_its_topic_under_its_key(data):
    log = MemoryLog()
    await Publisher(log.producer()).publish([example(data)])
    [record] = log.records(on_lane(data.TOPIC, data.lane))
    assert record.key == data.key.encode()
    assert decode(record.value, record.headers) == example(data)


async def test_one_event_that_is_too_large_keeps_all_from_being_sent():
    log = MemoryLog()
    with pytest.raises(TooLarge, match=r"data: .* training-results") as raised:
        await Publisher(log.producer()).publish([example(SALE), huge(2_000_000), example(SALE)])
    assert "1,044,480" in str(raised.value)
    assert not any(log.partitions.values())


def test_the_limit_counts_key_value_and_headers():
    most = TOPICS[TRAINED.TOPIC].max_bytes - FRAMING
    empty = to_record(huge(0))
    headers = sum(len(name) + len(text) + 4 for name, text in empty.headers)
    room = most - len(empty.key) - len(empty.value) - headers
    assert len(to_record(huge(room)).value) == len(empty.value) + room
    with pytest.raises(TooLarge):
        to_record(huge(room + 1))


async def test_an_outage_is_told_and_the_same_events_can_be_sent_again():
    log = MemoryLog()
    log.away = ConnectionError("broker away")
    publisher = Publisher(log.producer())
    with pytest.raises(ConnectionError):
        await publisher.publish([example(PUBLISHED)])
    log.away = None
    await publisher.publish([example(PUBLISHED)])
    assert len(log.records(ForecastPublished.TOPIC)) == 1


async def test_publishing_nothing_sends_nothing():
    log = MemoryLog()
    await Publisher(log.producer()).publish([])
    assert log.records(TrainingFailed.TOPIC) == []

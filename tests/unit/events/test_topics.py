import re
from datetime import timedelta

import pytest

from events.kafka import partition_of
from events.payloads import BY_TYPE, PAYLOADS, DeadLettered
from events.topics import DEAD_LETTERS, FRAMING, MAX_EVENT, TOPICS, bulk, lanes, on_lane
from tests.unit.events.examples import DATA

each_topic = pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)


def test_every_payload_has_its_topic():
    assert {payload.TOPIC for payload in (*PAYLOADS, DeadLettered)} == set(map(bulk, TOPICS))
    assert [p for topic in TOPICS.values() for p in topic.payloads if p not in PAYLOADS] == []


def test_every_type_is_versioned_and_has_one_payload():
    assert len(BY_TYPE) == len(PAYLOADS)
    for name in BY_TYPE:
        assert re.fullmatch(r"shelfcast\.[a-z-]+\.[a-z-]+\.v[1-9][0-9]*", name)


def test_a_dead_lettered_fact_is_never_read_from_the_wire():
    assert DeadLettered.TYPE not in BY_TYPE
    assert DeadLettered.TOPIC == DEAD_LETTERS


def test_what_a_run_passes_through_has_an_express_lane_and_all_else_has_one_lane():
    express = {"retrain-requests", "training-shards", "training-results", "model-promotions"}
    express |= {"forecast-requests", "forecast-shards"}
    assert {name for name in TOPICS if len(lanes(name)) == 2} == express | {
        f"{name}-express" for name in express
    }
    assert {on_lane(name, "express") for name in express} == {f"{e}-express" for e in express}
    assert on_lane("runs", "express") == "runs"
    assert on_lane("training-shards", "bulk") == "training-shards"


@each_topic
def test_both_lanes_carry_the_same_kept_alike(topic):
    other = TOPICS[bulk(topic.name)]
    assert (topic.payloads, topic.config, topic.key) == (other.payloads, other.config, other.key)


@each_topic
def test_a_topic_has_a_key_partitions_and_a_retention(topic):
    assert topic.key
    assert topic.purpose.endswith(".")
    assert topic.partitions >= 1
    assert topic.retention >= timedelta(days=7), "a long weekend's outage loses nothing"
    ours = {"cleanup.policy", "retention.ms", "max.message.bytes", "message.timestamp.type"}
    assert set(topic.config) == ours
    assert topic.config["message.timestamp.type"] == "LogAppendTime"
    assert topic.config["retention.ms"] == str(topic.retention.days * 86_400_000)


def test_only_dead_letters_are_compacted_and_they_hold_the_largest_event_with_its_reason():
    assert [t.name for t in TOPICS.values() if "compact" in t.cleanup] == [DEAD_LETTERS]
    most_notes = 16 * 1024
    assert TOPICS[DEAD_LETTERS].max_bytes >= MAX_EVENT + FRAMING + most_notes


@pytest.mark.parametrize("data", DATA, ids=lambda data: data.TYPE)
def test_a_key_says_what_the_topic_table_says(data):
    shapes = [shape.split(" ")[0] for shape in TOPICS[data.TOPIC].key.split(", or the ")]
    assert data.key.count("/") in {shape.count("/") for shape in shapes}
    assert data.subject.startswith(data.key.split("/")[0])


# Known vectors of Kafka's own UtilsTest (org.apache.kafka.common.utils).
@pytest.mark.parametrize(
    ("key", "murmur2"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
@pytest.mark.parametrize("partitions", [1, 3, 6, 12])
def test_a_key_goes_to_the_partition_that_every_kafka_client_picks(key, murmur2, partitions):
    assert partition_of(key, partitions) == (murmur2 & 0x7FFFFFFF) % partitions


def test_a_record_without_key_goes_to_the_first_partition():
    assert partition_of(None, 6) == 0

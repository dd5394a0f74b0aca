"""Records from a Kafka consumer, whatever stands on the log: the one place that polls.

aiokafka raises what it meets while it unpacks a batch: a checksum that does not fit, a codec
that it does not know, bytes that do not decompress, or to far too much (`events.unfolding`), a
header's name that is not UTF-8. By then it has lost the records before the fault, of this
partition and of others. So after such an error every partition goes back to where it stood, and
the one at fault is fetched again here and read batch by batch: what is sound is returned, a
header's name that is not UTF-8 is shown in escapes (Java's clients read it so, too), and the rest
is a `Torn`.

Offsets that retention deleted before a group read them are a `Torn` as well, so that somebody
is told; a group that never committed begins at the earliest record.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import (
    CorruptRecordException,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
    UnsupportedCodecError,
)
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c, decode_varint

from events.log import Received, Torn
from events.unfolding import CODECS, bound

log = logging.getLogger(__name__)

bound()  # whoever reads Kafka in this process does it by what is here

FETCH_BYTES = 4 << 20  # a broker gives at least one whole batch, however large
TORN = (CorruptRecordException, UnsupportedCodecError, RecordTooLargeError)
# Base offset, length, leader's epoch, magic, checksum, attributes, last offset's delta, first and
# last timestamp, producer's id, its epoch, base sequence, number of records.
HEADER = Struct(">qiibIhiqqqhii")
BEFORE_LENGTH, BEFORE_ATTRIBUTES = 12, 21
MAGIC = 2  # the only layout of batches that brokers have written since 2017
LOG_APPEND_TIME, CODEC = 0x08, 0x07


async def poll(consumer: AIOKafkaConsumer, seconds: float, most: int | None) -> list[Received]:
    """The next records of the assigned partitions, at most `most`; see `events.log.Consumer`.

    An error that is not about records (the broker away, no permission) is raised.
    """
    while True:
        before = positions(consumer)
        try:
            fetched = await consumer.getmany(timeout_ms=int(seconds * 1000), max_records=most)
        except NoOffsetForPartitionError as error:
            (partition,) = error.args
            await _seek_to_first(consumer, partition)
        except OffsetOutOfRangeError as error:
            lost: list[Received] = [
                torn
                for partition, offset in error.args[0].items()
                if (torn := await _deleted(consumer, partition, offset)) is not None
            ]
            if lost:
                return lost
        except Exception as error:
            if isinstance(error, KafkaError) and not isinstance(error, TORN):
                raise
            log.error("a batch of records can't be read as usual: %r", error)
            return await _around(consumer, before, error, most)
        else:
            return [
                _received(partition, message)
                for partition, messages in fetched.items()
                for message in messages
            ]


def positions(consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
    """The offset that comes next, of each assigned partition that has one."""
    subscription = consumer._subscription.subscription
    assignment = None if subscription is None else subscription.assignment
    if assignment is None:
        return {}
    states = {partition: assignment.state_value(partition) for partition in assignment.tps}
    return {p: state.position for p, state in states.items() if state.has_valid_position}


def _received(partition: TopicPartition, message: Any) -> Received:
    return Received(
        topic=partition.topic,
        key=message.key,
        value=message.value,
        headers=list(message.headers),
        partition=partition.partition,
        offset=message.offset,
        timestamp_ms=message.timestamp,
    )


async def _seek_to_first(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int:
    first: int = (await consumer.beginning_offsets([partition]))[partition]
    _seek(consumer, partition, first)
    return first


def _seek(consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int) -> None:
    try:
        consumer.seek(partition, offset)
    except IllegalStateError:
        log.info("%s was given to another member meanwhile", partition)


async def _deleted(
    consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int
) -> Torn | None:
    first = await _seek_to_first(consumer, partition)
    where = f"{partition.topic}/{partition.partition}"
    if offset >= first:
        log.error(
            "offset %d of %s is past its end: was the topic made anew? Reading on from "
            "its first record, %d",
            offset,
            where,
            first,
        )
        return None
    log.error(
        "offsets %d to %d of %s are lost: the topic's retention deleted them before they "
        "were read; reading on from %d",
        offset,
        first - 1,
        where,
        first,
    )
    reason = "the topic's retention deleted them before this group read them"
    return Torn(partition.topic, None, None, [], partition.partition, offset, 0, first - 1, reason)


async def _around(
    consumer: AIOKafkaConsumer,
    before: dict[TopicPartition, int],
    error: Exception,
    most: int | None,
) -> list[Received]:
    """What can be read of the partition at fault; all others stand where they stood before."""
    for partition in consumer.assignment():
        offset = before.get(partition)
        if offset is None:  # it got its position during the poll
            offset = await _start(consumer, partition)
        before[partition] = offset
        _seek(consumer, partition, offset)
    for partition, offset in before.items():
        if partition not in consumer.assignment():
            continue
        found = await _read_partition(consumer, partition, offset)
        if found is not None:
            records = found.records[:most]
            end = found.end if len(records) == len(found.records) else records[-1].next_offset
            _seek(consumer, partition, end)
            return records
    raise error


async def _start(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int:
    if consumer._group_id is not None:
        committed: int | None = await consumer.committed(partition)
        if committed is not None:
            return committed
    first: int = (await consumer.beginning_offsets([partition]))[partition]
    return first


@dataclass
class _Found:
    records: list[Received]
    end: int


async def _read_partition(
    consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int
) -> _Found | None:
    """The records up to the first batch at fault, and what is sound in it; None without a fault."""
    client = consumer._client
    request = FetchRequest(
        500,
        1,
        FETCH_BYTES,
        READ_COMMITTED,
        [(partition.topic, [(partition.partition, offset, FETCH_BYTES)])],
        rack_id="",
    )
    node = client.cluster.leader_for_partition(partition)
    response = await client.send(node, request)
    [(_, [(_, code, _, *rest)])] = response.topics
    if code:
        return None
    aborted = rest[2] if response.API_VERSION >= 11 else rest[-2]
    raw = bytes(rest[-1])
    readable = PartitionRecords(
        partition, MemoryRecords(raw), aborted, offset, None, None, True, READ_COMMITTED
    )
    records: list[Received] = []
    try:
        for message in readable:
            records.append(_received(partition, message))
    except Exception as error:  # noqa: BLE001 - any error of unpacking: that is what this is for
        at = readable.next_fetch_offset
        batch = next((batch for batch in _batches(raw) if batch.end > at), None)
        if batch is None:
            torn = _torn(partition, at, at, error)
            return _Found([*records, torn], torn.next_offset)
        return _Found([*records, *_salvaged(partition, batch, at, error)], batch.end)
    return None


@dataclass
class _Batch:
    first: int
    end: int
    attributes: int
    first_time: int
    last_time: int
    count: int
    sound: bool
    body: bytes


def _batches(raw: bytes) -> Iterator[_Batch]:
    at = 0
    while at + HEADER.size <= len(raw):
        first, length, _, magic, crc, kind, delta, begin, last, _, _, _, count = HEADER.unpack_from(
            raw, at
        )
        end = at + BEFORE_LENGTH + length
        if length <= 0 or end > len(raw):
            return
        sound = magic == MAGIC and calc_crc32c(raw[at + BEFORE_ATTRIBUTES : end]) == crc
        delta = max(delta, 0)
        yield _Batch(
            first, first + delta + 1, kind, begin, last, count, sound, raw[at + HEADER.size : end]
        )
        at = end


def _salvaged(
    partition: TopicPartition, batch: _Batch, offset: int, error: Exception
) -> list[Received]:
    """The records of a batch from an offset on, for as far as they can be told apart.

    What can't be read is named whole, wherever the reading began: its letter has one key.
    """
    records: list[Received] = []
    torn_from = batch.first
    try:
        codec = batch.attributes & CODEC
        if not batch.sound or (codec and codec not in CODECS):
            raise error
        body = bytes(CODECS[codec](batch.body)) if codec else batch.body
        at = 0
        for _ in range(batch.count):
            record, at = _record(partition, batch, body, at)
            torn_from = record.next_offset
            if record.offset >= offset:
                records.append(record)
    except Exception as problem:  # noqa: BLE001 - any error of unpacking again
        if torn_from < batch.end:
            records.append(_torn(partition, torn_from, batch.end - 1, problem))
    return records


def _record(partition: TopicPartition, batch: _Batch, body: bytes, at: int) -> tuple[Received, int]:
    """https://kafka.apache.org/documentation/#record"""
    length, at = decode_varint(body, at)
    end = at + length
    time, at = decode_varint(body, at + 1)
    delta, at = decode_varint(body, at)
    key, at = _bytes(body, at)
    value, at = _bytes(body, at)
    count, at = decode_varint(body, at)
    headers: list[tuple[str, Any]] = []
    for _ in range(count):
        name, at = _bytes(body, at)
        text, at = _bytes(body, at)
        headers.append(((name or b"").decode(errors="backslashreplace"), text))
    if at != end:
        raise CorruptRecordException("a record's length does not fit its parts")
    by_log = batch.attributes & LOG_APPEND_TIME
    record = Received(
        partition.topic,
        key,
        value,
        headers,
        partition.partition,
        batch.first + delta,
        batch.last_time if by_log else batch.first_time + time,
    )
    return record, end


def _bytes(body: bytes, at: int) -> tuple[bytes | None, int]:
    length, at = decode_varint(body, at)
    if length < 0:
        return None, at
    if at + length > len(body):
        raise CorruptRecordException("a record ends before its parts do")
    return body[at : at + length], at + length


def _torn(partition: TopicPartition, first: int, last: int, error: Exception) -> Torn:
    said = " ".join(str(error).split()) or type(error).__name__
    reason = f"{type(error).__name__}: {said[:200]}"
    return Torn(partition.topic, None, None, [], partition.partition, first, 0, last, reason)

import importlib

import cramjam
import pytest
from aiokafka import codec
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from events import kafka_reading, unfolding
from events.unfolding import CODECS, UnfoldsTooFar

ENCODERS = {
    1: codec.gzip_encode,
    2: codec.snappy_encode,
    3: codec.lz4_encode,
    4: codec.zstd_encode,
}
BOUND = 1 << 20
some_bytes = st.binary(min_size=1, max_size=300) | st.builds(
    lambda unit, n: unit * n, st.binary(min_size=1, max_size=20), st.integers(1, 20_000)
)
of_each_codec = pytest.mark.parametrize("number", ENCODERS)


@pytest.fixture
def bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfolding, "MAX_UNFOLDED", BOUND)


def batch(number: int, value: bytes) -> bytes:
    """A batch as brokers keep it, of one record."""
    builder = DefaultRecordBatchBuilder(2, number, 0, -1, -1, -1, len(value) + 1000)
    assert builder.append(0, timestamp=0, key=b"k", value=value, headers=[]) is not None
    return bytes(builder.build())


@of_each_codec
@given(data=some_bytes)
def test_what_is_within_the_bound_unfolds_to_what_it_was(number: int, data: bytes):
    assert CODECS[number](memoryview(ENCODERS[number](data))) == data


@given(data=some_bytes)
def test_snappy_without_blocks_unfolds_to_what_it_was(data: bytes):
    assert CODECS[2](cramjam.snappy.compress_raw(data)) == data


def test_several_gzip_members_are_one_text():
    assert CODECS[1](codec.gzip_encode(b"one ") + codec.gzip_encode(b"two")) == b"one two"


@pytest.mark.usefixtures("bounded")
@of_each_codec
def test_just_the_bound_unfolds_and_a_byte_more_does_not(number: int):
    assert len(CODECS[number](ENCODERS[number](bytes(BOUND)))) == BOUND
    with pytest.raises(UnfoldsTooFar, match=r"unfolds to more than 1,048,576"):
        CODECS[number](ENCODERS[number](bytes(BOUND + 1)))


@pytest.mark.usefixtures("bounded")
def test_many_gzip_members_share_the_bound():
    with pytest.raises(UnfoldsTooFar):
        CODECS[1](codec.gzip_encode(bytes(BOUND // 4)) * 5)


@of_each_codec
def test_what_is_cut_off_is_damaged_and_not_too_large(number: int):
    encoded = ENCODERS[number](bytes(range(256)) * 100)
    with pytest.raises((EOFError, cramjam.DecompressionError)):
        CODECS[number](encoded[: len(encoded) // 2])


@pytest.mark.usefixtures("bounded")
@of_each_codec
def test_whatever_aiokafka_reads_is_bounded(number: int):
    def read(value: bytes) -> list[bytes | None]:
        return [r.value for r in MemoryRecords(batch(number, value)).next_batch()]

    assert kafka_reading.CODECS is CODECS
    assert read(bytes(1000)) == [bytes(1000)]
    with pytest.raises(UnfoldsTooFar):
        read(bytes(2 * BOUND))


def test_every_reader_of_aiokafka_that_is_there_is_bounded():
    readers = [importlib.import_module(name) for name in unfolding.READERS]
    for reader in readers:
        decoders = {n for n in vars(reader) if n.endswith("_decode")} & {
            f"{decoder.__name__}_decode" for decoder in CODECS.values()
        }
        assert len(decoders) >= 3
        assert {vars(reader)[name] for name in decoders} <= set(CODECS.values())

"""What compressed batches unfold to, within a bound.

A broker bounds a batch as it is sent: a megabyte, which zstd unfolds to 30 GB, gzip to 1 GB and
lz4 to 250 MB. aiokafka unfolds all of it into memory and has no setting for that, so `bound` puts
decoders in the place of its own. They give up at MAX_UNFOLDED, without having written more than
that, and the batch is then read as any that can't be (`events.kafka_reading`).
"""

import importlib
import zlib
from collections.abc import Callable
from struct import unpack_from
from typing import Any

import cramjam
from aiokafka.codec import _detect_xerial_stream, snappy_decode

# Producers' own bounds are on what is not compressed yet, a megabyte by default.
MAX_UNFOLDED = 64 << 20
MIN_ROOM, TIMES_LARGER = 64 << 10, 8  # of most batches; tried again with so many times more
XERIAL_HEADER = 16
READERS = tuple(
    f"aiokafka.record.{module}"
    for module in (
        *("default_records", "legacy_records"),
        *("_crecords.default_records", "_crecords.legacy_records"),
    )
)


class UnfoldsTooFar(Exception):
    """A batch is larger than MAX_UNFOLDED once it is not compressed any more."""

    def __init__(self, payload: Any) -> None:
        super().__init__(
            f"a batch of {len(payload):,} bytes unfolds to more than {MAX_UNFOLDED:,}; send "
            "smaller batches"
        )


def gzip(payload: Any) -> bytes:
    """The members of a gzip file, one after the other."""
    parts: list[bytes] = []
    left, room = bytes(payload), MAX_UNFOLDED
    while left:
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        parts.append(member.decompress(left, room + 1))
        room -= len(parts[-1])
        if room < 0:
            raise UnfoldsTooFar(payload)
        if not member.eof:
            raise EOFError("a gzip file ends before its end mark")
        left = member.unused_data.lstrip(b"\0")
    return b"".join(parts)


def snappy(payload: Any) -> bytes:
    """Snappy as it is or in xerial's blocks, each of which says first what it unfolds to."""
    if _unfolded_snappy(bytes(payload)) > MAX_UNFOLDED:
        raise UnfoldsTooFar(payload)
    return bytes(snappy_decode(payload))


def _unfolded_snappy(payload: bytes) -> int:
    if not _detect_xerial_stream(payload):
        return int(cramjam.snappy.decompress_raw_len(payload))
    total, at = 0, XERIAL_HEADER
    while at < len(payload):
        (length,) = unpack_from("!i", payload, at)
        at += 4
        if length <= 0:
            raise ValueError(f"a block of snappy has a length of {length}")
        total += cramjam.snappy.decompress_raw_len(payload[at : at + length])
        at += length
    return total


def lz4(payload: Any) -> bytes:
    """LZ4 frames."""
    return _into_room(cramjam.lz4.decompress_into, payload)


def zstd(payload: Any) -> bytes:
    """Zstandard frames, whose headers may well not say how much they hold."""
    return _into_room(cramjam.zstd.decompress_into, payload)


def _into_room(unfold: Callable[[bytes, bytearray], int], payload: Any) -> bytes:
    folded = bytes(payload)
    room = max(MIN_ROOM, TIMES_LARGER * len(folded))
    while True:
        into = bytearray(min(room, MAX_UNFOLDED))
        try:
            written = unfold(folded, into)
        except cramjam.DecompressionError as error:
            if "whole buffer" not in str(error):  # it is damaged; more room would not help
                raise
            if room >= MAX_UNFOLDED:
                raise UnfoldsTooFar(payload) from None
            room *= TIMES_LARGER
            continue
        del into[written:]
        return bytes(into)


CODECS: dict[int, Callable[[Any], bytes]] = {1: gzip, 2: snappy, 3: lz4, 4: zstd}


def bound() -> None:
    """Let everything that aiokafka reads in this process go through the decoders here."""
    for name in READERS:
        try:
            reader = importlib.import_module(name)
        except ImportError:  # its C modules are not built everywhere
            continue
        for decoder in CODECS.values():
            if hasattr(reader, f"{decoder.__name__}_decode"):
                setattr(reader, f"{decoder.__name__}_decode", decoder)

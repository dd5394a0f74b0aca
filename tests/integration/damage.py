"""Damage to what a broker has on its disk."""

import os
from collections.abc import Callable
from pathlib import Path

from aiokafka.record.util import calc_crc32c

from events.kafka_reading import BEFORE_ATTRIBUTES, BEFORE_LENGTH, HEADER

CRC_AT = 17
UNKNOWN_CODEC = 7


def overwritten(batch: bytearray) -> None:
    """A last byte that is another: the checksum does not fit."""
    batch[-1] ^= 0xFF


def unknown_codec(batch: bytearray) -> None:
    """A codec that does not exist, under a checksum that fits."""
    batch[BEFORE_ATTRIBUTES + 1] |= UNKNOWN_CODEC
    _sign(batch)


def wrong_length(batch: bytearray) -> None:
    """A first record whose length fits none of its parts, under a checksum that fits."""
    batch[HEADER.size] ^= 2
    _sign(batch)


def _sign(batch: bytearray) -> None:
    crc = calc_crc32c(bytes(batch[BEFORE_ATTRIBUTES:]))
    batch[CRC_AT:BEFORE_ATTRIBUTES] = crc.to_bytes(4)


def damage(data: Path, topic: str, sign: bytes, how: Callable[[bytearray], None]) -> None:
    """Change the batch of the topic that has these bytes, wherever in the folder it is."""
    [segment] = [path for path in data.rglob(f"{topic}-*/*.log") if sign in path.read_bytes()]
    raw, at = segment.read_bytes(), 0
    while sign not in (batch := bytearray(raw[at : at + _size(raw, at)])):
        at += len(batch)
    how(batch)
    with segment.open("r+b") as file:
        file.seek(at)
        file.write(batch)
        os.fsync(file.fileno())


def _size(raw: bytes, at: int) -> int:
    return BEFORE_LENGTH + int(HEADER.unpack_from(raw, at)[1])

"""How a run's series are shared out."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")


def plan_shards(series: Sequence[T], most: int) -> tuple[tuple[T, ...], ...]:
    """Shards of at most `most` series, in order, whose sizes differ by one at most."""
    shards = -(-len(series) // most)
    if shards == 0:
        return ()
    size, larger = divmod(len(series), shards)
    starts = [i * size + min(i, larger) for i in range(shards + 1)]
    return tuple(tuple(series[a:b]) for a, b in pairwise(starts))

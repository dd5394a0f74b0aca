"""Work on many items without blocking the event loop.

A consumer's heartbeats share the loop with the function that it feeds. A group drops a member
that is silent for its session's time-out, and then the batch comes again.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

T = TypeVar("T")
# A host replaces a replica that was busy with one batch for so long: it is taken for stuck.
MAX_BATCH_SECONDS = 3600.0
PAUSE_EVERY = 500  # items; events of so many take some 40 ms to build and encode


async def paced(items: Sequence[T]) -> AsyncIterator[T]:
    """Yield the items, and let other tasks run after every PAUSE_EVERY of them."""
    for at, item in enumerate(items):
        if at % PAUSE_EVERY == PAUSE_EVERY - 1:
            await asyncio.sleep(0)
        yield item

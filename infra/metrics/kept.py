"""An answer that is kept for a while, so that asking costs the same however often it is asked."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

MIN_SECONDS = 15.0  # Prometheus asks about as often
SHARE = 0.05  # of the time may go into asking; an answer that took 2 s is kept for 40

A = TypeVar("A")


class Kept(Generic[A]):
    """Asks once for all who want to know, and no sooner again than the cost allows.

    `seconds` is what the newest answer took. An error is kept as an answer is.
    """

    def __init__(
        self, ask: Callable[[], Awaitable[A]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask, self._clock = ask, clock
        self._one_at_a_time = asyncio.Lock()
        self._until = float("-inf")
        self._answer: A | None = None
        self._error: Exception | None = None
        self.seconds = 0.0

    async def __call__(self) -> A:
        """The answer, or the error that asking ended with."""
        async with self._one_at_a_time:
            began = self._clock()
            if began >= self._until:
                self._error = None
                try:
                    self._answer = await self._ask()
                except Exception as error:  # noqa: BLE001 - it is raised to whoever asks
                    self._error = error
                self.seconds = self._clock() - began
                self._until = began + max(MIN_SECONDS, self.seconds / SHARE)
            if self._error is not None:
                raise self._error
            assert self._answer is not None  # noqa: S101 - there is an answer or an error
            return self._answer

"""Cache an answer, so that the cost does not depend on how often it is requested."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

MIN_SECONDS = 15.0  # Prometheus asks about as often
SHARE = 0.05  # of the time may go into asking; an answer that took 2 s is kept for 40
PATIENCE = 8.0  # Prometheus waits for 10

A = TypeVar("A")


class Kept(Generic[A]):
    """Asks once for all who want to know, and no sooner again than the cost allows.

    Nobody waits longer than `patience`. While an answer takes longer the one of before holds,
    which is then older by what asking takes; without one it is a TimeoutError.
    `seconds` is what the newest answer took. An error is kept as an answer is.
    """

    def __init__(
        self,
        ask: Callable[[], Awaitable[A]],
        clock: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE,
    ) -> None:
        self._ask, self._clock, self._patience = ask, clock, patience
        self._asking: asyncio.Task[None] | None = None
        self._until = float("-inf")
        self._answer: A | None = None
        self._error: Exception | None = None
        self.seconds = 0.0

    async def __call__(self) -> A:
        """The answer, or the error that asking ended with."""
        if self._asking is None and self._clock() >= self._until:
            self._asking = asyncio.create_task(self._ask_now())
        if self._asking is not None:
            await asyncio.wait([self._asking], timeout=self._patience)
        if self._error is not None:
            raise self._error
        if self._answer is None:
            raise TimeoutError(f"no answer within {self._patience:g} s; it is waited for")
        return self._answer

    async def _ask_now(self) -> None:
        began = self._clock()
        try:
            answer, error = await self._ask(), None
        except Exception as raised:  # noqa: BLE001 - it is raised to every caller
            answer, error = None, raised
        self._answer, self._error = answer, error
        self.seconds = self._clock() - began
        self._until = began + max(MIN_SECONDS, self.seconds / SHARE)
        self._asking = None

    async def close(self) -> None:
        """Cancel the pending query."""
        if (asking := self._asking) is not None:
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking

"""Waiting for the next change of what is stored, within one event loop."""

import asyncio


class Changes:
    """Wakes whoever waits for the next change.

    What may have changed is read again; a change that changed nothing does no harm.
    """

    def __init__(self) -> None:
        self._next: asyncio.Future[None] | None = None

    def next(self) -> asyncio.Future[None]:
        """Done once something may have changed since this call; others wait for it too, so it
        is never to be cancelled.
        """
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        return self._next

    def happened(self) -> None:
        """Wake them."""
        if self._next is not None:
            self._next.set_result(None)
            self._next = None

"""Wait for the next change of stored data, within one event loop."""

import asyncio


class Changes:
    """Wake all waiters at the next change.

    Waiters read the data again, so a signal without a change does no harm.
    """

    def __init__(self) -> None:
        self._next: asyncio.Future[None] | None = None

    def next(self) -> asyncio.Future[None]:
        """Return a future that is done once something may have changed since this call. Waiters
        share it, so never cancel it.
        """
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        return self._next

    def happened(self) -> None:
        """Wake all waiters."""
        if self._next is not None:
            self._next.set_result(None)
            self._next = None

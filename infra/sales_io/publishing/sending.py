"""Sends the checked rows of an import as events, through a short absence of the broker.

Delivery is at least once and effects are exactly once: an import that was cut short is repeated
from the start, and readers keep the newest event of each day. With the same `recorded_at` even
the events' ids are the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from events.log import Producer, Record
from infra.errors import BrokerAway
from infra.kafka.broker import send_patiently
from infra.sales_io.checking.import_summary import PUBLISHING, ImportSummary, Progress
from infra.sales_io.checking.spool import Spool

SOURCE = "/shelfcast/cli"


@dataclass(frozen=True, slots=True)
class Sending:
    """The producer, the seconds that it may wait for its broker, and how rows become events."""

    producer: Producer
    address: str
    patience: float
    encode: Callable[[pd.DataFrame, datetime], list[Record]]

    async def publish(self, spool: Spool, summary: ImportSummary, show: Progress) -> None:
        """Send all rows of the spool; BrokerAway if the broker is away for too long."""
        total, done = (summary.days_made or summary.accepted) + summary.filled, 0
        show(PUBLISHING, 0, total)
        for frame in spool.frames():
            await self._send(frame, summary)
            done += len(frame)
            show(PUBLISHING, done, total)

    async def _send(self, frame: pd.DataFrame, summary: ImportSummary) -> None:
        records = self.encode(frame, summary.recorded_at)
        try:
            await send_patiently(self.producer, records, self.address, self.patience)
        except BrokerAway as error:
            raise BrokerAway(
                f"{error}; {summary.published:,} of {summary.rows:,} rows are published: "
                "import again, nothing doubles"
            ) from None
        summary.published += len(records)


def unseen(phase: str, done: int, of: int | None) -> None:
    """Progress that nobody watches."""

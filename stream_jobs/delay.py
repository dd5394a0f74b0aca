"""How long events take to their rows, measured by the task that merges them.

Tasks run anywhere in a Spark cluster, and only the driver is asked by Prometheus. So what a task
measures goes out as a row among its records, which `stream_jobs.measures` takes out again.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from events.clock import utc_now
from events.log import Record
from stream_jobs.merge import Refused

MEASURES = ""  # no topic has this name


class Merging(Protocol):
    """Merges rows, and says which of them are refused."""

    def merge(self, rows: pa.Table) -> list[Refused]:
        """Merge them."""


class Delay:
    """The longest time, in seconds, from an event to its row in the database."""

    def __init__(self, clock: Callable[[], datetime] = utc_now) -> None:
        self._clock = clock
        self._longest: float | None = None

    def merged(self, rows: pa.Table) -> None:
        """Rows that are in the database now."""
        if rows.num_rows:
            oldest: Any = pc.min(rows.column("recorded_at"))
            seconds = (self._clock() - oldest.as_py().replace(tzinfo=UTC)).total_seconds()
            self._longest = max(seconds, self._longest or 0.0, 0.0)

    def measure(self) -> list[Record]:
        """The row among the records; none if nothing was merged."""
        if self._longest is None:
            return []
        return [Record(MEASURES, None, f"{self._longest:.6f}".encode())]


class Timed:
    """A table whose merges are timed."""

    def __init__(self, table: Merging, delay: Delay) -> None:
        self._table, self._delay = table, delay

    def merge(self, rows: pa.Table) -> list[Refused]:
        """Merge them, and note when they were in."""
        refused = self._table.merge(rows)
        self._delay.merged(rows)
        return refused

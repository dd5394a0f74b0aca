"""Days that a file of sales has no row for, between a series' first and last.

In one data set they were closed, in another open with nothing sold, and the file does not say
which: a person has to.
"""

from datetime import date
from pathlib import Path

import numpy as np

from infra.sales_io.days_seen import DaysSeen
from infra.sales_io.errors import BadInput
from infra.sales_io.layout import Layout
from infra.sales_io.places import Places, Problems
from infra.sales_io.source import TextChunk


class GapFinder:
    """Looks on while a file is surveyed; 24 bytes for each row."""

    def __init__(self) -> None:
        self._seen = DaysSeen()
        self._places: Places | None = None

    def look(self, layout: Layout, chunk: TextChunk) -> None:
        """Note the days of the chunk's rows, also of those that will be rejected."""
        self._places = self._places or Places(layout)
        problems = Problems(chunk)
        columns = self._places.read(problems)
        keys = self._seen.keys(*(column[problems.good] for column in columns))
        lines = chunk.lines[problems.good]
        self._seen.add(keys, np.zeros(len(keys), dtype=np.uint64), lines)

    def refuse_gaps(self, path: Path) -> None:
        """BadInput if there are any."""
        days, having, example = 0, set[tuple[str, str]](), ""
        for series, ordinals in self._seen.gaps():
            days += len(ordinals)
            having.update(series)
            example = example or f"{'/'.join(series[0])} on {date.fromordinal(int(ordinals[0]))}"
        if days:
            raise BadInput(
                f"{path}: --missing-days: not given, and there are days without a row between the "
                f"first and last of their series: {days:,}, in {len(having):,} series, like "
                f"{example}; use closed if nothing could be sold then, or zero if the store was "
                "open and sold nothing"
            )

"""What became of a file's rows, and how an import reports its progress."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime

CHECKING, JUDGING, PUBLISHING = "checking", "judging", "publishing"

Progress = Callable[[str, int, int | None], None]  # phase, rows done, rows in all if known


@dataclass(slots=True)
class ImportSummary:
    """What became of a file's rows.

    `filled` counts days without a row that were added as zero, `returns` the accepted rows below
    zero. With duplicates summed or the last one taken, `days_made` counts the days that the
    accepted rows became. `published` counts events: accepted rows and filled days; it is 0 if the
    file was only checked or was `refused`. `notes` tell how the file was read. The `import_id`
    takes published sales back.
    """

    file: str
    recorded_at: datetime
    import_id: str | None = None
    drivers: tuple[str, ...] = ()
    rows: int = 0
    accepted: int = 0
    rejected: int = 0
    repeated: int = 0
    days_made: int | None = None
    returns: int = 0
    filled: int = 0
    refused: bool = False
    published: int = 0
    series: int = 0
    first_day: date | None = None
    last_day: date | None = None
    rejects_file: str | None = None
    rejected_fields: dict[str, int] = field(default_factory=dict)
    rejections: list[str] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def rows_per_second(self) -> float:
        """From opening the file to the last acknowledgement."""
        return self.rows / self.seconds if self.seconds else 0.0

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Measure the seconds of the block."""
        started = time.monotonic()
        yield
        self.seconds = time.monotonic() - started

"""Log format of processes: text lines, or JSON.

Both have the ids of what is in hand (trace, run, event), where these are known.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal

from events.observing import ids_in_hand


class Lines(logging.Formatter):
    """`time level logger: message [run …, event …]`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line before any traceback."""
        ids = ", ".join(f"{name[:-3]} {value}" for name, value in ids_in_hand().items())
        return super().formatMessage(record) + (f" [{ids}]" if ids else "")


class JsonLines(logging.Formatter):
    """One JSON object a line, a traceback in `error`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        said: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **ids_in_hand(),
        }
        if record.exc_info:
            said["error"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)


def write_logs(how: Literal["text", "json"], level: int = logging.INFO) -> None:
    """Write every logger's lines to standard error, once for the process."""
    root = logging.getLogger()
    if not any(isinstance(each.formatter, Lines | JsonLines) for each in root.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines() if how == "json" else Lines())
        root.addHandler(handler)
        root.setLevel(level)

"""Log format of the Lambdas: one JSON object a line, with its invocation.

`timestamp` and `level` are called as Lambda's own JSON logs call them, so that its filter by
level works on these lines too.
"""

import json
import logging
import time
from dataclasses import asdict, dataclass
from typing import Any

FIELDS = ("event_id", "event_type", "topic", "status", "letters")  # that a line may add


@dataclass(frozen=True, slots=True)
class Invocation:
    """The current invocation: AWS's request id, the function, and the trace."""

    request_id: str
    function: str
    trace_id: str | None
    aws_trace_id: str | None


class JsonLines(logging.Formatter):
    """Formats records with the current invocation; a Lambda has one at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.invocation: Invocation | None = None

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        at = time.gmtime(record.created)
        said: dict[str, Any] = {
            "timestamp": f"{time.strftime('%Y-%m-%dT%H:%M:%S', at)}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if self.invocation is not None:
            said |= {k: v for k, v in asdict(self.invocation).items() if v is not None}
        said |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info and record.exc_info[0] is not None:
            said["error"] = record.exc_info[0].__name__
            said["stack"] = self.formatException(record.exc_info)
        return json.dumps(said, default=str)


class _Ended(logging.Formatter):
    """The same with a newline: Lambda's own handler, unlike Python's, adds none."""

    def __init__(self, lines: JsonLines) -> None:
        super().__init__()
        self._lines = lines

    def format(self, record: logging.LogRecord) -> str:
        return self._lines.format(record) + "\n"


def write_json_lines(lines: JsonLines) -> None:
    """Set the format of every handler of the process; add one to standard error if it has none."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.StreamHandler())
    for handler in root.handlers:
        ends = isinstance(handler, logging.StreamHandler)
        handler.setFormatter(lines if ends else _Ended(lines))
    root.setLevel(logging.INFO)
    logging.getLogger("botocore").setLevel(logging.WARNING)

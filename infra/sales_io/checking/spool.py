"""Keeps the good rows of a file until all rows are checked, since an import is all or nothing.

Up to 64 MB stay in memory; more goes to a temporary file that vanishes with the process.
"""

import pickle
import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import pandas as pd

from infra.errors import BadInput

MAX_IN_MEMORY = 64 * 2**20  # bytes: some hundred thousand rows


class Spool:
    """Frames, written once and read once in the same order."""

    def __init__(self) -> None:
        self._file: Any = tempfile.SpooledTemporaryFile(max_size=MAX_IN_MEMORY)  # noqa: SIM115 - closed on exit
        self._frames = 0

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def write(self, frame: pd.DataFrame) -> None:
        """Keep a frame; BadInput if the disk has no room."""
        if not len(frame):
            return
        try:
            pickle.dump(frame, self._file, protocol=pickle.HIGHEST_PROTOCOL)
        except OSError as error:
            raise BadInput(
                f"{tempfile.gettempdir()}: {error.strerror or error}; the import keeps the "
                "checked rows there until all are checked, so make room or set TMPDIR"
            ) from None
        self._frames += 1

    def frames(self) -> Iterator[pd.DataFrame]:
        """The kept frames, in order."""
        self._file.seek(0)
        for _ in range(self._frames):
            frame: pd.DataFrame = pickle.load(self._file)  # noqa: S301 - written by this process
            yield frame

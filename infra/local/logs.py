"""Read and rotate the logs of the stack's processes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

BLOCK = 65_536
MAX_LOG_BYTES = 64 << 20


def last_lines(log: Path, count: int) -> list[str]:
    """The last lines of the file, read from its end; none if there is no such file."""
    if count <= 0 or not log.exists():
        return []
    with log.open("rb") as file:
        position = file.seek(0, 2)
        tail = b""
        # One more newline than lines, since the first line found may be cut.
        while position > 0 and tail.count(b"\n") <= count:
            step = min(BLOCK, position)
            position = file.seek(position - step)
            tail = file.read(step) + tail
    return tail.decode(errors="replace").splitlines()[-count:]


def cut(folder: Path) -> list[Path]:
    """Rotate logs larger than MAX_LOG_BYTES, with a copy beside each; return their paths.

    Their processes write on: what appends to a file goes on at its new end. A line that comes
    between the copy and the cut is lost.
    """
    large = [log for log in folder.glob("*.log") if log.stat().st_size > MAX_LOG_BYTES]
    for log in large:
        copy = log.with_name(log.name + ".1")
        copy.unlink(missing_ok=True)
        copy.touch(mode=0o600)
        shutil.copyfile(log, copy)
        with log.open("r+b") as file:
            file.truncate()
    return large


class Follower:
    """Returns the lines added to a log, also after it was replaced at a restart."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._inode, self._position = self._here()
        self._rest = b""

    def new_lines(self) -> Iterator[str]:
        """The whole lines added since the last call."""
        inode, size = self._here()
        if inode != self._inode or size < self._position:
            self._inode, self._position, self._rest = inode, 0, b""
        if size == self._position:
            return
        with self._log.open("rb") as file:
            file.seek(self._position)
            added = file.read(size - self._position)
        self._position += len(added)
        *lines, self._rest = (self._rest + added).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace")

    def _here(self) -> tuple[int, int]:
        try:
            status = self._log.stat()
        except FileNotFoundError:
            return 0, 0
        return status.st_ino, status.st_size

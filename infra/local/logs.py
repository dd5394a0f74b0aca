"""Reading the logs of the stack's processes."""

from collections.abc import Iterator
from pathlib import Path

BLOCK = 65_536


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


class Follower:
    """Hands out the lines that are added to a log, across its renewal at a restart."""

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

"""The folder in which the processes of one machine store their counters: one slot for each.

A process takes the lowest free slot for life, by a lock that the kernel gives back when it ends,
and goes on counting from where the slot's last process stopped. So the sums never fall while
replicas come and go, and there are no more files than processes at a time.
"""

import fcntl
import os
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # where prometheus-client looks for it
_HELD: dict[Path, tuple[int, int]] = {}  # by folder: the slot, and the lock's open file


def take(folder: Path) -> int:
    """The slot of this process. OSError when the folder can't be written."""
    if folder not in _HELD:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _HELD[folder] = _lowest_free(folder)
    return _HELD[folder][0]


def _lowest_free(folder: Path) -> tuple[int, int]:
    slot = 0
    while True:
        file = os.open(folder / f"{slot}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            slot += 1
        else:
            return slot, file

"""Check that this container's process works: `python -m infra.hosts.healthcheck [HOST:PORT]`.

It reads the heartbeat file that SHELFCAST_READY_FILE names and, if an address is given, asks the
API. An error is printed, and the exit code is 1. It imports very little, since
it runs every few seconds.
"""

import os
import sys
import time
from pathlib import Path

from infra import heartbeat
from infra.local import readiness


def trouble(file: Path, address: str | None, now: float) -> str | None:
    """Return why the process does not work, or None."""
    reason = heartbeat.trouble(file, now)
    return readiness.trouble(address) if reason is None and address is not None else reason


def main() -> None:
    """Exit with 0 or 1."""
    address = sys.argv[1] if len(sys.argv) > 1 else None
    if reason := trouble(Path(os.environ["SHELFCAST_READY_FILE"]), address, time.time()):
        sys.exit(reason)


if __name__ == "__main__":
    main()

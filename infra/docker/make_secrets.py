"""What is secret of the composed stack, made at random at the first `up` and kept.

`python -m infra.docker.make_secrets FOLDER [--own FOLDER=UID…]` makes it in the folder, a volume:
each reader's secrets in a folder of its own that it alone can enter, each file 0400. All of it
gets its place at once, so half of it is never seen. It runs as root with no right but to give
files away; `--own` gives a volume to who writes into it.
"""

import argparse
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

MADE = "current"
POSTGRES, SHELFCAST = 999, 10_001  # the users of the official image and of our own
DATABASE_URL = "postgresql://shelfcast:{password}@postgres:5432/shelfcast"
Chown = Callable[[Path, int, int], None]


def contents() -> dict[int, dict[str, str]]:
    """New secrets: for each user the files and what they hold."""
    password = secrets.token_urlsafe(32)
    return {
        POSTGRES: {"postgres/password": password},
        SHELFCAST: {
            "shelfcast/shelfcast_database_url": DATABASE_URL.format(password=password),
            "shelfcast/ray_token": secrets.token_hex(32),
        },
    }


def make(folder: Path, chown: Chown = os.chown) -> bool:
    """Make them if there are none; whether there were none."""
    if (folder / MADE).exists():
        return False
    folder.chmod(0o755)
    fresh = Path(tempfile.mkdtemp(dir=folder))
    for owner, files in contents().items():
        for name, text in files.items():
            file = fresh / name
            file.parent.mkdir(mode=0o700, exist_ok=True)
            file.touch(mode=0o600)
            file.write_text(text)
            file.chmod(0o400)
            chown(file, owner, owner)
        # Last, since who has given a folder away can't enter it any more.
        for place in {(fresh / name).parent for name in files}:
            chown(place, owner, owner)
    fresh.chmod(0o755)
    fresh.rename(folder / MADE)
    return True


def main() -> None:
    """Make them, and say which it was."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--own", action="append", default=[], metavar="FOLDER=UID")
    given = parser.parse_args()
    for pair in given.own:
        folder, _, owner = pair.partition("=")
        os.chown(folder, int(owner), int(owner))
    print("secrets: made" if make(given.folder) else "secrets: kept as they are")


if __name__ == "__main__":
    main()

"""Make missing class archives: `python -m infra.local.class_archive_maker`.

The broker and the streaming job are run once each, as in the stack (`infra.local.archive_runs`),
and their JVMs write the archives while they end. Each writes a temporary file that is moved
into place when complete and only read afterwards: any number of stacks can use it at once.
`make install` does it; a failure is reported, and the JVM then starts without an archive.
"""

import os
import sys
import tempfile
from pathlib import Path

from infra.local import class_archive
from infra.local.archive_runs import RUNS, NotRun
from infra.local.service import ServiceFailed


class NotMade(Exception):
    """The JVM ended without its archive."""


def main() -> None:
    """Make missing archives; with JAVA_HOME set there are none."""
    if os.environ.get("JAVA_HOME"):
        return
    for name in RUNS:
        if class_archive.place(name).is_file():
            continue
        try:
            make(name)
        except (NotMade, NotRun, ServiceFailed) as error:
            print(f"no class archive, so {name} starts slower: {error}", file=sys.stderr)


def make(name: str) -> None:
    """Make the archive in one run."""
    place = class_archive.place(name)
    place.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="shelfcast-archive-") as home,
        tempfile.TemporaryDirectory(prefix=".make-", dir=place.parent) as fresh,
    ):
        archive = Path(fresh) / place.name
        RUNS[name](Path(home), archive)
        if not archive.is_file():
            raise NotMade(f"its JVM ended without {archive.name}")
        archive.replace(place)
        for older in place.parent.glob(f"{name}-*.aot"):
            if older != place:  # of a Java or of jars that this installation no longer has
                older.unlink(missing_ok=True)


if __name__ == "__main__":
    main()

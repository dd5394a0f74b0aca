"""Locks what deploys to AWS (npm): `python -m infra.aws.node_lock`, or `make lock`.

The lock has versions and digests alone: no address of a registry, and none that packages give
of their own.
"""

import json
import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent
LOCK = FOLDER / "package-lock.json"
ADDRESSES = ("resolved", "funding")


def main() -> None:
    """Write the lock anew."""
    npm = shutil.which("npm")
    if npm is None:
        print("No npm here: what deploys to AWS stays locked as it is")
        return
    LOCK.unlink(missing_ok=True)
    make = ["install", "--package-lock-only", "--ignore-scripts", "--silent"]
    subprocess.run([npm, *make], cwd=FOLDER, check=True)
    lock = json.loads(LOCK.read_text())
    for package in lock["packages"].values():
        for name in ADDRESSES:
            package.pop(name, None)
    LOCK.write_text(json.dumps(lock, indent=2) + "\n")


if __name__ == "__main__":
    main()

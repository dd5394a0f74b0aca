"""Delete from the image the parts of packages that no process of ours loads.

`python infra/docker/slim.py SITE_PACKAGES`, while the image is built. It fails when one of the
paths is no longer there, so that a new version of a package is looked at again.
"""

import shutil
import sys
from pathlib import Path

UNUSED = (
    # Spark: the store of queries that have a state, machine learning, Hive, Spark Connect.
    "pyspark/jars/rocksdbjni-*",
    "pyspark/jars/spark-mllib_*",
    "pyspark/jars/breeze_*",
    "pyspark/jars/spire_*",
    "pyspark/jars/spark-hive*",
    "pyspark/jars/hive-exec-*",
    "pyspark/jars/hive-metastore-*",
    "pyspark/jars/derby-*",
    "pyspark/jars/spark-connect_*",
    # Ray: workers in Java, reinforcement learning, the dashboard's page.
    "ray/jars",
    "ray/rllib",
    "ray/dashboard/client",
    # Arrow: what is compiled against it, and its servers.
    "pyarrow/include",
    "pyarrow/_flight*",
    "pyarrow/libarrow_flight.so*",
    "pyarrow/libarrow_python_flight.so*",
)


def slim(packages: Path) -> None:
    """Delete them, and every package's own tests; LookupError names what is not there."""
    for pattern in UNUSED:
        found = list(packages.glob(pattern))
        if not found:
            raise LookupError(f"there is no {pattern} in {packages}: mend UNUSED in {__file__}")
        for path in found:
            _delete(path)
    for tests in [path for path in packages.rglob("tests") if path.is_dir()]:
        shutil.rmtree(tests, ignore_errors=True)  # one may lie in another


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


if __name__ == "__main__":
    slim(Path(sys.argv[1]))

"""A newer version on the data of an older one: refused until it is migrated, which `up` does."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.current import revisions
from tests.compose.composed import Composed

pytestmark = pytest.mark.timeout(2400)

OLDER = "shelfcast:older-for-tests"
BEFORE, HEAD = revisions()[-2:]
# The version before is this one without its last migration.
DOCKERFILE = f"""\
FROM shelfcast:latest
USER 0
RUN rm /opt/app/infra/postgres/migrations/versions/{HEAD}_*.py
USER 10001
"""
ROW = (
    "INSERT INTO daily_sales (store, product, date, units, open, drivers, recorded_at, event_id) "
    "VALUES ('1', 'total', '2026-01-01', 5, true, '{}', now(), 'of-before')"
)


@pytest.fixture
def older(docker: dict[str, str], tmp_path: Path) -> Iterator[Composed]:
    """A stack whose database was made by the image before."""
    tmp_path.chmod(0o755)
    composed = Composed(docker, tmp_path)
    composed.compose("build")
    subprocess.run(
        ["docker", "build", "--tag", OLDER, "-"],  # noqa: S607 - the one in the path
        input=DOCKERFILE,
        env=docker,
        text=True,
        check=True,
    )
    composed.environment["SHELFCAST_IMAGE"] = OLDER
    try:
        composed.compose("run", "--rm", "-T", "migrate")
        composed.sql(ROW)
        yield composed
    finally:
        composed.down("--volumes")


def test_up_of_a_newer_version_migrates_what_its_processes_would_refuse(older: Composed):
    version = "SELECT version_num FROM alembic_version"
    assert older.sql(version) == [[BEFORE]]
    del older.environment["SHELFCAST_IMAGE"]

    refused = subprocess.run(
        older.command("run", "--rm", "-T", "--no-deps", "sales"),
        env=older.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode != 0
    assert f"is at {BEFORE}, and this version of Shelfcast needs {HEAD}" in refused.stderr

    older.up("sales")  # Ray's head asks for the same, and takes longer to start

    assert older.sql(version) == [[HEAD]]
    assert older.sql("SELECT units FROM daily_sales WHERE event_id = 'of-before'") == [["5"]]

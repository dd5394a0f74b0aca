"""The job that stores sales works on a Spark cluster, of which each part knows the secret."""

from collections.abc import Iterator

import pytest

from tests.compose.composed import Composed, wait

pytestmark = pytest.mark.timeout(900)

MASTER = "spark://spark-master:7077"
PARTS = ("spark-worker", "spark-master")
STORED = "SELECT count(*) FROM daily_sales WHERE store = 'clustered'"
DAYS = [f"clustered,total,2026-01-{day:02},5" for day in range(1, 32)]


@pytest.fixture
def clustered(stack: Composed) -> Iterator[Composed]:
    """The stack with a Spark cluster, for one test."""
    stack.environment["SHELFCAST_SPARK_MASTER"] = MASTER
    try:
        stack.compose("--profile", "workers", "up", "--detach", "--wait", *PARTS, "sales")
        yield stack
    finally:
        del stack.environment["SHELFCAST_SPARK_MASTER"]
        stack.up("sales")
        stack.compose("--profile", "workers", "rm", "--stop", "--force", *PARTS)


def test_sales_are_stored_by_an_executor_of_the_cluster(clustered: Composed):
    executors = clustered.docker("top", clustered.container("spark-worker"))
    assert "CoarseGrainedExecutorBackend" in executors
    assert "stream_jobs.worker_daemon" in executors  # Python's side, with this project's code
    assert "spark.authenticate.secret" not in executors

    with open(f"{clustered.environment['SHELFCAST_FILES']}/more.csv", "w") as file:  # noqa: PTH123 - as a person has it
        file.write("\n".join(["store,product,date,units", *DAYS, ""]))
    clustered.cli("sales", "import", "/files/more.csv")

    wait(lambda: clustered.sql(STORED) == [[str(len(DAYS))]])

"""The job that stores sales works on a Spark cluster, of which each part knows the secret."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.compose.composed import Composed, wait

pytestmark = pytest.mark.timeout(900)

MASTER = "spark://spark-master:7077"
PARTS = ("spark-worker", "spark-master")
STORED = "SELECT count(*) FROM daily_sales WHERE store = 'clustered'"
ALIVE = "from urllib.request import urlopen; print(urlopen('http://spark-master:8080/json/').read().decode())"
# A worker that can come with a configuration of its own instead of the stack's.
OWN = "/var/lib/shelfcast/conf"
STRANGER = (
    f'mkdir {OWN} && echo "$SPARK_WORDS" > {OWN}/spark-defaults.conf && exec spark-class '
    f"org.apache.spark.deploy.worker.Worker --port 7078 --work-dir /tmp/work {MASTER}"
)
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


def alive(stack: Composed) -> set[str]:
    """The addresses of the workers that the master has."""
    told = json.loads(stack.compose("exec", "-T", "spark-master", "python", "-c", ALIVE))
    return {each["host"] for each in told["workers"] if each["state"] == "ALIVE"}


@contextmanager
def another_worker(stack: Composed, configuration: str, words: str = "") -> Iterator[str]:
    """The container of a worker that comes with that configuration, for the length of the block."""
    given = ("-e", f"SPARK_CONF_DIR={configuration}", "-e", f"SPARK_WORDS={words}")
    run = ("--profile", "workers", "run", "--detach", "--no-deps", *given, "spark-worker")
    container = stack.compose(*run, "sh", "-c", STRANGER).split()[-1]
    try:
        yield container
    finally:
        stack.docker("rm", "--force", container)


@pytest.mark.parametrize(
    "words",
    ["", "spark.authenticate true\nspark.authenticate.secret guessed\n"],
    ids=["no secret", "another secret"],
)
def test_a_worker_that_does_not_know_the_secret_does_not_join(clustered: Composed, words: str):
    before = alive(clustered)
    with another_worker(clustered, OWN, words) as stranger:
        wait(lambda: "Failed to connect to master" in clustered.logs_of(stranger))
        assert alive(clustered) == before
    with another_worker(clustered, "/run/secrets/current/spark"):
        wait(lambda: len(alive(clustered)) == len(before) + 1)  # so nothing else was in the way

"""A second Ray node joins with the token, works, and may die in the middle of a full run."""

import re

import pytest

from tests.compose.composed import Composed, wait
from tests.compose.scraped import Scraped

pytestmark = pytest.mark.timeout(2400)

SERIES, DAYS = 300, 120
NODES = (
    "import ray; ray.init(address='ray:6379', log_to_driver=False); "
    "print(f'alive: {sum(node[\"Alive\"] for node in ray.nodes())}.')"
)


# A trainer that has to start anew goes to the node that has less to do.
KILL_A_TRAINER = (
    "import psutil; next(p for p in psutil.process_iter() "
    "if p.cmdline() and 'shelfcast:trainer' in p.cmdline()[0]).kill()"
)
MADE = "SELECT count(DISTINCT (store, product)) FROM daily_sales WHERE store LIKE 'store-%'"


def count(stack: Composed, query: str) -> int:
    [[found]] = stack.sql(query)
    return int(found)


def nodes(stack: Composed) -> int:
    told = stack.compose("exec", "-T", "ray", "python", "-c", NODES)  # Ray prints beside it
    [alive] = re.findall(r"alive: (\d+)\.", told)
    return int(alive)


def trainers(stack: Composed) -> int:
    return sum(
        stack.docker("top", stack.container(service)).count("shelfcast:trainer")
        for service in ("ray", "ray-worker")
    )


def trains(stack: Composed) -> bool:
    """Whether one of the trainers is on the second node."""
    return "shelfcast:trainer" in stack.docker("top", stack.container("ray-worker"))


def test_a_run_ends_complete_when_the_second_node_is_killed_in_the_middle(
    stack: Composed, prometheus: Scraped
):
    stack.configure("SHELFCAST_TRAINER_REPLICAS_MIN=2", "SHELFCAST_TRAINER_REPLICAS_MAX=2")
    stack.compose("--profile", "workers", "up", "--detach", "--wait", "ray", "ray-worker")
    wait(lambda: nodes(stack) == 2)  # its port is open a moment before Ray knows of it
    while not trains(stack):
        stack.compose("exec", "-T", "ray", "python", "-c", KILL_A_TRAINER)
        wait(lambda: trainers(stack) == 2)
    stack.cli("sales", "generate", "--series", str(SERIES), "--days", str(DAYS), "--publish")
    wait(lambda: count(stack, MADE) == SERIES)

    wait(lambda: prometheus.health().get("shelfcast-workers") == ["up"])

    run_id = stack.cli("retrain", "--all", "--strategy", "auto")["run_id"]
    wait(lambda: count(stack, f"SELECT count(*) FROM training_results WHERE run_id = '{run_id}'"))  # noqa: S608 - an id of ours
    stack.kill("ray-worker")
    run = stack.run_ended(run_id)

    assert run["counts"]["pending"] == 0
    assert run["counts"]["succeeded"] >= SERIES
    wait(lambda: nodes(stack) == 1)

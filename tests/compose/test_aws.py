"""serverless.yml in the stack's LocalStack: a rule fires, and its forecasts are served."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.aws import deploy_local
from tests.compose.composed import Composed, wait
from tests.compose.engine import LAMBDA_IMAGES, provide
from tests.deploy import osls

pytestmark = pytest.mark.timeout(900)

SERIES, DAYS = 3, 120
STORE = "store-00001/total"
STORED = "SELECT count(*) FROM daily_sales WHERE store LIKE 'store-%'"


@pytest.fixture
def deployed(stack: Composed, lambda_zip: Path, tmp_path: Path) -> Iterator[None]:
    """The stack `dev` in it, whose retrain's rule fires every minute until the test ends."""
    osls.require()
    provide(tmp_path, stack.environment, LAMBDA_IMAGES)
    stack.compose("--profile", "aws", "up", "--detach", "--wait", "localstack")
    endpoint = f"http://127.0.0.1:{stack.ports['LOCALSTACK_PORT']}"
    try:
        folder = osls.project(tmp_path / "osls", lambda_zip)
        deploy_local.deploy(endpoint, folder, more=["--param", "retrain_rule=rate(1 minute)"])
        yield
    finally:
        stack.compose("--profile", "aws", "rm", "--stop", "--force", "localstack")
        if left := functions(stack):  # one that it began to start while it ended
            stack.docker("rm", "--force", *left)


def functions(stack: Composed, name: str = "") -> list[str]:
    """The containers of Lambdas."""
    wanted = f"name={stack.project}-localstack-1-lambda-shelfcast-dev-{name}"
    return stack.docker("ps", "--all", "--quiet", "--filter", wanted).split()


def fired(stack: Composed) -> dict[str, Any] | None:
    """The newest run that a rule asked for; the stack's own clock ticks weekly."""
    runs: list[dict[str, Any]] = stack.get("/runs").json()["runs"]
    asked = (run for run in runs if run["requested_by"] == "scheduler")
    return next((run for run in asked if run["counts"]["planned"] >= SERIES), None)


def test_a_rule_fires_and_what_its_lambda_asks_for_is_served(stack: Composed, deployed: None):
    stack.cli("sales", "generate", "--series", str(SERIES), "--days", str(DAYS), "--publish")
    wait(lambda: stack.sql(STORED) == [[str(SERIES * DAYS)]])

    run = stack.run_ended(wait(lambda: fired(stack))["run_id"])

    assert (run["state"], run["counts"]["failed"]) == ("completed", 0)
    assert functions(stack, "retrain"), "no container of its own ran the function"
    served = wait(lambda: stack.get(f"/forecasts/{STORE}").json().get("days"))
    assert len(served) == 7

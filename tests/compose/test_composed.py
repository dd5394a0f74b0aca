"""`docker compose up` for real: used, killed part by part, taken down and brought up again."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest

from events.cloudevents import encode
from events.envelope import first_event
from events.payloads import SaleRecorded
from tests.compose.composed import Composed, wait

pytestmark = pytest.mark.timeout(2400)

YESTERDAY = date.today() - timedelta(days=1)
SERIES, DAYS = 3, 120
LEDGER = (
    "SELECT store || '/' || product || '/' || date, units FROM daily_sales WHERE store = 'till'"
)


@contextmanager
def selling(stack: Composed) -> Iterator[dict[str, float]]:
    """A stream of sales for the length of the block; then the ledger of what was sold."""
    script = ("run", "--rm", "--entrypoint", "python", "cli", "/files/stream.py")
    ledger: dict[str, float] = {}
    with subprocess.Popen(
        stack.command(*script),
        env=stack.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as till:
        assert till.stderr is not None
        wait(lambda: "selling" in till.stderr.readline())
        yield ledger
        told, said = till.communicate()
        assert till.returncode == 0, said
        ledger.update(json.loads(told))


def sold(stack: Composed) -> dict[str, float]:
    return {day: float(units) for day, units in stack.sql(LEDGER)}


def rows(stack: Composed) -> int:
    [[count]] = stack.sql("SELECT count(*) FROM daily_sales WHERE store IN ('1', '2', '3')")
    return int(count)


def retrained(stack: Composed, *scope: str) -> dict[str, Any]:
    return stack.run_ended(stack.cli("retrain", *scope)["run_id"])


def test_sales_of_a_file_and_of_a_plain_client_become_forecasts_over_https(stack: Composed):
    files = stack.environment["SHELFCAST_FILES"]
    lines = [
        f"{store},total,{YESTERDAY - timedelta(days=back)},{10 * store + back % 7}"
        for store in range(1, SERIES + 1)
        for back in range(DAYS)
    ]
    with open(f"{files}/sales.csv", "w", encoding="utf-8") as file:  # noqa: PTH123 - as a person has it
        file.write("\n".join(["store,product,date,units", *lines, ""]))
    stack.cli("sales", "import", "/files/sales.csv")
    typed(stack, SaleRecorded(store="1", product="total", date=YESTERDAY, units=77))

    wait(lambda: rows(stack) == SERIES * DAYS and corrected(stack) == [["77"]])
    run = retrained(stack, "--all")
    assert run["counts"]["succeeded"] >= SERIES  # other tests' series are trained as well
    assert run["counts"]["failed"] == 0

    answer = wait(lambda: served(stack))
    assert answer["days"][0]["date"] == str(YESTERDAY + timedelta(days=1))
    assert stack.cli("forecast", "1", "total")["version"] == answer["version"]


def corrected(stack: Composed) -> list[list[str]]:
    return stack.sql(
        f"SELECT units FROM daily_sales WHERE store = '1' AND date = '{YESTERDAY}'"  # noqa: S608 - a date
    )


def typed(stack: Composed, sale: SaleRecorded) -> None:
    """By Kafka's own console producer, inside the network."""
    key, value, headers = encode(first_event(sale, "console"))
    shown = ";".join(f"{name}:{text.decode()}" for name, text in headers)
    properties = ("parse.key=true", "parse.headers=true", "headers.separator=;")
    options = [word for each in properties for word in ("--reader-property", each)]
    producer = "/opt/kafka/bin/kafka-console-producer.sh"
    where = ("--bootstrap-server", "kafka:9092", "--topic", "sales")
    command = ("exec", "-T", "-e", "KAFKA_HEAP_OPTS=-Xmx128m", "kafka", producer, *where, *options)
    stack.compose(*command, text=f"{shown}\t{key.decode()}\t{value.decode()}\n")


def served(stack: Composed) -> dict[str, Any] | None:
    answer = stack.get("/forecasts/1/total")
    return answer.json() if answer.is_success else None


def test_nothing_is_lost_or_doubled_when_each_part_is_killed_under_a_stream(stack: Composed):
    with selling(stack) as ledger:
        for service in ("kafka", "postgres", "sales", "ray"):
            run = stack.cli("retrain", "--all")
            stack.kill(service)
            stack.up()
            ended = stack.run_ended(run["run_id"])
            assert ended["counts"]["pending"] == 0, service

    wait(lambda: sold(stack) == ledger)
    assert len(ledger) > 100


def test_everything_is_there_again_after_down_and_up(stack: Composed):
    before = {table: stack.sql(f"SELECT count(*) FROM {table}") for table in TABLES}  # noqa: S608 - constants
    forecast = stack.get("/forecasts/1/total").json()

    stack.down()
    assert stack.docker("ps", "-aq", "--filter", f"name={stack.project}") == ""
    stack.up()

    assert {table: stack.sql(f"SELECT count(*) FROM {table}") for table in TABLES} == before  # noqa: S608 - constants
    assert stack.get("/forecasts/1/total").json()["days"] == forecast["days"]
    assert "secrets: kept" in stack.compose("logs", "secrets")


TABLES = ("daily_sales", "model_versions", "training_runs")


def test_a_process_that_dies_by_itself_is_started_again(stack: Composed):
    ray = stack.container("ray")
    begun = stack.docker("inspect", "--format", "{{.State.StartedAt}}", ray)

    stack.docker("exec", ray, "bash", "-c", "kill -9 -1")

    wait(lambda: stack.docker("inspect", "--format", "{{.State.StartedAt}}", ray) != begun)
    stack.up()
    assert stack.get("/readyz").json()["ready"]


def test_limits_are_in_force_and_nothing_runs_as_root(stack: Composed):
    for service in ("kafka", "postgres", "sales", "ray", "proxy"):
        said = json.loads(stack.docker("inspect", stack.container(service)))[0]
        host = said["HostConfig"]
        assert host["Memory"] > 0, service
        assert host["PidsLimit"] > 0, service
        assert host["ReadonlyRootfs"], service
        assert not said["Config"]["User"].startswith("0"), service


def test_what_is_secret_can_be_read_by_its_reader_alone(stack: Composed):
    for service, other in (("ray", "postgres"), ("postgres", "shelfcast")):
        tried = subprocess.run(
            stack.command("exec", "-T", service, "ls", f"/run/secrets/current/{other}"),
            env=stack.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Permission denied" in tried.stderr
    listed = stack.compose("exec", "-T", "ray", "stat", "-c", "%a", *SECRETS)
    assert listed.split() == ["400", "400"]


SECRETS = [
    f"/run/secrets/current/shelfcast/{name}" for name in ("shelfcast_database_url", "ray_token")
]

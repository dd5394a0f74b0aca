"""Prometheus beside the stack sees all of it, and finds nothing to complain of."""

import json

import pytest

from tests.compose.composed import Composed, wait
from tests.compose.scraped import Scraped
from tests.prometheus import of_broker, panels, rules

pytestmark = pytest.mark.timeout(900)

STORES = 5  # more than other tests make, so that the last one is the shop's alone
STORED = f"SELECT count(*) FROM daily_sales WHERE store = 'store-{STORES:05}'"  # noqa: S608 - ours
UP = {
    "shelfcast-api": ["up"],
    "shelfcast-processes": ["up", "up"],  # ray and sales
    "kafka": ["up"],
}
SOLD = 'sum(shelfcast_events_in_total{function="sales"})'


def test_a_made_up_shop_streams_and_has_forecasts_which_prometheus_sees(
    stack: Composed, prometheus: Scraped
):
    stack.environment["SHOP_SERIES"] = str(STORES)
    stack.compose("--profile", "demo", "up", "--detach", "shop")
    wait(lambda: int(stack.sql(STORED)[0][0]) > 0)
    backfilled = int(stack.sql(STORED)[0][0])
    wait(lambda: int(stack.sql(STORED)[0][0]) > backfilled)  # another day came in
    run = stack.run_ended(stack.cli("retrain", "--all")["run_id"])
    stack.compose("--profile", "demo", "rm", "--stop", "--force", "shop")

    assert run["counts"]["succeeded"] >= STORES
    wait(lambda: stack.get(f"/forecasts/store-{STORES:05}/total").is_success)
    wait(lambda: prometheus.health() == UP)
    wait(lambda: (prometheus.value(SOLD) or 0) > backfilled)


def test_every_rule_is_asked_and_none_of_them_complains(stack: Composed, prometheus: Scraped):
    wait(lambda: all(rule["health"] == "ok" for rule in prometheus.rules()))
    assert {rule["name"] for rule in prometheus.rules()} == {rule["alert"] for rule in rules()}

    wait(lambda: not prometheus.ask("alerts")["alerts"])  # a pending one would be there too


def test_lines_of_our_own_processes_are_json(stack: Composed):
    for service, words in (("sales", "metrics on"), ("ray", "ready on")):
        told = stack.compose("logs", "--no-log-prefix", service).splitlines()
        lines = [json.loads(line) for line in told if line.startswith('{"time"')]

        assert {"time", "level", "logger", "message"} <= set(lines[0])
        assert any(line["message"].startswith(words) for line in lines), service


def test_every_panel_of_the_broker_has_data(stack: Composed, prometheus: Scraped):
    stack.cli("retrain", "--all")
    asked = [query for _, query in panels() if of_broker(query)]
    for query in asked:
        wait(lambda query=query: prometheus.ask("query", query=query)["result"])

    assert len(asked) > 10
    assert prometheus.value("max(kafka_controller_kafkacontroller_activebrokercount)") == 1
    assert prometheus.value("sum(kafka_controller_kafkacontroller_offlinepartitionscount)") == 0
    assert (prometheus.value('sum(kafka_log_log_size{topic="sales"})') or 0) > 0


def test_the_broker_is_seen_again_when_it_has_been_started_again(
    stack: Composed, prometheus: Scraped
):
    broker, beside = stack.container("kafka"), stack.container("kafka-metrics")
    before = begun(stack, beside)

    stack.docker("exec", broker, "bash", "-c", "kill 1")  # as if it had ended by itself

    wait(lambda: begun(stack, beside) != before)
    wait(lambda: prometheus.health()["kafka"] == ["up"])
    stack.up()


def begun(stack: Composed, container: str) -> str:
    return stack.docker("inspect", "--format", "{{.State.StartedAt}}", container)

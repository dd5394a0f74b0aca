"""Rules, dashboards and runbooks fit each other, and the metrics that there are."""

import json
import re
import subprocess
import sys

import pytest
import yaml

from infra.metrics.catalog import METRICS
from tests.prometheus import (
    OBSERVABILITY,
    exported,
    metrics,
    of_broker,
    panels,
    program,
    rules,
)

ROOT = OBSERVABILITY.parents[1]
EXPOSED = {name for metric in METRICS.values() for name in metric.exposed}
FILES = sorted(OBSERVABILITY.glob("alerts_*test.yml"))
TESTS = [test for file in FILES for test in yaml.safe_load(file.read_text())["tests"]]
each_alert = pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])


def promtool(*arguments: str) -> None:
    told = subprocess.run(
        [program("promtool"), *arguments],
        cwd=OBSERVABILITY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr


def test_prometheus_takes_its_configuration_and_the_rules():
    promtool("check", "config", "prometheus.yml")


def test_every_alert_fires_where_it_should_and_keeps_still_where_it_should():
    promtool("test", "rules", *(file.name for file in FILES))


@each_alert
def test_an_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not(rule):
    tried = [
        bool(one["exp_alerts"])
        for test in TESTS
        for one in test["alert_rule_test"]
        if one["alertname"] == rule["alert"]
    ]
    assert set(tried) == {True, False}


@each_alert
def test_an_alert_has_a_runbook_that_says_what_it_means_and_what_to_do(rule):
    page = ROOT / rule["annotations"]["runbook"]
    assert page.stem == rule["alert"]
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    assert headings == [rule["alert"], "What it means", "What to look at", "What to do"]


COMMAND = re.compile(r"`shelfcast ([a-z-]+(?: [a-z-]+)?)([^`]*)`")


def commands() -> dict[str, set[str]]:
    """The commands that the runbooks name, each with the options they give it."""
    found: dict[str, set[str]] = {}
    for page in (ROOT / "docs" / "runbooks").glob("*.md"):
        for command, rest in COMMAND.findall(page.read_text()):
            found.setdefault(command, set()).update(re.findall(r"--[a-z-]+", rest))
    return found


@pytest.mark.parametrize(("command", "options"), sorted(commands().items()))
def test_a_command_that_a_runbook_names_is_there(command: str, options: set[str]):
    told = subprocess.run(
        [sys.executable, "-m", "infra.cli.main", *command.split(), "--help"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert told.returncode == 0, told.stderr
    assert options <= set(re.findall(r"--[a-z-]+", told.stdout))


def test_there_is_no_runbook_of_an_alert_that_is_gone():
    pages = {page.stem for page in (ROOT / "docs" / "runbooks").glob("*.md")}
    assert pages == {rule["alert"] for rule in rules()}


@each_alert
def test_what_an_alert_asks_for_is_counted_or_asked(rule):
    assert metrics(rule["expr"]) <= EXPOSED
    assert of_broker(rule["expr"]) <= exported()


@pytest.mark.parametrize(("panel", "query"), list(panels()))
def test_what_a_panel_asks_for_is_counted_or_asked(panel: str, query: str):
    assert metrics(query) or of_broker(query)
    assert metrics(query) <= EXPOSED
    assert of_broker(query) <= exported()


def test_every_metric_is_on_a_dashboard():
    shown = {name for _, query in panels() for name in metrics(query)}
    assert {name for name, metric in METRICS.items() if not metric.exposed & shown} == set()
    assert exported() == {name for _, query in panels() for name in of_broker(query)}


def test_dashboards_use_the_source_that_is_provisioned():
    folder = OBSERVABILITY / "grafana"
    sources = yaml.safe_load((folder / "provisioning/datasources/prometheus.yml").read_text())
    [source] = sources["datasources"]
    for file in (folder / "dashboards").glob("*.json"):
        for panel in json.loads(file.read_text())["panels"]:
            assert panel["datasource"]["uid"] == source["uid"]

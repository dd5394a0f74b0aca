"""Prometheus's programs, from Debian's package `prometheus`, and what our files ask of them."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

OBSERVABILITY = Path(__file__).parents[1] / "infra" / "observability"
NAME = re.compile(r"\bshelfcast_\w+")
BROKERS_NAME = re.compile(r"\b(?:kafka|jvm)_\w+")


def program(name: str) -> str:
    """Where `prometheus` or `promtool` is; a test is skipped where it is not."""
    if (found := shutil.which(name)) is None:
        pytest.skip(f"no {name}: apt-get install prometheus brings it")
    return found


def rules() -> list[dict[str, Any]]:
    """Every alert."""
    [group] = yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())["groups"]
    return list(group["rules"])


def panels() -> Iterator[tuple[str, str]]:
    """What each panel asks: its name, with its dashboard's, and the query."""
    for file in sorted((OBSERVABILITY / "grafana" / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{file.stem}: {panel['title']}", target["expr"]


def metrics(query: str) -> set[str]:
    """The names of our metrics in a query."""
    return set(NAME.findall(query))


def of_broker(query: str) -> set[str]:
    """The names of the broker's own metrics in a query."""
    return set(BROKERS_NAME.findall(query))


def exported() -> set[str]:
    """What the broker's own metrics are called, by the rules of who asks it for them."""
    told = yaml.safe_load((OBSERVABILITY / "kafka-metrics.yml").read_text())
    return {rule["name"] for rule in told["rules"]}

"""The alert rules as a PrometheusRule.

They are those of `infra/observability/alerts.yml`, which a Prometheus without operators reads.
"""

from pathlib import Path
from typing import Any

import yaml

ALERTS = Path(__file__).parents[1] / "observability" / "alerts.yml"


def groups() -> list[dict[str, Any]]:
    """The groups of rules."""
    found: list[dict[str, Any]] = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return found


def manifests() -> list[dict[str, Any]]:
    """The one rule object."""
    return [
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": {
                "name": "shelfcast",
                "namespace": "shelfcast",
                "labels": {"app.kubernetes.io/part-of": "shelfcast"},
            },
            "spec": {"groups": groups()},
        }
    ]

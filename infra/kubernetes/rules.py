"""The alert rules as a PrometheusRule: `python -m infra.kubernetes.rules [--check]`.

They are those of `infra/observability/alerts.yml`, which a Prometheus without operators reads.
"""

from typing import Any

import yaml

from infra.kubernetes.written import HERE, write

FILE = HERE / "components" / "monitoring" / "rules.yaml"
ALERTS = HERE.parent / "observability" / "alerts.yml"


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


if __name__ == "__main__":
    write(FILE, manifests(), "infra.kubernetes.rules")

"""What the stack's Prometheus knows."""

from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Scraped:
    """Its HTTP API."""

    url: str

    def ask(self, what: str, **more: str) -> Any:
        """The data of an answer."""
        answer = httpx.get(f"{self.url}/{what}", params=more, timeout=30, trust_env=False)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def value(self, query: str) -> float | None:
        """The one number that a query gives; None while it gives none."""
        found = self.ask("query", query=query)["result"]
        return float(found[0]["value"][1]) if len(found) == 1 else None

    def health(self) -> dict[str, list[str]]:
        """How each job's targets are."""
        found: dict[str, list[str]] = {}
        for each in self.ask("targets", state="active")["activeTargets"]:
            found.setdefault(each["labels"]["job"], []).append(each["health"])
        return found

    def rules(self) -> list[dict[str, Any]]:
        """Every rule, and how it is."""
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

"""Parts of manifests that examples of what is broken change."""

from collections.abc import Callable
from typing import Any

from tests.deploy.kubernetes.manifests import Manifests

# A check, a change that breaks what it looks at, and what it is to tell.
Broken = tuple[str, Callable[[Manifests], Any], str]


def ray(them: Manifests) -> dict[str, Any]:
    cluster: dict[str, Any] = them.ray["rayClusterConfig"]
    return cluster


def head(them: Manifests) -> dict[str, Any]:
    spec: dict[str, Any] = ray(them)["headGroupSpec"]["template"]["spec"]
    return spec


def migrate(them: Manifests) -> dict[str, Any]:
    spec: dict[str, Any] = them.get("Job", "shelfcast-migrate")["spec"]["template"]["spec"]
    return spec


def container(them: Manifests) -> dict[str, Any]:
    container: dict[str, Any] = head(them)["containers"][0]
    return container


def policy(them: Manifests, title: str) -> dict[str, Any]:
    spec: dict[str, Any] = them.get("NetworkPolicy", title)["spec"]
    return spec


def without(them: Manifests, kind: str, title: str) -> None:
    them.objects.remove(them.get(kind, title))


def env(container: dict[str, Any], variable: str) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = [each for each in container["env"] if each["name"] == variable]
    return found

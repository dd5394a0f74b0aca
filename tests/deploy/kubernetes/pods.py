"""How pods run: their rights, what they ask for, their probes, their environment."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from pydantic import ValidationError

from infra.access import USERS
from stream_jobs.settings import JobSettings
from tests.deploy.kubernetes.manifests import Manifests, Pod
from tests.deploy.kubernetes.references import _found

SETTINGS = {f"SHELFCAST_{name.upper()}" for name in JobSettings.model_fields}
OTHERS = {"POSTGRES_USER", "POSTGRES_PASSWORD", "PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"}
UNITS = {"": 1.0, "m": 0.001, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
CREDENTIALS = "/run/secrets/credentials"


def amount(text: str) -> float:
    """A quantity as Kubernetes writes it."""
    number, unit = re.fullmatch(r"([\d.]+)(\D*)", text).groups()
    return float(number) * UNITS[unit]


def check_rights(them: Manifests) -> Iterator[str]:
    """Nobody is root, and no container of ours may write to its image or gain rights."""
    for pod in them.pods():
        if pod.name in them.names("Cluster"):
            continue  # CloudNativePG sets these itself, and the namespace takes nothing less
        security = pod.spec.get("securityContext", {})
        for container in pod.containers:
            own = {**security, **container.get("securityContext", {})}
            where = f"{pod.name}, {container['name']}"
            if own.get("runAsNonRoot") is not True or own.get("runAsUser") == 0:
                yield f"{where} may run as root"
            if own.get("allowPrivilegeEscalation") is not False:
                yield f"{where} may gain rights"
            if own.get("capabilities", {}).get("drop") != ["ALL"]:
                yield f"{where} keeps capabilities"
            if own.get("seccompProfile", {}).get("type") != "RuntimeDefault":
                yield f"{where} has no seccomp profile"
            if pod.ours and own.get("readOnlyRootFilesystem") is not True:
                yield f"{where} may write to its image"
    for each in them.of("Namespace"):
        if each["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != "restricted":
            yield "the namespace lets in pods with more rights"


def check_resources(them: Manifests) -> Iterator[str]:
    """Requests and limits of processor and memory, the former no larger."""
    for pod in them.pods():
        for container in pod.containers:
            resources = container.get("resources", {})
            for what in ("cpu", "memory"):
                asked = resources.get("requests", {}).get(what)
                most = resources.get("limits", {}).get(what)
                where = f"{pod.name}, {container['name']}, {what}"
                if asked is None or most is None:
                    yield f"{where}: request {asked}, limit {most}: both are needed"
                elif amount(asked) > amount(most):
                    yield f"{where}: the request {asked} is above the limit {most}"


def check_probes(them: Manifests) -> Iterator[str]:
    """A probe asks a port that its container has; what runs on has one that restarts it."""
    for pod in them.pods():
        for container in pod.containers:
            ports = container.get("ports", [])
            known = {key for port in ports for key in (port["containerPort"], port.get("name"))}
            for kind in PROBES:
                for asked in _found(container.get(kind, {}), "port"):
                    if asked not in known:
                        yield f"{pod.name}: {kind} asks port {asked}, which it has not"
    for pod in them.pods():
        if pod.name in ("ray head", "ray trainers", "spark driver"):
            lacking = [kind for kind in PROBES if kind not in pod.spec["containers"][0]]
            if pod.name == "spark driver":  # serves nobody
                lacking = [kind for kind in lacking if kind != "readinessProbe"]
            if lacking:
                yield f"{pod.name} has no {' and no '.join(lacking)}"


def environment(them: Manifests, container: dict[str, Any]) -> dict[str, str]:
    """What a container's process sees; a secret is `secret`."""
    seen = dict(them.settings) if container.get("envFrom") else {}
    for variable in container.get("env", []):
        text = variable.get("value", "secret")
        seen[variable["name"]] = re.sub(r"\$\((\w+)\)", lambda name: seen[name[1]], text)
    return seen


def check_environment(them: Manifests) -> Iterator[str]:
    """Every variable is a setting, and what a process sees makes settings that it starts with."""
    for each in them.settings:
        if each not in SETTINGS:
            yield f"the config map's {each} is not a setting"
    for pod in them.pods():
        if not pod.ours:
            continue
        for container in pod.containers:
            where = f"{pod.name}, {container['name']}"
            names = {variable["name"] for variable in container.get("env", [])}
            for unknown in sorted(names - SETTINGS - OTHERS):
                yield f"{where}: {unknown} is not a setting"
            if container.get("envFrom"):
                yield from _settings(where, environment(them, container))


def _settings(where: str, seen: dict[str, str]) -> Iterator[str]:
    given = {
        name.removeprefix("SHELFCAST_").lower(): value
        for name, value in seen.items()
        if name in SETTINGS and name != "SHELFCAST_KAFKA_CA_FILE"  # is on no machine but there
    }
    try:
        JobSettings(_env_file=None, **given)
    except ValidationError as error:
        yield f"{where}: {error}"


def check_files(them: Manifests) -> Iterator[str]:
    """A file or folder that a setting names is mounted; who is a user has that user's files."""
    for pod in them.pods():
        if not pod.ours:
            continue
        for container in pod.containers:
            mounts = [each["mountPath"] for each in container.get("volumeMounts", [])]
            seen = environment(them, container)
            paths = [value for value in seen.values() if value.startswith("/")]
            paths += re.findall(r"sslrootcert=([^&]+)", " ".join(seen.values()))
            for path in paths:
                if path == CREDENTIALS and "SHELFCAST_DATABASE_URL" in seen:
                    continue  # acts as the tables' owner, and needs nobody's but where it says so
                if not any(PurePosixPath(path).is_relative_to(mount) for mount in mounts):
                    yield f"{pod.name}, {container['name']}: {path} is not mounted"
        yield from _users(pod)


def _users(pod: Pod) -> Iterator[str]:
    wanted = {
        "ray head": set(USERS) - {"sales", "clock", "lambda"},
        "ray trainers": set(USERS) - {"sales", "clock", "lambda"},
        "spark driver": {"sales"},
        "spark executor": set(),
        "shelfcast-migrate": set(USERS),
    }.get(pod.name, {"clock"})
    found = {
        item["path"]
        for volume in pod.spec.get("volumes", [])
        if volume["name"] == "credentials"
        for item in volume["secret"]["items"]
    }
    files = ("shelfcast_kafka_password", "shelfcast_database_url")
    expected = {f"{user}/{file}" for user in wanted for file in files}
    for path in sorted(expected - found):
        yield f"{pod.name} has no {path}"
    for path in sorted(found - expected):
        yield f"{pod.name} has {path}, and is not that user"

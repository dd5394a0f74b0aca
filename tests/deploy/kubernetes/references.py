"""Whatever is referred to is there. A check gives a sentence for each thing that is wrong."""

import importlib.util
import re
from collections.abc import Iterator, Mapping
from typing import Any

from infra.kubernetes import credentials
from tests.deploy.kubernetes.manifests import Manifests, Pod, name

Object = dict[str, Any]

# What operators and people make, and the keys of it; docs/deploying-kubernetes.md lists them.
SECRETS = {
    "shelfcast-credentials": set(credentials.secret()["stringData"]),
    "shelfcast-db-app": {"username", "password", "uri"},
    "shelfcast-db-ca": {"ca.crt"},
    "shelfcast-kafka-cluster-ca-cert": {"ca.crt"},
    "shelfcast-backups": {"ACCESS_KEY_ID", "SECRET_ACCESS_KEY"},
    "shelfcast-tls": {"tls.crt", "tls.key"},
}
URL = re.compile(r"@(?P<host>[\w.-]+):(?P<port>\d+)/")


def services(them: Manifests) -> dict[str, set[int | str]]:
    """The services that operators make of the resources, and their ports."""
    made: dict[str, set[int | str]] = {}
    for each in them.of("RayService"):
        service = each["spec"]["serveService"]
        ports = service["spec"]["ports"]
        made[name(service)] = {key for port in ports for key in (port["port"], port["name"])}
    for each in them.of("Kafka"):
        ports = each["spec"]["kafka"]["listeners"]
        made[f"{name(each)}-kafka-bootstrap"] = {port["port"] for port in ports}
    for each in them.of("Cluster"):
        made |= {f"{name(each)}-{role}": {5432} for role in ("rw", "ro", "r")}
    made |= {name(each): {5432} for each in them.of("Pooler")}
    return made


def check_labels(them: Manifests) -> Iterator[str]:
    """Every selector finds a pod."""
    pods = list(them.pods())

    def finds(selector: Mapping[str, str]) -> bool:
        return any(selector.items() <= pod.labels.items() for pod in pods)

    for each in them.of("PodDisruptionBudget", "PodMonitor"):
        if not finds(each["spec"]["selector"]["matchLabels"]):
            yield f"{each['kind']} {name(each)} selects no pod"
    for each in them.of("NetworkPolicy"):
        if not finds(each["spec"]["podSelector"].get("matchLabels", {})):
            yield f"NetworkPolicy {name(each)} selects no pod"
        for selector in _found(each["spec"], "podSelector"):
            if not finds(selector.get("matchLabels", {})):
                yield f"NetworkPolicy {name(each)} lets {selector} in, which is no pod"
    for pod in pods:
        for selector in _found(pod.spec, "labelSelector"):
            if not selector["matchLabels"].items() <= pod.labels.items():
                yield f"{pod.name} is spread over pods that it is none of: {selector}"
    for each in them.of("KafkaTopic", "KafkaUser", "KafkaNodePool"):
        if each["metadata"]["labels"].get("strimzi.io/cluster") not in them.names("Kafka"):
            yield f"{each['kind']} {name(each)} is of no Kafka cluster"


def check_what_pods_name(them: Manifests) -> Iterator[str]:
    """Config maps, secrets, claims, volumes and accounts."""
    maps = {name(each): set(each["data"]) for each in them.of("ConfigMap")}
    for pod in them.pods():
        volumes = {each["name"]: each for each in pod.spec.get("volumes", [])}
        account = pod.spec.get("serviceAccountName")
        if account is not None and account not in them.names("ServiceAccount"):
            yield f"{pod.name}: there is no service account {account}"
        for volume in volumes.values():
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            if claim is not None and claim not in them.names("PersistentVolumeClaim"):
                yield f"{pod.name}: there is no claim {claim}"
            if "secret" in volume:
                for item in volume["secret"]["items"]:
                    yield from _secret(pod, volume["secret"]["secretName"], item["key"])
        for container in pod.containers:
            where = f"{pod.name}, {container['name']}"
            for mount in container.get("volumeMounts", []):
                if mount["name"] not in volumes:
                    yield f"{where}: there is no volume {mount['name']}"
            for source in container.get("envFrom", []):
                if source["configMapRef"]["name"] not in maps:
                    yield f"{where}: there is no config map {source['configMapRef']['name']}"
            for variable in container.get("env", []):
                said = variable.get("valueFrom", {})
                if "secretKeyRef" in said:
                    yield from _secret(
                        pod, said["secretKeyRef"]["name"], said["secretKeyRef"]["key"]
                    )
                if "configMapKeyRef" in said:
                    wanted = said["configMapKeyRef"]
                    if wanted["key"] not in maps.get(wanted["name"], ()):
                        yield f"{where}: there is no {wanted['key']} in {wanted['name']}"
    for user in them.of("KafkaUser"):
        wanted = user["spec"]["authentication"]["password"]["valueFrom"]["secretKeyRef"]
        yield from _secret(Pod(name(user), {}, {}), wanted["name"], wanted["key"])
    for each in them.of("ObjectStore"):
        for wanted in each["spec"]["configuration"]["s3Credentials"].values():
            yield from _secret(Pod(name(each), {}, {}), wanted["name"], wanted["key"])


def _secret(pod: Pod, secret: str, key: str) -> Iterator[str]:
    if key not in SECRETS.get(secret, ()):
        yield f"{pod.name}: nobody makes {key} in the secret {secret}"


def check_services(them: Manifests) -> Iterator[str]:
    """Hosts and ports that processes and the Ingress ask for."""
    made = services(them)

    def ask(where: str, host: str, port: int | str) -> Iterator[str]:
        if port not in made.get(host, ()):
            yield f"{where}: no service is {host}:{port}"

    for address in them.settings["SHELFCAST_KAFKA_BOOTSTRAP"].split(","):
        host, _, port = address.rpartition(":")
        yield from ask("settings", host, int(port))
    urls = [("the secret of credentials", credentials.DATABASE)]
    for pod in them.pods():
        for container in pod.containers:
            for variable in container.get("env", []):
                urls.append((pod.name, variable.get("value", "")))
    for where, url in urls:
        if (found := URL.search(url)) is not None:
            yield from ask(where, found["host"], int(found["port"]))
    names_of_pooler = {
        each
        for cluster in them.of("Cluster")
        for each in cluster["spec"]["certificates"]["serverAltDNSNames"]
    }
    for pooler in them.names("Pooler") - names_of_pooler:
        yield f"the database's certificate does not know the name {pooler}"
    for each in them.of("Ingress"):
        secured = {host for tls in each["spec"]["tls"] for host in tls["hosts"]}
        for rule in each["spec"]["rules"]:
            if rule["host"] not in secured:
                yield f"Ingress: {rule['host']} has no TLS"
            if rule["host"] not in them.settings["SHELFCAST_HTTP_HOSTS"].split(","):
                yield f"Ingress: the API refuses the host {rule['host']}"
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                port = service["port"].get("name") or service["port"].get("number")
                yield from ask("Ingress", service["name"], port)
        for tls in each["spec"]["tls"]:
            if tls["secretName"] not in SECRETS:
                yield f"Ingress: nobody makes the secret {tls['secretName']}"


def check_resources_of_operators(them: Manifests) -> Iterator[str]:
    """What operators' resources say of each other."""
    databases = them.names("Cluster")
    for each in them.of("Pooler", "ScheduledBackup"):
        if each["spec"]["cluster"]["name"] not in databases:
            yield f"{each['kind']} {name(each)} is of no database"
    stores = them.names("ObjectStore")
    for each in them.of("Cluster"):
        for plugin in each["spec"].get("plugins", []):
            if plugin["parameters"]["barmanObjectName"] not in stores:
                yield f"{name(each)} is backed up to {plugin['parameters']}, which is not a store"
    if them.of("ScheduledBackup") and not any("plugins" in c["spec"] for c in them.of("Cluster")):
        yield "a backup is scheduled, and the database has no plugin for it"
    for each in them.of("RoleBinding"):
        for subject in each["subjects"]:
            if subject["name"] not in them.names("ServiceAccount"):
                yield f"RoleBinding {name(each)}: there is no service account {subject['name']}"
        if each["roleRef"]["name"] not in them.names("Role"):
            yield f"RoleBinding {name(each)}: there is no role {each['roleRef']['name']}"
    for each in them.of("ServiceMonitor"):
        made = f"{next(iter(them.names('RayService')))}-serve"  # KubeRay's label of the service
        if each["spec"]["selector"]["matchLabels"] != {"ray.io/serve": made}:
            yield f"ServiceMonitor {name(each)} selects no service"
        for endpoint in each["spec"]["endpoints"]:
            if endpoint["port"] not in services(them)["shelfcast-api"]:
                yield f"ServiceMonitor {name(each)}: the service has no port {endpoint['port']}"
    pods = list(them.pods())
    for each in them.of("PodMonitor"):
        selector = each["spec"]["selector"]["matchLabels"].items()
        for endpoint in each["spec"]["podMetricsEndpoints"]:
            for pod in pods:
                ports = {p.get("name") for c in pod.containers for p in c.get("ports", [])}
                if selector <= pod.labels.items() and endpoint["port"] not in ports:
                    yield f"PodMonitor {name(each)}: {pod.name} has no port {endpoint['port']}"


def check_commands(them: Manifests) -> Iterator[str]:
    """A module that a container runs is a module of ours."""
    for pod in them.pods():
        for container in pod.containers:
            words = [*container.get("command", []), *container.get("args", [])]
            if "-m" in words:
                module = words[words.index("-m") + 1]
                if importlib.util.find_spec(module) is None:
                    yield f"{pod.name}: there is no module {module}"


def _found(value: Any, key: str) -> Iterator[Any]:
    """Every value of the key, however deep."""
    if isinstance(value, dict):
        for each, inner in value.items():
            if each == key:
                yield inner
            yield from _found(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _found(inner, key)

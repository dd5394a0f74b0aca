"""An overlay as Kustomize renders it, and the pods that come of it, operators' included."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import yaml

from tests.deploy.tools import PROJECT, run

KUBERNETES = PROJECT / "infra/kubernetes"
OVERLAYS = ("kind", "small", "large")
BUILT_IN = {"v1", "batch/v1", "networking.k8s.io/v1", "policy/v1", "rbac.authorization.k8s.io/v1"}

Object = dict[str, Any]


@dataclass
class Pod:
    """A pod's template with the labels that its operator adds. `many` is how many there are at
    least; `scales`: its owner tells Kubernetes how many there should be.
    """

    name: str
    labels: Mapping[str, str]
    spec: Object
    many: int = 1
    scales: bool = True
    ours: bool = True

    @property
    def containers(self) -> list[Object]:
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]


@dataclass
class Manifests:
    """The objects of an overlay."""

    objects: list[Object] = field(default_factory=list)

    def of(self, *kinds: str) -> list[Object]:
        return [each for each in self.objects if each["kind"] in kinds]

    def get(self, kind: str, name: str) -> Object:
        (found,) = [each for each in self.of(kind) if each["metadata"]["name"] == name]
        return found

    def names(self, kind: str) -> set[str]:
        return {each["metadata"]["name"] for each in self.of(kind)}

    @property
    def settings(self) -> dict[str, str]:
        (found,) = [c for c in self.of("ConfigMap") if "shelfcast-settings" in name(c)]
        data: dict[str, str] = found["data"]
        return data

    @property
    def ray(self) -> Object:
        spec: Object = self.get("RayService", "shelfcast")["spec"]
        return spec

    def pods(self) -> Iterator[Pod]:
        for each in self.objects:
            yield from _PODS.get(each["kind"], lambda _: ())(each)


def name(each: Object) -> str:
    text: str = each["metadata"]["name"]
    return text


@cache
def _rendered(overlay: str) -> list[Object]:
    text = run("kubectl", ["kustomize", KUBERNETES / "overlays" / overlay])
    return list(yaml.safe_load_all(text))


def render(overlay: str) -> Manifests:
    """Fresh objects, which a test may change."""
    return Manifests(copy.deepcopy(_rendered(overlay)))


def _of_template(title: str, template: Object, added: Mapping[str, str], **more: Any) -> Pod:
    labels = template.get("metadata", {}).get("labels", {})
    return Pod(title, {**labels, **added}, template["spec"], **more)


def _job(each: Object) -> Iterator[Pod]:
    yield _of_template(name(each), each["spec"]["template"], {})


def _cron_job(each: Object) -> Iterator[Pod]:
    yield _of_template(name(each), each["spec"]["jobTemplate"]["spec"]["template"], {})


def _ray(each: Object) -> Iterator[Pod]:
    cluster = each["spec"]["rayClusterConfig"]
    head = cluster["headGroupSpec"]["template"]
    sidecar = {"name": "autoscaler", "image": head["spec"]["containers"][0]["image"]}
    of_head = copy.deepcopy(head)
    if cluster.get("enableInTreeAutoscaling"):
        of_head["spec"]["containers"].append(sidecar | cluster["autoscalerOptions"])
    yield _of_template("ray head", of_head, {"ray.io/node-type": "head"}, scales=False)
    for group in cluster["workerGroupSpecs"]:
        yield _of_template(
            f"ray {group['groupName']}",
            group["template"],
            {"ray.io/node-type": "worker"},
            many=group["minReplicas"],
            scales=False,
        )


def _spark(each: Object) -> Iterator[Pod]:
    for role in ("driver", "executor"):
        spec = each["spec"][role]
        template = copy.deepcopy(spec["template"])
        memory = f"{int(spec['memory'].rstrip('g')) + int(spec['memoryOverhead'].rstrip('g'))}Gi"
        cpu = spec.get("coreRequest", str(spec["cores"]))
        template["spec"]["containers"][0]["resources"] = {
            "requests": {"cpu": cpu, "memory": memory},
            "limits": {"cpu": spec["coreLimit"], "memory": memory},
        }
        if "serviceAccount" in spec:
            template["spec"]["serviceAccountName"] = spec["serviceAccount"]
        many = spec.get("instances", 1)
        yield _of_template(f"spark {role}", template, {"spark-role": role}, many=many, scales=False)


def _pooler(each: Object) -> Iterator[Pod]:
    added = {"cnpg.io/poolerName": name(each)}
    template = copy.deepcopy(each["spec"]["template"])
    template["spec"]["containers"][0]["ports"] = [{"containerPort": 5432}, _metrics(9127)]
    yield _of_template(
        name(each), template, added, many=each["spec"]["instances"], scales=True, ours=False
    )


def _database(each: Object) -> Iterator[Pod]:
    ports = [{"name": "postgresql", "containerPort": 5432}, _metrics(9187)]
    container = {"name": "postgres", "resources": each["spec"]["resources"], "ports": ports}
    affinity = each["spec"]["affinity"]
    yield Pod(
        name(each),
        {"cnpg.io/cluster": name(each)},
        {"containers": [container], "spread over": affinity["topologyKey"]},
        many=each["spec"]["instances"],
        ours=False,
    )


def _metrics(port: int) -> Object:
    return {"name": "metrics", "containerPort": port}


def _node_pool(each: Object) -> Iterator[Pod]:
    spec = each["spec"]
    ports = [{"containerPort": 9093}, {"name": "tcp-prometheus", "containerPort": 9404}]
    container = {"name": "kafka", "resources": spec["resources"], "ports": ports}
    labels = {
        **each["metadata"]["labels"],
        "strimzi.io/kind": "Kafka",
        "strimzi.io/pool-name": name(each),
    }
    template = spec["template"]
    pod = {"containers": [container | template["kafkaContainer"]], **template["pod"]}
    yield Pod(name(each), labels, pod, many=spec["replicas"], ours=False)


def _entity_operator(each: Object) -> Iterator[Pod]:
    spec = each["spec"]["entityOperator"]
    containers = [
        {"name": part, "resources": spec[part]["resources"]} | spec["template"][f"{part}Container"]
        for part in ("topicOperator", "userOperator")
    ]
    pod = {"containers": containers, **spec["template"]["pod"]}
    yield Pod("entity operator", {"strimzi.io/cluster": name(each)}, pod, ours=False)


_PODS = {
    "Job": _job,
    "CronJob": _cron_job,
    "RayService": _ray,
    "SparkApplication": _spark,
    "Pooler": _pooler,
    "Cluster": _database,
    "KafkaNodePool": _node_pool,
    "Kafka": _entity_operator,
}

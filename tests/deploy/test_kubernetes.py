"""Every overlay is what Kubernetes and the operators take, and agrees with itself and the code.

No cluster runs: `kubectl kustomize` renders, `kubernetes-validate` knows Kubernetes' own kinds, and
the operators' schemas, made from their CRDs, lie outside of the project, in SHELFCAST_CRDS.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from infra.kubernetes import rules, topics, users
from infra.kubernetes.written import text
from tests.deploy.kubernetes import agreement, network, pods, references
from tests.deploy.kubernetes.manifests import BUILT_IN, OVERLAYS, Manifests, name, render
from tests.deploy.tools import PROJECT, run

CRDS = Path(os.environ.get("SHELFCAST_CRDS", PROJECT / "../shared/crds"))
# Of these there are no schemas there; `SHAPES` says what they have to have.
WITHOUT_SCHEMA = {"ServiceMonitor", "PodMonitor", "PrometheusRule", "ObjectStore"}
SHAPES = {
    "ServiceMonitor": ("monitoring.coreos.com/v1", {"selector", "endpoints"}),
    "PodMonitor": ("monitoring.coreos.com/v1", {"selector", "podMetricsEndpoints"}),
    "PrometheusRule": ("monitoring.coreos.com/v1", {"groups"}),
    "ObjectStore": ("barmancloud.cnpg.io/v1", {"configuration", "retentionPolicy"}),
}
DOCS = PROJECT / "docs/deploying-kubernetes.md"

Check = Callable[[Manifests], Iterator[str]]
CHECKS: dict[str, Check] = {
    title: check
    for module in (references, pods, network, agreement)
    for title, check in vars(module).items()
    if title.startswith("check_")
}

each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


@each_overlay
def test_kubernetes_takes_its_own_kinds(overlay: str, tmp_path: Path):
    found = [each for each in render(overlay).objects if each["apiVersion"] in BUILT_IN]
    file = tmp_path / "objects.yaml"
    file.write_text(yaml.safe_dump_all(found))
    run("kubernetes-validate", ["-k", "1.34", "--strict", "--quiet", file])


def test_a_field_that_kubernetes_does_not_know_is_refused(tmp_path: Path):
    job = render("small").get("Job", "shelfcast-migrate")
    job["spec"]["backoff"] = 3
    file = tmp_path / "objects.yaml"
    file.write_text(yaml.safe_dump(job))
    with pytest.raises(AssertionError, match="backoff"):
        run("kubernetes-validate", ["-k", "1.34", "--strict", "--quiet", file])


def schema(each: dict[str, Any]) -> Draft202012Validator:
    group, _, version = each["apiVersion"].partition("/")
    file = CRDS / f"{group}_{each['kind']}_{version}.json"
    return Draft202012Validator(json.loads(file.read_text()))


def custom(overlay: str) -> list[dict[str, Any]]:
    return [each for each in render(overlay).objects if each["apiVersion"] not in BUILT_IN]


@pytest.mark.skipif(not CRDS.is_dir(), reason=f"no schemas of custom resources in {CRDS}")
@each_overlay
def test_operators_take_their_kinds(overlay: str):
    for each in custom(overlay):
        if each["kind"] not in WITHOUT_SCHEMA:
            wrong = [f"{e.json_path}: {e.message}" for e in schema(each).iter_errors(each)]
            assert wrong == [], f"{each['kind']} {name(each)}"


@pytest.mark.skipif(not CRDS.is_dir(), reason=f"no schemas of custom resources in {CRDS}")
def test_a_field_that_an_operator_does_not_know_is_refused():
    service = render("small").get("RayService", "shelfcast")
    service["spec"]["rayClusterConfig"]["workerGroup"] = []
    assert list(schema(service).iter_errors(service))


@each_overlay
def test_kinds_without_a_schema_have_their_version_and_parts(overlay: str):
    for each in custom(overlay):
        if each["kind"] in WITHOUT_SCHEMA:
            version, parts = SHAPES[each["kind"]]
            assert each["apiVersion"] == version
            assert parts <= each["spec"].keys()


@each_overlay
def test_everything_is_in_one_namespace_and_nothing_is_a_secret(overlay: str):
    for each in render(overlay).objects:
        assert each["kind"] != "Secret"
        if each["kind"] != "Namespace":
            assert each["metadata"]["namespace"] == "shelfcast"


@each_overlay
@pytest.mark.parametrize("title", CHECKS)
def test_an_overlay_is_right(overlay: str, title: str):
    assert list(CHECKS[title](render(overlay))) == []


@pytest.mark.parametrize("module", [rules, topics, users])
def test_what_is_made_from_the_code_is_current(module: Any):
    assert module.FILE.read_text() == text(module.manifests(), module.__name__)


@each_overlay
def test_the_docs_say_what_an_overlay_asks_for(overlay: str):
    always = [
        (pod.many, container["resources"]["requests"])
        for pod in render(overlay).pods()
        if pod.labels.get("app.kubernetes.io/component") not in ("migrate", "scheduler")
        for container in pod.spec["containers"]
    ]
    cores = sum(many * pods.amount(asked["cpu"]) for many, asked in always)
    memory = sum(many * pods.amount(asked["memory"]) for many, asked in always) / 2**30
    (row,) = [line for line in DOCS.read_text().splitlines() if line.startswith(f"| `{overlay}` |")]
    assert f"| {cores:.1f}, {memory:.1f} GiB" in row


def test_the_docs_list_every_secret():
    told = DOCS.read_text().partition("## Secrets")[2]
    for secret in references.SECRETS:
        assert f"`{secret}`" in told


def _ray(them: Manifests) -> dict[str, Any]:
    cluster: dict[str, Any] = them.ray["rayClusterConfig"]
    return cluster


def _head(them: Manifests) -> dict[str, Any]:
    spec: dict[str, Any] = _ray(them)["headGroupSpec"]["template"]["spec"]
    return spec


def _migrate(them: Manifests) -> dict[str, Any]:
    spec: dict[str, Any] = them.get("Job", "shelfcast-migrate")["spec"]["template"]["spec"]
    return spec


def _container(them: Manifests) -> dict[str, Any]:
    container: dict[str, Any] = _head(them)["containers"][0]
    return container


def _policy(them: Manifests, title: str) -> dict[str, Any]:
    spec: dict[str, Any] = them.get("NetworkPolicy", title)["spec"]
    return spec


def _without(them: Manifests, kind: str, title: str) -> None:
    them.objects.remove(them.get(kind, title))


def _env(container: dict[str, Any], variable: str) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = [each for each in container["env"] if each["name"] == variable]
    return found


BROKEN: list[tuple[str, Callable[[Manifests], Any], str]] = [
    # references
    (
        "check_labels",
        lambda t: t.get("PodDisruptionBudget", "shelfcast-ray-workers")["spec"]["selector"][
            "matchLabels"
        ].update({"app.kubernetes.io/component": "rays"}),
        "selects no pod",
    ),
    (
        "check_labels",
        lambda t: _policy(t, "scheduler")["podSelector"]["matchLabels"].update(x="y"),
        "NetworkPolicy scheduler selects no pod",
    ),
    (
        "check_labels",
        lambda t: _policy(t, "pooler")["ingress"][0]["from"][0]["podSelector"].update(
            matchLabels={"a": "b"}
        ),
        "which is no pod",
    ),
    (
        "check_labels",
        lambda t: t.get("KafkaTopic", "sales")["metadata"]["labels"].clear(),
        "is of no Kafka cluster",
    ),
    (
        "check_what_pods_name",
        lambda t: _head(t)["containers"][0]["envFrom"][0]["configMapRef"].update(name="other"),
        "no config map other",
    ),
    (
        "check_what_pods_name",
        lambda t: _container(t)["env"].append(
            {
                "name": "SHELFCAST_SCHEDULE",
                "valueFrom": {"configMapKeyRef": {"name": "shelfcast-settings", "key": "SCHEDULE"}},
            }
        ),
        "there is no SCHEDULE",
    ),
    (
        "check_what_pods_name",
        lambda t: _env(_migrate(t)["initContainers"][0], "POSTGRES_USER")["valueFrom"][
            "secretKeyRef"
        ].update(name="shelfcast-db"),
        "nobody makes username in the secret shelfcast-db",
    ),
    (
        "check_what_pods_name",
        lambda t: _head(t)["volumes"][-1]["secret"]["items"][0].update(key="planner"),
        "nobody makes planner",
    ),
    (
        "check_what_pods_name",
        lambda t: _container(t)["volumeMounts"].append({"name": "x", "mountPath": "/x"}),
        "there is no volume x",
    ),
    (
        "check_what_pods_name",
        lambda t: _without(t, "PersistentVolumeClaim", "shelfcast-checkpoints"),
        "there is no claim",
    ),
    (
        "check_what_pods_name",
        lambda t: _without(t, "ServiceAccount", "shelfcast-sales"),
        "no service account shelfcast-sales",
    ),
    (
        "check_services",
        lambda t: t.settings.update(SHELFCAST_KAFKA_BOOTSTRAP="shelfcast-kafka:9093"),
        "no service is shelfcast-kafka:9093",
    ),
    (
        "check_services",
        lambda t: t.get("Kafka", "shelfcast-kafka")["spec"]["kafka"]["listeners"][0].update(
            port=9092
        ),
        "no service is shelfcast-kafka-kafka-bootstrap:9093",
    ),
    (
        "check_services",
        lambda t: t.get("Ingress", "shelfcast")["spec"]["rules"][0]["http"]["paths"][0]["backend"][
            "service"
        ].update(name="shelfcast"),
        "Ingress: no service is shelfcast:serve",
    ),
    (
        "check_services",
        lambda t: t.get("Ingress", "shelfcast")["spec"]["rules"][0].update(host="a.example.org"),
        "has no TLS",
    ),
    (
        "check_services",
        lambda t: t.settings.update(SHELFCAST_HTTP_HOSTS="elsewhere.example.org"),
        "the API refuses the host",
    ),
    (
        "check_services",
        lambda t: t.get("Pooler", "shelfcast-db-pooler")["metadata"].update(name="pooler"),
        "does not know the name pooler",
    ),
    (
        "check_resources_of_operators",
        lambda t: _without(t, "ObjectStore", "shelfcast-backups"),
        "which is no store",
    ),
    (
        "check_resources_of_operators",
        lambda t: t.get("ScheduledBackup", "shelfcast-db")["spec"]["cluster"].update(name="x"),
        "is of no database",
    ),
    (
        "check_resources_of_operators",
        lambda t: t.get("PodMonitor", "shelfcast-kafka")["spec"]["podMetricsEndpoints"][0].update(
            port="prometheus"
        ),
        "has no port prometheus",
    ),
    (
        "check_resources_of_operators",
        lambda t: t.get("ServiceMonitor", "shelfcast-api")["spec"]["selector"].update(
            matchLabels={"app": "shelfcast"}
        ),
        "selects no service",
    ),
    (
        "check_resources_of_operators",
        lambda t: _without(t, "Role", "shelfcast-sales"),
        "there is no role",
    ),
    (
        "check_commands",
        lambda t: _head(t)["initContainers"][0].update(args=["python", "-m", "infra.nothing"]),
        "there is no module infra.nothing",
    ),
    # pods
    (
        "check_rights",
        lambda t: _head(t)["securityContext"].update(runAsUser=0),
        "may run as root",
    ),
    (
        "check_rights",
        lambda t: _container(t)["securityContext"].pop("readOnlyRootFilesystem"),
        "may write to its image",
    ),
    (
        "check_rights",
        lambda t: _ray(t)["autoscalerOptions"]["securityContext"].pop("capabilities"),
        "keeps capabilities",
    ),
    (
        "check_rights",
        lambda t: t.get("KafkaNodePool", "brokers")["spec"]["template"].update(kafkaContainer={}),
        "may gain rights",
    ),
    (
        "check_rights",
        lambda t: _head(t)["securityContext"].pop("seccompProfile"),
        "has no seccomp profile",
    ),
    (
        "check_rights",
        lambda t: t.get("Namespace", "shelfcast")["metadata"].update(labels={}),
        "the namespace lets in",
    ),
    (
        "check_resources",
        lambda t: _container(t)["resources"]["requests"].update(cpu="2500m"),
        "the request 2500m is above the limit 2",
    ),
    (
        "check_resources",
        lambda t: t.get("Pooler", "shelfcast-db-pooler")["spec"]["template"]["spec"]["containers"][
            0
        ].pop("resources"),
        "both are needed",
    ),
    (
        "check_resources",
        lambda t: t.get("SparkApplication", "shelfcast-sales")["spec"]["driver"].update(
            coreLimit="500m"
        ),
        "the request 1 is above the limit 500m",
    ),
    (
        "check_probes",
        lambda t: _container(t)["readinessProbe"]["httpGet"].update(port=8266),
        "asks port 8266",
    ),
    ("check_probes", lambda t: _container(t).pop("livenessProbe"), "has no livenessProbe"),
    (
        "check_environment",
        lambda t: t.settings.update(SHELFCAST_SHEDULE="0 4 * * 1"),
        "SHELFCAST_SHEDULE is no setting",
    ),
    (
        "check_environment",
        lambda t: _container(t)["env"].append({"name": "SHELFCAST_X", "value": "y"}),
        "SHELFCAST_X is no setting",
    ),
    (
        "check_environment",
        lambda t: t.settings.update(SHELFCAST_TRAINER_REPLICAS_MAX="40"),
        "trainer_replicas_max",
    ),
    (
        "check_environment",
        lambda t: _container(t).update(env=[]),
        "needs a kafka_username",
    ),
    (
        "check_files",
        lambda t: _container(t)["volumeMounts"].pop(2),
        "/run/secrets/kafka-ca/ca.crt is not mounted",
    ),
    (
        "check_files",
        lambda t: _head(t)["volumes"][-1]["secret"]["items"].pop(0),
        "has no planner/shelfcast_kafka_password",
    ),
    (
        "check_files",
        lambda t: t.get("CronJob", "shelfcast-prune")["spec"]["jobTemplate"]["spec"]["template"][
            "spec"
        ].update(volumes=_head(t)["volumes"]),
        "and is not that user",
    ),
    # network
    ("check_network", lambda t: _without(t, "NetworkPolicy", "deny-all"), "denies everything"),
    (
        "check_network",
        lambda t: _without(t, "NetworkPolicy", "migrate"),
        "shelfcast-migrate has no policy of its own",
    ),
    (
        "check_network",
        lambda t: _policy(t, "ray")["egress"].pop(1),
        "ray head can't reach brokers at 9093",
    ),
    (
        "check_network",
        lambda t: _policy(t, "pooler")["ingress"].pop(0),
        "ray trainers can't reach shelfcast-db-pooler at 5432",
    ),
    (
        "check_network",
        lambda t: (
            _policy(t, "scheduler")["egress"].append({}),
            _policy(t, "ray")["ingress"].append({}),
        ),
        "shelfcast-retrain can reach ray head at 8265, and need not",
    ),
    (
        "check_network",
        lambda t: t.get("Kafka", "shelfcast-kafka")["spec"]["kafka"]["listeners"][0].pop(
            "networkPolicyPeers"
        ),
        "Strimzi lets everybody in",
    ),
    (
        "check_budgets",
        lambda t: t.get("PodDisruptionBudget", "shelfcast-ray-workers")["spec"].update(
            minAvailable=2
        ),
        "so no node can be drained",
    ),
    (
        "check_budgets",
        lambda t: t.get("PodDisruptionBudget", "shelfcast-ray-workers").update(
            spec={
                "maxUnavailable": 1,
                "selector": {"matchLabels": {"ray.io/node-type": "worker"}},
            }
        ),
        "only minAvailable can be counted",
    ),
    (
        "check_budgets",
        lambda t: t.get("Cluster", "shelfcast-db")["spec"].update(instances=1),
        "its only instance has a budget",
    ),
    # agreement
    ("check_versions", lambda t: _ray(t).update(rayVersion="2.59.0"), "the lock has ray 2"),
    (
        "check_versions",
        lambda t: _container(t).update(image="shelfcast:latest"),
        "image of ray head is latest",
    ),
    (
        "check_versions",
        lambda t: t.get("SparkApplication", "shelfcast-sales")["spec"].update(sparkVersion="4.1.0"),
        "sparkVersion is 4.1.0",
    ),
    (
        "check_versions",
        lambda t: t.get("Kafka", "shelfcast-kafka")["spec"]["kafka"].update(version="4.2.0"),
        "Kafka's version is 4.2.0",
    ),
    (
        "check_versions",
        lambda t: t.get("Cluster", "shelfcast-db")["spec"]["imageCatalogRef"].update(major=17),
        "Postgres is 17",
    ),
    ("check_topics", lambda t: _without(t, "KafkaTopic", "runs"), "there is no topic runs"),
    (
        "check_topics",
        lambda t: t.get("KafkaTopic", "sales")["spec"].update(partitions=7),
        "topic sales is not as in the table",
    ),
    (
        "check_topics",
        lambda t: t.get("KafkaNodePool", "brokers")["spec"].update(replicas=2),
        "3 replicas on 2 brokers",
    ),
    (
        "check_topics",
        lambda t: _migrate(t)["initContainers"][0]["args"].__setitem__(3, "1"),
        "would make topics with other replicas",
    ),
    (
        "check_topics",
        lambda t: t.get("Kafka", "shelfcast-kafka")["spec"]["kafka"]["config"].update(
            {"min.insync.replicas": 3}
        ),
        "or stops all",
    ),
    (
        "check_users",
        lambda t: t.get("KafkaUser", "trainer")["spec"]["authorization"]["acls"].append(
            {"resource": {"type": "topic", "name": "sales"}, "operations": ["Read"]}
        ),
        "user trainer may do something else",
    ),
    (
        "check_users",
        lambda t: t.get("KafkaUser", "shop")["spec"]["authorization"]["acls"][0]["resource"].update(
            name="sale"
        ),
        "which is no topic",
    ),
    (
        "check_serve",
        lambda t: t.ray.update(
            serveConfigV2=t.ray["serveConfigV2"].replace("ray_service:app", "ray_service:main")
        ),
        "is no function",
    ),
    (
        "check_serve",
        lambda t: t.ray.update(serveConfigV2=t.ray["serveConfigV2"].replace("planner", "planer")),
        "deployments are",
    ),
    (
        "check_serve",
        lambda t: t.ray.update(serveConfigV2=t.ray["serveConfigV2"].replace("8000", "8001")),
        "Serve listens at 8001",
    ),
    ("check_serve", lambda t: _ray(t).pop("authOptions"), "Ray asks for no token"),
    (
        "check_serve",
        lambda t: _ray(t)["workerGroupSpecs"][0].update(maxReplicas=2),
        "3 trainers need as many cores",
    ),
    (
        "check_schedules",
        lambda t: t.get("CronJob", "shelfcast-retrain")["spec"].update(schedule="0 5 * * 1"),
        "shelfcast-retrain runs at 0 5 * * 1",
    ),
    (
        "check_schedules",
        lambda t: t.get("CronJob", "shelfcast-retrain")["spec"].pop("timeZone"),
        "does not run by UTC",
    ),
    (
        "check_schedules",
        lambda t: _without(t, "CronJob", "shelfcast-prune"),
        "schedules are",
    ),
    (
        "check_connections",
        lambda t: t.get("Pooler", "shelfcast-db-pooler")["spec"]["pgbouncer"].update(
            poolMode="transaction"
        ),
        "need a pooler of sessions",
    ),
    (
        "check_connections",
        lambda t: t.get("Pooler", "shelfcast-db-pooler")["spec"].update(instances=1),
        "are needed",
    ),
    (
        "check_connections",
        lambda t: t.get("Cluster", "shelfcast-db")["spec"]["postgresql"]["parameters"].update(
            max_connections="200"
        ),
        "and Postgres takes 200",
    ),
    (
        "check_nothing_is_lost",
        lambda t: t.get("Cluster", "shelfcast-db")["spec"]["postgresql"].pop("synchronous"),
        "a failover would lose rows",
    ),
]


@pytest.mark.parametrize(
    ("title", "break_it", "told"), BROKEN, ids=[f"{title}: {told}" for title, _, told in BROKEN]
)
def test_a_check_tells_what_is_broken(title: str, break_it: Callable[[Manifests], Any], told: str):
    them = render("small")
    break_it(them)
    problems = list(CHECKS[title](them))
    assert any(told in problem for problem in problems), problems


def test_every_check_has_an_example_that_it_tells_of():
    assert {title for title, _, _ in BROKEN} == set(CHECKS)

"""What manifests say agrees with the code and its locks, and with each other."""

import importlib
import json
import re
import tomllib
import warnings
from collections.abc import Iterator
from typing import Any

import yaml

from events.topics import TOPICS
from functions.catalog import processes
from infra.access import USERS
from infra.kubernetes import users
from infra.postgres.connections import CONNECTIONS
from tests.deploy.kubernetes.manifests import Manifests, name
from tests.deploy.kubernetes.pods import amount
from tests.deploy.tools import PROJECT

SCALED = "trainer"  # its replicas follow the lag up to a setting of its own
SCHEDULES = {"schedule", "forecast_schedule", "prune_schedule"}


def _locked(package: str) -> str:
    lock = (PROJECT / "requirements.txt").read_text()
    (version,) = re.findall(rf"^{package}==([\w.]+)", lock, re.MULTILINE)
    return str(version)


def versions() -> dict[str, str]:
    """Of what runs, by the locks and by what the tests run on."""
    jars = json.loads((PROJECT / "infra/local/jars.lock.json").read_text())["kafka"]
    (kafka,) = {jar["version"] for jar in jars if jar["artifact"].startswith("kafka_")}
    (postgres,) = re.findall(r"pginstall(\d+)", (PROJECT / "infra/local/postgres.py").read_text())
    return {
        "shelfcast": tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"],
        "ray": _locked("ray"),
        "pyspark": _locked("pyspark"),
        "kafka": kafka,
        "postgres": postgres,
    }


def check_versions(them: Manifests) -> Iterator[str]:
    """Images and versions are those of the locks."""
    wanted = versions()
    said = [("ray", "rayVersion", them.ray["rayClusterConfig"]["rayVersion"])]
    for each in them.of("SparkApplication"):
        said.append(("pyspark", "sparkVersion", each["spec"]["sparkVersion"]))
        said.append(("shelfcast", "image of Spark", _tag(each["spec"]["image"])))
    for each in them.of("Kafka"):
        said.append(("kafka", "Kafka's version", each["spec"]["kafka"]["version"]))
    for each in them.of("Cluster"):
        said.append(("postgres", "Postgres", str(each["spec"]["imageCatalogRef"]["major"])))
    for pod in them.pods():
        for container in pod.containers:
            if pod.ours:
                said.append(("shelfcast", f"image of {pod.name}", _tag(container.get("image", ""))))
    for what, where, found in said:
        if found != wanted[what]:
            yield f"{where} is {found or 'not said'}, and the lock has {what} {wanted[what]}"


def _tag(image: str) -> str:
    repository, _, tag = image.rpartition(":")
    return tag if repository == "shelfcast" else image


def check_topics(them: Manifests) -> Iterator[str]:
    """The topics of the table, on as many brokers as there are."""
    brokers = sum(p["spec"]["replicas"] for p in them.of("KafkaNodePool") if _is_broker(p))
    found = {name(each): each["spec"] for each in them.of("KafkaTopic")}
    for missing in sorted(TOPICS.keys() - found.keys()):
        yield f"there is no topic {missing}"
    for each, spec in found.items():
        topic = TOPICS.get(each)
        if topic is None:
            yield f"{each} is not a topic of the table"
        elif (spec["partitions"], spec["config"]) != (topic.partitions, topic.config):
            yield f"topic {each} is not as in the table"
        if spec["replicas"] > brokers:
            yield f"topic {each} has {spec['replicas']} replicas on {brokers} brokers"
    replicas = {spec["replicas"] for spec in found.values()}
    for each in them.of("Kafka"):
        config = each["spec"]["kafka"]["config"]
        for key, value in config.items():
            if key.endswith("replication.factor") and replicas != {value}:
                yield f"Kafka's {key} is {value}, and topics have {replicas} replicas"
        if (
            brokers > 1
            and not 1 < config["min.insync.replicas"] < config["default.replication.factor"]
        ):
            yield "min.insync.replicas: one broker away loses records, or stops all"
    for each in them.of("Job"):
        words = each["spec"]["template"]["spec"]["initContainers"][0]["args"]
        if {int(words[words.index("--replication-factor") + 1])} != replicas:
            yield f"{name(each)} would make topics with other replicas than {replicas}"


def _is_broker(pool: dict[str, Any]) -> bool:
    return "broker" in pool["spec"]["roles"]


def check_users(them: Manifests) -> Iterator[str]:
    """Every user has the rights that `infra.access` says, and no other."""
    found = {name(each): each["spec"]["authorization"]["acls"] for each in them.of("KafkaUser")}
    for user in USERS:
        if user not in found:
            yield f"there is no user {user}"
        elif found[user] != users.acls(USERS[user]):
            yield f"user {user} may do something else than infra.access says"
    for user, acls in found.items():
        for acl in acls:
            resource = acl["resource"]
            if resource["type"] == "topic" and resource["name"] not in TOPICS:
                yield f"user {user} has rights to {resource['name']}, which is not a topic"


def _of_ray(module: str) -> Any:
    """A module that imports Serve, which uses of pydantic what is deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(module)


def check_serve(them: Manifests) -> Iterator[str]:
    """Serve's configuration is one, names every deployment, and has room for the trainers."""
    config = yaml.safe_load(them.ray["serveConfigV2"])
    served = _of_ray("ray.serve.schema").ServeDeploySchema.model_validate(config)
    for application in served.applications:
        module, _, builder = application.import_path.partition(":")
        if not callable(getattr(_of_ray(module), builder, None)):
            yield f"import_path: {application.import_path} is not a function"
        named = {each.name for each in application.deployments}
        wanted = {*processes("spread"), "api"}
        if named != wanted:
            yield f"deployments are {sorted(named)}, and there are {sorted(wanted)}"
    head = them.ray["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"][0]
    serving = {p["containerPort"] for p in head["ports"] if p["name"] == "serve"}
    if serving != {config["http_options"]["port"]}:
        yield f"Serve listens at {config['http_options']['port']}, and the head has {serving}"
    if config["http_options"]["host"] != "0.0.0.0":  # noqa: S104 - a pod's probes come from outside
        yield "Serve listens where no probe reaches it"
    if them.ray["rayClusterConfig"].get("authOptions", {}).get("mode") != "token":
        yield "Ray asks for no token"
    cores = sum(
        group["maxReplicas"] * amount(_worker(group)["resources"]["limits"]["cpu"])
        for group in them.ray["rayClusterConfig"]["workerGroupSpecs"]
    )
    if (most := int(them.settings["SHELFCAST_TRAINER_REPLICAS_MAX"])) > cores:
        yield f"{most} trainers need as many cores, and workers have {cores:g} at most"


def _worker(group: dict[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = group["template"]["spec"]["containers"][0]
    return container


def check_schedules(them: Manifests) -> Iterator[str]:
    """A CronJob for each schedule, of the expression that the settings say."""
    seen = set()
    for each in them.of("CronJob"):
        spec = each["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        schedule = spec["containers"][0]["args"][-1]
        seen.add(schedule)
        wanted = them.settings.get(f"SHELFCAST_{schedule.upper()}")
        if each["spec"]["schedule"] != wanted:
            yield f"{name(each)} runs at {each['spec']['schedule']}, and the setting is {wanted}"
        if each["spec"].get("timeZone") != "Etc/UTC":
            yield f"{name(each)} does not run by UTC, as the setting does"
    if seen != SCHEDULES:
        yield f"schedules are {sorted(seen)}, and there are {sorted(SCHEDULES)}"


def check_connections(them: Manifests) -> Iterator[str]:
    """The pooler has a connection for each client, of an upgrade's two clusters as well."""
    places = processes("spread")
    shared = sum(len(of) * _replicas(them, each) for each, of in places.items() if each != SCALED)
    trainers = int(them.settings["SHELFCAST_TRAINER_REPLICAS_MAX"])
    of_api = _of_ray("infra.hosts.ray_serve").API_CONNECTIONS + 1  # which listens
    of_ray = CONNECTIONS * (shared + trainers) + of_api
    executor = them.of("SparkApplication")[0]["spec"]["executor"]
    needed = 2 * of_ray + executor["instances"] * executor["cores"]
    for each in them.of("Pooler"):
        bouncer = each["spec"]["pgbouncer"]
        if bouncer["poolMode"] != "session":
            yield "prepared statements and LISTEN need a pooler of sessions"
        pool = each["spec"]["instances"] * int(bouncer["parameters"]["default_pool_size"])
        if pool < needed:
            yield f"the pooler has {pool} connections, and {needed} are needed"
        for cluster in them.of("Cluster"):
            most = int(cluster["spec"]["postgresql"]["parameters"]["max_connections"])
            if pool + 20 > most:  # for operators, backups and migrations
                yield f"the pooler opens up to {pool} connections, and Postgres takes {most}"


def _replicas(them: Manifests, process: str) -> int:
    return int(them.settings.get(f"SHELFCAST_{process.upper()}_REPLICAS", 1))


def check_nothing_is_lost(them: Manifests) -> Iterator[str]:
    """A commit that was told outlives its server, where there is more than one."""
    for each in them.of("Cluster"):
        synchronous = each["spec"]["postgresql"].get("synchronous")
        if each["spec"]["instances"] > 1 and synchronous is None:
            yield "a failover would lose rows whose offsets are committed"

"""Examples that the checks of `pods` have to tell of."""

from tests.deploy.kubernetes.parts import Broken, container, head, ray

BROKEN: list[Broken] = [
    (
        "check_rights",
        lambda t: head(t)["securityContext"].update(runAsUser=0),
        "may run as root",
    ),
    (
        "check_rights",
        lambda t: container(t)["securityContext"].pop("readOnlyRootFilesystem"),
        "may write to its image",
    ),
    (
        "check_rights",
        lambda t: ray(t)["autoscalerOptions"]["securityContext"].pop("capabilities"),
        "keeps capabilities",
    ),
    (
        "check_rights",
        lambda t: t.get("KafkaNodePool", "brokers")["spec"]["template"].update(kafkaContainer={}),
        "may gain rights",
    ),
    (
        "check_rights",
        lambda t: head(t)["securityContext"].pop("seccompProfile"),
        "has no seccomp profile",
    ),
    (
        "check_rights",
        lambda t: t.get("Namespace", "shelfcast")["metadata"].update(labels={}),
        "the namespace lets in",
    ),
    (
        "check_resources",
        lambda t: container(t)["resources"]["requests"].update(cpu="2500m"),
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
        lambda t: container(t)["readinessProbe"]["httpGet"].update(port=8266),
        "asks port 8266",
    ),
    ("check_probes", lambda t: container(t).pop("livenessProbe"), "has no livenessProbe"),
    (
        "check_environment",
        lambda t: t.settings.update(SHELFCAST_SHEDULE="0 4 * * 1"),
        "SHELFCAST_SHEDULE is not a setting",
    ),
    (
        "check_environment",
        lambda t: container(t)["env"].append({"name": "SHELFCAST_X", "value": "y"}),
        "SHELFCAST_X is not a setting",
    ),
    (
        "check_environment",
        lambda t: t.settings.update(SHELFCAST_TRAINER_REPLICAS_MAX="40"),
        "trainer_replicas_max",
    ),
    (
        "check_environment",
        lambda t: t.settings.update(SHELFCAST_REGISTRY_REPLICAS="7"),
        "registry_replicas",
    ),
    (
        "check_environment",
        lambda t: container(t).update(env=[]),
        "needs a kafka_username",
    ),
    (
        "check_files",
        lambda t: container(t)["volumeMounts"].pop(2),
        "/run/secrets/kafka-ca/ca.crt is not mounted",
    ),
    (
        "check_files",
        lambda t: head(t)["volumes"][-1]["secret"]["items"].pop(0),
        "has no planner/shelfcast_kafka_password",
    ),
    (
        "check_files",
        lambda t: t.get("CronJob", "shelfcast-prune")["spec"]["jobTemplate"]["spec"]["template"][
            "spec"
        ].update(volumes=head(t)["volumes"]),
        "and is not that user",
    ),
]

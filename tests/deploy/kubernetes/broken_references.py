"""Examples that the checks of `references` have to tell of."""

from tests.deploy.kubernetes.parts import Broken, container, env, head, migrate, policy, without

BROKEN: list[Broken] = [
    (
        "check_labels",
        lambda t: t.get("PodDisruptionBudget", "shelfcast-ray-workers")["spec"]["selector"][
            "matchLabels"
        ].update({"app.kubernetes.io/component": "rays"}),
        "selects no pod",
    ),
    (
        "check_labels",
        lambda t: policy(t, "scheduler")["podSelector"]["matchLabels"].update(x="y"),
        "NetworkPolicy scheduler selects no pod",
    ),
    (
        "check_labels",
        lambda t: policy(t, "pooler")["ingress"][0]["from"][0]["podSelector"].update(
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
        lambda t: head(t)["containers"][0]["envFrom"][0]["configMapRef"].update(name="other"),
        "no config map other",
    ),
    (
        "check_what_pods_name",
        lambda t: container(t)["env"].append(
            {
                "name": "SHELFCAST_SCHEDULE",
                "valueFrom": {"configMapKeyRef": {"name": "shelfcast-settings", "key": "SCHEDULE"}},
            }
        ),
        "there is no SCHEDULE",
    ),
    (
        "check_what_pods_name",
        lambda t: env(migrate(t)["initContainers"][0], "POSTGRES_USER")["valueFrom"][
            "secretKeyRef"
        ].update(name="shelfcast-db"),
        "nobody makes username in the secret shelfcast-db",
    ),
    (
        "check_what_pods_name",
        lambda t: head(t)["volumes"][-1]["secret"]["items"][0].update(key="planner"),
        "nobody makes planner",
    ),
    (
        "check_what_pods_name",
        lambda t: container(t)["volumeMounts"].append({"name": "x", "mountPath": "/x"}),
        "there is no volume x",
    ),
    (
        "check_what_pods_name",
        lambda t: without(t, "PersistentVolumeClaim", "shelfcast-checkpoints"),
        "there is no claim",
    ),
    (
        "check_what_pods_name",
        lambda t: without(t, "ServiceAccount", "shelfcast-sales"),
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
        lambda t: without(t, "ObjectStore", "shelfcast-backups"),
        "which is not a store",
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
        lambda t: without(t, "Role", "shelfcast-sales"),
        "there is no role",
    ),
    (
        "check_commands",
        lambda t: head(t)["initContainers"][0].update(args=["python", "-m", "infra.nothing"]),
        "there is no module infra.nothing",
    ),
]

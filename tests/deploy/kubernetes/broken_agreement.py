"""Examples that the checks of `agreement` have to tell of."""

from tests.deploy.kubernetes.parts import Broken, container, migrate, ray, without

BROKEN: list[Broken] = [
    ("check_versions", lambda t: ray(t).update(rayVersion="2.59.0"), "the lock has ray 2"),
    (
        "check_versions",
        lambda t: container(t).update(image="shelfcast:latest"),
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
    ("check_topics", lambda t: without(t, "KafkaTopic", "runs"), "there is no topic runs"),
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
        lambda t: migrate(t)["initContainers"][0]["args"].__setitem__(3, "1"),
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
        "which is not a topic",
    ),
    (
        "check_serve",
        lambda t: t.ray.update(
            serveConfigV2=t.ray["serveConfigV2"].replace("ray_service:app", "ray_service:main")
        ),
        "is not a function",
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
    ("check_serve", lambda t: ray(t).pop("authOptions"), "Ray asks for no token"),
    (
        "check_serve",
        lambda t: ray(t)["workerGroupSpecs"][0].update(maxReplicas=2),
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
        lambda t: without(t, "CronJob", "shelfcast-prune"),
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
        lambda t: t.settings.update(
            SHELFCAST_REGISTRY_REPLICAS="6", SHELFCAST_FORECASTER_REPLICAS="6"
        ),
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

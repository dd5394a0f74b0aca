"""Examples that the checks of `network` have to tell of."""

from tests.deploy.kubernetes.parts import Broken, policy, without

BROKEN: list[Broken] = [
    ("check_network", lambda t: without(t, "NetworkPolicy", "deny-all"), "denies everything"),
    (
        "check_network",
        lambda t: without(t, "NetworkPolicy", "migrate"),
        "shelfcast-migrate has no policy of its own",
    ),
    (
        "check_network",
        lambda t: policy(t, "ray")["egress"].pop(1),
        "ray head can't reach brokers at 9093",
    ),
    (
        "check_network",
        lambda t: policy(t, "pooler")["ingress"].pop(0),
        "ray trainers can't reach shelfcast-db-pooler at 5432",
    ),
    (
        "check_network",
        lambda t: (
            policy(t, "scheduler")["egress"].append({}),
            policy(t, "ray")["ingress"].append({}),
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
        "check_scraped",
        lambda t: without(t, "PodMonitor", "shelfcast-sales"),
        "spark driver counts at 9464, and no monitor asks there",
    ),
    (
        "check_scraped",
        lambda t: policy(t, "sales")["ingress"].pop(1),
        "Prometheus can't reach spark driver at 9464",
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
]

"""Who may speak to whom, and how many pods may be away."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.deploy.kubernetes.manifests import Manifests, Pod, name

Object = dict[str, Any]

MONITORING = {"matchLabels": {"shelfcast/monitoring": "true"}}

# Who connects to whom at which port. A pod is named as `Manifests.pods` names it.
NEEDED = [
    ("ray head", "ray trainers", 12345),
    ("ray trainers", "ray head", 6379),
    ("ray head", "brokers", 9093),
    ("ray trainers", "brokers", 9093),
    ("ray head", "shelfcast-db", 5432),
    ("ray head", "shelfcast-db-pooler", 5432),
    ("ray trainers", "shelfcast-db-pooler", 5432),
    ("spark driver", "spark executor", 7078),
    ("spark executor", "spark driver", 7078),
    ("spark driver", "brokers", 9093),
    ("spark executor", "brokers", 9093),
    ("spark driver", "shelfcast-db", 5432),
    ("spark executor", "shelfcast-db-pooler", 5432),
    ("shelfcast-migrate", "brokers", 9093),
    ("shelfcast-migrate", "shelfcast-db", 5432),
    ("shelfcast-retrain", "brokers", 9093),
    ("shelfcast-roll-forward", "brokers", 9093),
    ("shelfcast-prune", "brokers", 9093),
    ("shelfcast-db-pooler", "shelfcast-db", 5432),
    ("shelfcast-db", "shelfcast-db", 5432),
    ("brokers", "brokers", 9091),
    ("entity operator", "brokers", 9091),
]
FORBIDDEN = [
    ("shelfcast-retrain", "shelfcast-db", 5432),
    ("shelfcast-retrain", "ray head", 8265),
    ("spark executor", "ray head", 8265),
    ("shelfcast-migrate", "ray head", 8000),
    ("ray head", "shelfcast-db", 8000),
    ("ray head", "brokers", 9091),
    ("ray head", "spark driver", 7078),
    ("brokers", "shelfcast-db", 5432),
]


def check_network(them: Manifests) -> Iterator[str]:
    """All is denied but what is named; that suffices, and allows nothing that it need not."""
    policies = [each["spec"] for each in them.of("NetworkPolicy")]
    both = {"Ingress", "Egress"}
    if not any(
        each["podSelector"] == {} and set(each["policyTypes"]) == both and not _rules(each)
        for each in policies
    ):
        yield "no policy denies everything"
    pods = {pod.name: pod for pod in them.pods()}
    for pod in pods.values():
        own = [each for each in policies if each["podSelector"] and _selects(each, pod)]
        for kind in both:
            if not any(kind in each["policyTypes"] for each in own):
                yield f"{pod.name} has no policy of its own for {kind}"
    for source, target, port in NEEDED:
        if not _allowed(policies, pods[source], pods[target], port):
            yield f"{source} can't reach {target} at {port}"
    for source, target, port in FORBIDDEN:
        if _allowed(policies, pods[source], pods[target], port):
            yield f"{source} can reach {target} at {port}, and need not"
    for each in them.of("Kafka"):
        for listener in each["spec"]["kafka"]["listeners"]:
            if not listener.get("networkPolicyPeers"):
                yield f"Strimzi lets everybody in at {listener['port']}"


def check_scraped(them: Manifests) -> Iterator[str]:
    """What counts has the settings' port open, a monitor asks it, and Prometheus may reach it."""
    port = int(them.settings["SHELFCAST_METRICS_PORT"])
    policies = [each["spec"] for each in them.of("NetworkPolicy")]
    monitored = [
        (pod, asked) for each in them.of("PodMonitor") for pod, asked in _asked(them, each)
    ]
    asked_at = {(pod.name, asked) for pod, asked in monitored}
    for title in ("ray head", "ray trainers", "spark driver") if monitored else ():
        if (title, port) not in asked_at:
            yield f"{title} counts at {port}, and no monitor asks there"
    for pod, asked in monitored:
        let_in = [
            rule
            for policy in policies
            if _selects(policy, pod)
            for rule in policy.get("ingress", [])
            if any(MONITORING == peer.get("namespaceSelector") for peer in rule.get("from", []))
        ]
        if not any(asked in [each["port"] for each in rule["ports"]] for rule in let_in):
            yield f"Prometheus can't reach {pod.name} at {asked}"


def _asked(them: Manifests, monitor: Object) -> Iterator[tuple[Pod, int]]:
    """The pods and ports that a monitor asks."""
    names = {each["port"] for each in monitor["spec"]["podMetricsEndpoints"]}
    for pod in them.pods():
        if _has(pod, monitor["spec"]["selector"]):
            for container in pod.containers:
                for port in container.get("ports", []):
                    if port.get("name") in names:
                        yield pod, port["containerPort"]


def _rules(policy: Object) -> list[Object]:
    return [*policy.get("ingress", []), *policy.get("egress", [])]


def _selects(policy: Object, pod: Pod) -> bool:
    return _has(pod, policy["podSelector"])


def _has(pod: Pod, selector: Mapping[str, Any]) -> bool:
    wanted: Mapping[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= pod.labels.items()


def _allowed(policies: list[Object], source: Pod, target: Pod, port: int) -> bool:
    out = [
        rule
        for each in policies
        if _selects(each, source) and "Egress" in each["policyTypes"]
        for rule in each.get("egress", [])
    ]
    into = [
        rule
        for each in policies
        if _selects(each, target) and "Ingress" in each["policyTypes"]
        for rule in each.get("ingress", [])
    ]
    return any(_lets(rule, "to", target, port) for rule in out) and any(
        _lets(rule, "from", source, port) for rule in into
    )


def _lets(rule: Object, direction: str, pod: Pod, port: int) -> bool:
    ports = [each["port"] for each in rule.get("ports", [])]
    if ports and port not in ports:
        return False
    peers = rule.get(direction)
    if peers is None:
        return True
    return any("podSelector" in peer and _has(pod, peer["podSelector"]) for peer in peers)


def check_budgets(them: Manifests) -> Iterator[str]:
    """A budget lets a node be drained, and says what Kubernetes can count."""
    for each in them.of("PodDisruptionBudget"):
        selector = each["spec"]["selector"]
        pods = [pod for pod in them.pods() if _has(pod, selector)]
        stay = each["spec"].get("minAvailable")
        if not all(pod.scales for pod in pods) and not isinstance(stay, int):
            yield f"{name(each)}: of pods of a custom resource only minAvailable can be counted"
        if isinstance(stay, int) and stay >= sum(pod.many for pod in pods):
            yield f"{name(each)}: {stay} have to stay of as many, so no node can be drained"
        if each["spec"].get("maxUnavailable") == 0:
            yield f"{name(each)}: none may be away, so no node can be drained"
    for each in them.of("Cluster"):
        if each["spec"]["instances"] == 1 and each["spec"].get("enablePDB") is not False:
            yield f"{name(each)}: its only instance has a budget, so its node can't be drained"

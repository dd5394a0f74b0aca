"""infra/docker/hardened.yml over docker-compose.yml, held against what it promises; no engine."""

from functools import cache
from typing import Any

import pytest
import yaml

from infra.docker.make_users import INSIDE
from tests.deploy.test_compose_file import COMPOSE, config
from tests.deploy.tools import PROJECT, run

OVERLAY = PROJECT / "infra/docker/hardened.yml"
FUNCTIONS = {"ray", "ray-worker", "sales", "spark-master", "spark-worker"}
OPERATORS = {"cli", "migrate", "shop", "users"}
# It has the engine in its hands, and its Lambdas settings of their own; kafka-ui can't read a file.
LEFT_OUT = {"localstack", "kafka-ui"}


@cache
def hardened() -> dict[str, Any]:
    """Both files as compose understands them."""
    told = run(
        "docker-compose",
        ["-f", COMPOSE, "-f", OVERLAY, "--profile", "*", "--env-file", "/dev/null", "config"],
    )
    document: dict[str, Any] = yaml.safe_load(told)
    return document


SERVICES = sorted(hardened()["services"])


@pytest.mark.parametrize("name", SERVICES)
def test_it_takes_no_protection_away(name: str):
    service = hardened()["services"][name]

    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "memory", "pids"} <= set(service["deploy"]["resources"]["limits"])
    if name not in LEFT_OUT:
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
    before = config()["services"].get(name, {})
    for kept in ("user", "ports", "restart", "logging", "cap_add", "tmpfs"):
        if before:
            assert service.get(kept) == before.get(kept), kept


def test_whoever_speaks_to_a_server_does_so_by_tls_and_looks_at_the_name():
    for name in FUNCTIONS | OPERATORS | {"operator"}:
        given = hardened()["services"][name]["environment"]
        assert given["SHELFCAST_KAFKA_SECURITY"] == "SASL_SSL", name
        assert given["PGSSLMODE"] == "verify-full", name
        assert given["PGSSLROOTCERT"] == given["SHELFCAST_KAFKA_CA_FILE"], name


def test_functions_have_users_of_their_own_and_no_volume_with_the_operators_secrets():
    for name in FUNCTIONS:
        service = hardened()["services"][name]
        assert "SHELFCAST_CREDENTIALS" in service["environment"]
        [mounted] = [v for v in service["volumes"] if v["target"] == "/run/secrets"]
        assert (mounted["source"], mounted["read_only"]) == ("functions", True)
        assert "secrets" not in {v.get("source") for v in service["volumes"]}
        done = service["depends_on"]["users"]["condition"]
        assert done == "service_completed_successfully"


def test_kafka_asks_everybody_who_they_are_but_itself_on_its_loopback_address():
    given = hardened()["services"]["kafka"]["environment"]
    listeners = dict(each.split("://") for each in given["KAFKA_LISTENERS"].split(","))
    protocols = dict(
        each.split(":") for each in given["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    )

    assert listeners.keys() == protocols.keys()
    open_to_all = {name for name, where in listeners.items() if not where.startswith("localhost:")}
    assert {protocols[name] for name in open_to_all} == {"SASL_SSL"}
    assert listeners["BROKER"] == INSIDE
    assert "KAFKA_ALLOW_EVERYONE_IF_NO_ACL_FOUND" not in given


def test_postgres_keeps_its_settings_and_lets_nobody_in_without_tls():
    plain, ours = (each["services"]["postgres"]["command"] for each in (config(), hardened()))
    assert ours[: len(plain)] == plain
    assert "ssl=on" in ours

    rules = (PROJECT / "infra/docker/pg_hba.conf").read_text().splitlines()
    kinds = [rule.split()[0] for rule in rules if rule and not rule.startswith("#")]
    assert kinds == ["local", "hostssl"]

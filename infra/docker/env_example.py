"""Every setting of the composed stack, as a file to copy.

`.env.example` has what docker-compose.yml itself asks for, and every setting of the processes that
is not given there already. All of it is commented out: nothing needs to be set.
"""

from collections.abc import Iterator
from textwrap import wrap

from infra.settings_table import default_of, every_setting

WIDTH = 98

# What docker-compose.yml asks for: the default there, and what it is.
COMPOSE = {
    "SHELFCAST_PORT": ("8443", "Port on 127.0.0.1 of the API and the page, with TLS."),
    "SHELFCAST_SITE": (
        "localhost",
        "Name by which the proxy is asked for. Another one belongs in SHELFCAST_HTTP_HOSTS too.",
    ),
    "SHELFCAST_ENV_FILE": (".env", "File with the settings of the processes."),
    "SHELFCAST_FILES": (".", "Folder that the command line sees as /files."),
    "SHOP_SERIES": ("20", "Stores of the made-up shop of the profile demo."),
    "SHELFCAST_IMAGE": ("shelfcast:latest", "Image of our own processes."),
    "PYTHON_IMAGE": ("python:3.13-slim", "What it is built on; a digest fits here."),
    "POSTGRES_IMAGE": ("postgres:18", ""),
    "KAFKA_IMAGE": ("apache/kafka:4.3.1", ""),
    "CADDY_IMAGE": ("caddy:2", ""),
    "PROMETHEUS_IMAGE": ("prom/prometheus:v3.5.0", ""),
    "GRAFANA_IMAGE": ("grafana/grafana:12.2.0", ""),
    "KAFKA_UI_IMAGE": ("ghcr.io/kafbat/kafka-ui:v1.3.0", ""),
    "POSTGRES_UI_IMAGE": ("adminer:5", ""),
    "LOCALSTACK_IMAGE": ("localstack/localstack:4.14.0", ""),
    "PROMETHEUS_PORT": ("9090", "Ports on 127.0.0.1 of the profiles observability and aws."),
    "GRAFANA_PORT": ("3000", ""),
    "KAFKA_UI_PORT": ("8080", ""),
    "POSTGRES_UI_PORT": ("8081", ""),
    "LOCALSTACK_PORT": ("4566", ""),
    "DOCKER_SOCKET": ("/var/run/docker.sock", "The engine, for LocalStack's functions."),
    "RAY_CPUS": ("2", "Most that each service may take; not more processors than there are."),
    "SALES_CPUS": ("2", ""),
    "POSTGRES_CPUS": ("2", ""),
    "KAFKA_CPUS": ("2", ""),
    "WORKER_CPUS": ("2", ""),
    "SPARK_WORKER_CPUS": ("2", ""),
    "RAY_MEMORY": ("4g", ""),
    "SALES_MEMORY": ("3g", ""),
    "POSTGRES_MEMORY": ("1g", ""),
    "KAFKA_MEMORY": ("1g", ""),
    "WORKER_MEMORY": ("3g", ""),
    "SPARK_WORKER_MEMORY": ("3g", ""),
}
# Settings that a container has from its image or from docker-compose.yml.
GIVEN = {"home", "http_host", "http_port", "jars", "ready_file", "ray_address", "ray_port"}
DEFAULTS = {  # where docker-compose.yml has another than the process
    "http_hosts": "localhost",
    "kafka_bootstrap": "kafka:9092",
    "layout": "shared",
    "spark_master": "local[*]",
}


def example() -> str:
    """The file."""
    lines = [
        "# Settings of `docker compose up`: copy this to .env and set what you need, or nothing.",
        "# Written by `make docs`. There is no secret here: those are made at the first `up` and",
        "# kept in the volume `secrets`.",
        "",
        "# --- of docker-compose.yml",
    ]
    for name, (default, text) in COMPOSE.items():
        lines += _entry(name, default, text)
    lines += ["", "# --- of the processes"]
    for name, field in every_setting().items():
        if name not in GIVEN:
            default = DEFAULTS.get(name, default_of(field))
            lines += _entry(f"SHELFCAST_{name.upper()}", default, field.description or "")
    return "\n".join([*lines, ""])


def _entry(name: str, default: str, text: str) -> Iterator[str]:
    if text:
        yield "#"
        yield from (f"# {line}" for line in wrap(text, WIDTH))
    yield f"#{name}={default}"

"""Real servers, started once per session and shared by every test that asks for them."""

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from infra.aws import package
from infra.local import stack
from infra.settings import Settings
from tests import lambda_runtime
from tests.real_data import REAL_DATA, ROSSMANN

# No test asserts on the clock: a busy machine is no failure. What has to pass before a change
# lands tries the same examples each time; new ones are for a person to find.
settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("any-machine"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "any-machine")


def pytest_sessionstart() -> None:
    """Told to end, a session still ends the servers that it started."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A Kafka and a Postgres of this session's own."""
    with stack.running(tmp_path_factory.mktemp("servers")) as settings:
        yield settings


@pytest.fixture(scope="session")
def migrated(servers: Settings) -> str:
    """The name of a template database that has the schema."""
    from infra.postgres.migrate import migrate

    name = "template_migrated"
    with psycopg.connect(servers.database, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    migrate(_sibling(servers.database, name))
    return name


@pytest.fixture
def database(servers: Settings, migrated: str) -> Iterator[str]:
    """The URL of a database with the schema and no rows, for one test."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(servers.database, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {migrated}")
        yield _sibling(servers.database, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _sibling(url: str, name: str) -> str:
    return f"{url.rsplit('/', 1)[0]}/{name}"


@pytest.fixture(scope="session")
def lambda_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Lambdas' zip, built from this tree."""
    target = tmp_path_factory.mktemp("lambda") / "lambda.zip"
    package.build(target)
    return target


@pytest.fixture(scope="session")
def lambdas(
    tmp_path_factory: pytest.TempPathFactory, lambda_zip: Path
) -> lambda_runtime.LambdaRuntime:
    """What runs that zip's functions, with Lambda's own client."""
    return lambda_runtime.make(tmp_path_factory.mktemp("runtime"), lambda_zip)


@pytest.fixture(scope="session")
def rossmann() -> Path:
    """The real sales; a test is skipped where they are absent, as they may not be shipped."""
    if not ROSSMANN.exists():
        pytest.skip(f"no real data in {REAL_DATA}; set SHELFCAST_REAL_DATA to their folder")
    return ROSSMANN

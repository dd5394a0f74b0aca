"""The stack with infra/docker/hardened.yml over it: TLS and passwords, and a user per function."""

import json
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from infra.access import USERS
from infra.docker.make_users import SHARED
from infra.postgres.roles import role_of
from tests.compose.composed import Composed, wait

pytestmark = pytest.mark.timeout(1800)

PASSWORD = "/run/secrets/current/users/trainer/shelfcast_kafka_password"
YESTERDAY = date.today() - timedelta(days=1)
DAYS = 120
STRANGERS = Path(__file__).with_name("strangers.py")
WITH_TLS = Path(__file__).with_name("postgres_with_tls")
CONNECTED = (
    "SELECT usename, ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
    "WHERE client_addr IS NOT NULL"
)


@pytest.fixture(scope="module")
def hardened(
    docker: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Composed]:
    """Such a stack of its own, up."""
    scratch = tmp_path_factory.mktemp("hardened")
    scratch.chmod(0o755)  # the user in the container is another
    shutil.copy(STRANGERS, scratch / STRANGERS.name)
    days = [YESTERDAY - timedelta(days=back) for back in reversed(range(DAYS))]
    lines = [f"1,total,{day},{20 + 5 * day.weekday()}" for day in days]
    (scratch / "sales.csv").write_text("\n".join(["store,product,date,units", *lines, ""]))
    composed = Composed(docker, scratch)
    composed.environment["COMPOSE_FILE"] = "docker-compose.yml:infra/docker/hardened.yml"
    try:
        _have_tls(composed)
        composed.compose("build")
        composed.up()
        yield composed
    finally:
        composed.down("--volumes")


def _have_tls(composed: Composed) -> None:
    """Have another Postgres in it where the image of the official name was built without TLS."""
    image = composed.environment.get("POSTGRES_IMAGE", "postgres:18")
    linked = ("run", "--rm", "--entrypoint", "bash", image, "-c", "ldd $(command -v postgres)")
    if "libssl" not in composed.docker(*linked):
        other = "shelfcast-test-postgres-with-tls"
        composed.docker("build", "--build-arg", f"POSTGRES={image}", "--tag", other, str(WITH_TLS))
        composed.environment["POSTGRES_IMAGE"] = other


def test_a_retrain_goes_end_to_end(hardened: Composed):
    hardened.cli("sales", "import", "/files/sales.csv")
    wait(lambda: hardened.sql("SELECT count(*) FROM daily_sales") == [[str(DAYS)]])

    run = hardened.run_ended(hardened.cli("retrain", "--all")["run_id"])

    assert run["counts"]["succeeded"] == 1
    wait(lambda: hardened.get("/forecasts/1/total").is_success)
    forecast = hardened.get("/forecasts/1/total").json()
    assert forecast["days"][0]["date"] == str(YESTERDAY + timedelta(days=1))
    assert hardened.get("/readyz").json()["ready"]


def test_every_connection_to_postgres_has_tls_and_is_a_functions_own(hardened: Composed):
    connected = hardened.sql(CONNECTED)

    assert {tls for _, tls in connected} == {"t"}
    roles = {role for role, _ in connected}
    assert len(roles) > 2
    assert roles <= {role_of(user) for user in USERS}


def test_whoever_comes_without_tls_or_without_the_right_password_is_refused(hardened: Composed):
    script = ("run", "--rm", "-T", "--entrypoint", "python", "cli", "/files/strangers.py")
    told = json.loads(hardened.compose(*script))

    right = {"postgres", "postgres by libpq", "kafka"}
    assert {way: answer for way, answer in told.items() if answer == "let in"}.keys() == right
    for way in ("postgres without TLS", "postgres by libpq without TLS"):
        assert "no pg_hba.conf entry" in told[way]
        assert "no encryption" in told[way]
    assert "SSLCertVerificationError" in told["postgres by another name"]
    assert "does not match" in told["postgres by libpq by another name"]
    assert "refuses the user 'operator'" in told["kafka with a wrong password"]
    assert "not trusted" in told["kafka with an authority unknown"]


def test_processes_of_functions_do_not_know_what_the_operator_knows(hardened: Composed):
    for service in ("ray", "sales"):
        listed = hardened.compose("exec", "-T", service, "find", "/run/secrets", "-type", "f")
        known = {name.removeprefix("/run/secrets/current/") for name in listed.split()}
        shared = {name for name in known if not name.startswith("users/")}
        assert shared == set(SHARED)
        assert {name.split("/")[1] for name in known - shared} == set(USERS)


def test_the_next_up_keeps_users_and_secrets(hardened: Composed):
    before = hardened.compose("exec", "-T", "ray", "cat", PASSWORD)

    hardened.down()
    hardened.up()

    assert "secrets: kept" in hardened.compose("logs", "secrets")
    assert hardened.compose("exec", "-T", "ray", "cat", PASSWORD) == before
    run = hardened.run_ended(hardened.cli("retrain", "--all")["run_id"])
    assert run["counts"]["succeeded"] == 1


def test_certificates_and_the_operators_password_can_be_had_anew(hardened: Composed):
    authority = "/run/secrets/current/tls/authority.pem"
    before = hardened.compose("exec", "-T", "ray", "cat", authority)

    hardened.down()
    away = ("--rm", "-T", "--no-deps", "--cap-add", "DAC_OVERRIDE", "secrets")
    hardened.compose("run", *away, "rm", "-r", "/run/secrets/current/tls")
    hardened.up()

    assert hardened.compose("exec", "-T", "ray", "cat", authority) != before
    run = hardened.run_ended(hardened.cli("retrain", "--all")["run_id"])
    assert run["counts"]["succeeded"] == 1

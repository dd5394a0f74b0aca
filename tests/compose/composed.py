"""The composed stack under a project's name of its own, as a person at a terminal drives it."""

import json
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from ssl import create_default_context
from typing import Any

import httpx

from infra.local import ports
from tests.deploy.tools import PROJECT, program

POLL = 0.5
AUTHORITY = "/data/caddy/pki/authorities/local/root.crt"
PORTS = ("SHELFCAST_PORT", "PROMETHEUS_PORT", "LOCALSTACK_PORT")


def wait(holds: Callable[[], Any]) -> Any:
    """Whatever `holds` gives once it is true; pytest's timeout ends what never is."""
    while not (found := holds()):
        time.sleep(POLL)
    return found


class Composed:
    """One stack; `environment` is the one in which Docker answers."""

    def __init__(self, environment: dict[str, str], scratch: Path, *profiles: str) -> None:
        self.project = f"shelfcast-test-{uuid.uuid4().hex[:8]}"
        self.ports: dict[str, int] = {}
        for name in PORTS:
            self.ports[name] = ports.choose(None, set(self.ports.values()))
        self.environment = {
            **environment,
            **{name: str(port) for name, port in self.ports.items()},
            "COMPOSE_PROFILES": ",".join(profiles),
            "SHELFCAST_FILES": str(scratch),
        }
        host = environment.get("DOCKER_HOST", "")
        if host.startswith("unix://"):
            self.environment["DOCKER_SOCKET"] = host.removeprefix("unix://")
        self._scratch = scratch
        self._settings = scratch / "settings.env"
        self.environment["SHELFCAST_ENV_FILE"] = str(self._settings)  # no .env of who runs this

    def compose(self, *words: str, text: str | None = None) -> str:
        """What the command prints; an assertion with all that it says if it fails."""
        ended = subprocess.run(
            self.command(*words),
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd=PROJECT,
        )
        assert ended.returncode == 0, f"{words}:\n{ended.stdout}\n{ended.stderr}\n{self._logs()}"
        return ended.stdout

    def command(self, *words: str) -> list[str]:
        """The words of a command on this stack."""
        base = [str(program("docker-compose")), "--project-name", self.project]
        return [*base, "--env-file", "/dev/null", "--progress", "plain", *words]

    def configure(self, *settings: str) -> None:
        """Settings of the processes, as `.env` has them; for the next `up`."""
        self._settings.write_text("\n".join([*settings, ""]))

    def up(self, *words: str) -> None:
        """Until everything works."""
        self.compose("up", "--detach", "--wait", "--wait-timeout", "600", *words)

    def down(self, *words: str) -> None:
        """End it; the data stay unless `--volumes` is said."""
        self.compose("--profile", "*", "down", "--timeout", "20", *words)

    def cli(self, *words: str) -> Any:
        """What `shelfcast … --json` prints, in a container of its own."""
        return json.loads(self.compose("run", "--rm", "-T", "cli", *words, "--json"))

    def https(self) -> httpx.Client:
        """A client of the API through the proxy, whose authority is trusted and no other."""
        return httpx.Client(
            base_url=f"https://localhost:{self.ports['SHELFCAST_PORT']}",
            verify=create_default_context(cafile=self._authority()),
            timeout=60,
            trust_env=False,
        )

    def get(self, path: str) -> httpx.Response:
        """One answer over HTTPS."""
        with self.https() as client:
            return client.get(path)

    def sql(self, query: str) -> list[list[str]]:
        """The rows of a query in Postgres's container."""
        psql = ("psql", "-U", "shelfcast", "-d", "shelfcast", "-AtF", "|", "-c", query)
        told = self.compose("exec", "-T", "postgres", *psql)
        return [line.split("|") for line in told.splitlines()]

    def container(self, service: str) -> str:
        """Its first container's id."""
        return self.compose("ps", "--all", "--quiet", service).split()[0]

    def docker(self, *words: str) -> str:
        """What a command of the engine prints."""
        return subprocess.run(
            [shutil.which("docker") or "docker", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def logs_of(self, container: str) -> str:
        """All that a container said, on either of its outputs."""
        said = subprocess.run(
            [shutil.which("docker") or "docker", "logs", container],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )
        return said.stdout

    def kill(self, service: str) -> None:
        """`kill -9` of its container, which nothing starts again but the next `up`."""
        self.docker("kill", "--signal", "KILL", self.container(service))

    def run_ended(self, run_id: str) -> dict[str, Any]:
        """The run once it no longer runs."""

        def ended() -> dict[str, Any] | None:
            answer = self.get(f"/runs/{run_id}")
            if not answer.is_success:  # the planner has not read it yet, or something restarts
                return None
            run: dict[str, Any] = answer.json()
            if run["state"] == "coalesced":
                return self.run_ended(run["coalesced_into"])
            return None if run["state"] == "running" else run

        found: dict[str, Any] = wait(ended)
        return found

    def _authority(self) -> str:
        file = self._scratch / "authority.pem"
        if not file.exists():
            self.compose("cp", f"proxy:{AUTHORITY}", str(file))
        return str(file)

    def _logs(self) -> str:
        logs = subprocess.run(
            self.command("logs", "--tail", "20"),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            cwd=PROJECT,
        )
        return logs.stdout

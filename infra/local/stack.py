"""The local stack: Postgres, Kafka, the Spark job and the Ray host, without containers.

`up` starts what does not run, in the order of their needs, and returns when all of it is
ready; what runs but does not work is given time to recover, and is then restarted. Run again, it
changes nothing. `down` ends what `up` started, and nothing else. Every
process is recorded as soon as it is started, so an `up` that failed or was interrupted is
taken on by the next `up`, or ended by `down`. A server that the settings place elsewhere is
not started. Data are never deleted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM

from pydantic import SecretStr

from infra.local import kafka, ports, postgres, process, ray_home, workers
from infra.local.process import ProcessRecord
from infra.local.progress import Progress, Silent
from infra.local.service import (
    STOP_SIGNALS,
    STOP_WITHIN,
    Service,
    wait_until_ready,
)
from infra.local.state import changing, read_state, uninterrupted, write_env, write_state
from infra.local.status import (
    DATABASE_URL,
    EVERYTHING,
    HTTP_PORT,
    KAFKA_BOOTSTRAP,
    SERVERS,
    WORKERS,
    elsewhere,
    patience,
    trouble,
)
from infra.settings import Settings


class PortTaken(Exception):
    """The port that the settings ask for is used by another process."""


def up(
    settings: Settings, progress: Progress | None = None, names: tuple[str, ...] = EVERYTHING
) -> Settings:
    """Start the `names` that do not work, wait until they are ready, and return their settings.

    Raises ServiceFailed with the end of the log when a process does not become ready,
    PortTaken, StackBusy, and the errors of the parts that could not be prepared.
    """
    settings = settings.model_copy(update={"home": settings.home.absolute()})
    with changing(settings.home):
        step = _Up(settings, progress or Silent())
        step.start([name for name in SERVERS if name in names and not elsewhere(name, settings)])
        running = step.record_where()
        if workers_wanted := [name for name in WORKERS if name in names]:
            step.prepare(running)
            step.start(workers_wanted, running)
        return running


def down(settings: Settings, progress: Progress | None = None) -> list[str]:
    """Stop what `up` started, in reverse order; return the processes that had to be killed."""
    shown = progress or Silent()
    home = settings.home.absolute()
    killed = []
    with changing(home):
        state = read_state(home)
        for name in reversed(EVERYTHING):
            record = state.processes.get(name)
            if record is None:
                continue
            shown.begin(name, "stopping")
            ended = process.stop(record, STOP_SIGNALS.get(name, SIGTERM), STOP_WITHIN[name])
            killed += [f"{name}: {victim}" for victim in ended.killed]
            workers.ready_file(home, name).unlink(missing_ok=True)
            del state.processes[name]
            write_state(home, state)
            shown.end(name, "stopped" if ended.was_running else "had ended already")
        ray_home.discard(home)  # of a Ray that was killed
    return killed


@contextmanager
def running(home: Path, names: tuple[str, ...] = SERVERS) -> Iterator[Settings]:
    """Run a separate stack in `home` during the block, and always stop it.

    Its database goes with it: where root starts it, that may lie outside of `home`.
    """
    settings = Settings(_env_file=None).model_copy(
        update={"home": home, "database_url": None, "kafka_bootstrap": None, "http_port": None}
    )
    try:
        yield up(settings, names=names)
    finally:
        down(settings)
        postgres.discard(home)


class _Up:
    """One running `up`, which holds the lock of the stack's home."""

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self._settings = settings
        self._home = settings.home
        self._progress = progress
        self._state = read_state(settings.home)

    def start(self, names: list[str], running: Settings | None = None) -> None:
        """Start the parts that do not run, then wait until all are ready."""
        digest = process.digest(self._servers(running)) if running else ""
        started: dict[str, ProcessRecord] = {}
        found: dict[str, float] = {}
        for name in names:
            record = self._state.processes.get(name)
            alive = record is not None and process.find(record) is not None
            self._progress.begin(name, "checking" if alive else "starting")
            # A process started with former addresses of the servers must be restarted.
            if record is not None and alive and (running is None or record.told == digest):
                started[name] = record
                found[name] = patience(name, self._home, record)
            else:
                started[name] = self._restart(name, running, digest)
        wait_until_ready(
            started,
            found,
            lambda name, record: trouble(name, self._home, self._state.ports, record.address),
            lambda name: self._restart(name, running, digest),
            self._progress,
        )

    def record_where(self) -> Settings:
        """Return the settings with the servers' addresses, and store them for other processes."""
        found: dict[str, object] = {"http_port": self._http_port()}
        env = {HTTP_PORT: str(found["http_port"])}
        if self._is_own("postgres"):
            env[DATABASE_URL] = postgres.database_url(self._home, self._state.ports["postgres"])
            found["database_url"] = SecretStr(env[DATABASE_URL])
        if self._is_own("kafka"):
            env[KAFKA_BOOTSTRAP] = f"{ports.LOOPBACK}:{self._state.ports['kafka']}"
            found["kafka_bootstrap"] = env[KAFKA_BOOTSTRAP]
        write_env(self._home, env)
        return self._settings.model_copy(update=found)

    def prepare(self, running: Settings) -> None:
        """Bring the database's schema and the broker's topics up to date."""
        from infra.kafka.topics import provision
        from infra.postgres.migrate import migrate

        self._progress.begin("schema", "migrating")
        migrate(running.database)
        self._progress.end("schema", "up to date")
        self._progress.begin("topics", "provisioning")
        provision(running.kafka)
        self._progress.end("topics", "up to date")

    def _restart(self, name: str, running: Settings | None, digest: str) -> ProcessRecord:
        if record := self._state.processes.get(name):
            # Children of a killed process would hold its ports and files.
            process.stop(record, STOP_SIGNALS.get(name, SIGTERM), STOP_WITHIN[name])
        service = self._service(name, running)
        with uninterrupted():
            record = service.start(self._home / "logs" / f"{name}.log", digest)
            self._state.processes[name] = record
            write_state(self._home, self._state)
        return record

    def _service(self, name: str, running: Settings | None) -> Service:
        if name == "postgres":
            return postgres.service(self._home, self._port(name))
        if name == "kafka":
            return kafka.service(self._home, self._port(name), self._port("kafka-controller"))
        assert running is not None  # noqa: S101 - workers are started after the servers
        address = f"{running.http_host}:{running.http_port}" if name == "ray" else ""
        own_ray = running.ray_address is None
        return workers.service(
            name, self._home, self._servers(running), address, own_ray, running.ray_port
        )

    def _servers(self, running: Settings) -> dict[str, str]:
        """Return the variables with which a worker finds the stack."""
        return {
            "SHELFCAST_HOME": str(self._home),
            DATABASE_URL: running.database,
            KAFKA_BOOTSTRAP: running.kafka.bootstrap,
            HTTP_PORT: str(running.http_port),
        }

    def _is_own(self, name: str) -> bool:
        return elsewhere(name, self._settings) is None and name in self._state.processes

    def _port(self, name: str) -> int:
        """Return the port recorded for `name`, or another if it is in use."""
        others = {port for other, port in self._state.ports.items() if other != name}
        self._state.ports[name] = ports.choose(self._state.ports.get(name), others)
        write_state(self._home, self._state)
        return self._state.ports[name]

    def _http_port(self) -> int:
        ray = self._state.processes.get("ray")
        if ray is not None and process.find(ray) is not None:
            return self._state.ports["http"]
        asked = self._settings.http_port
        if asked is None or asked == self._state.ports.get("http"):
            return self._port("http")
        if not ports.is_free(asked, self._settings.http_host):
            raise PortTaken(
                f"{HTTP_PORT} asks for port {asked}, which another process uses: "
                f"free it, choose another, or unset {HTTP_PORT}"
            )
        self._state.ports["http"] = asked
        write_state(self._home, self._state)
        return asked

"""The state of each part of the stack."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local import kafka, ports, postgres, process, workers
from infra.local.process import ProcessRecord
from infra.local.service import MEND_WITHIN, READY_WITHIN
from infra.local.state import StackState, read_env, read_state
from infra.settings import Settings

SERVERS = ("postgres", "kafka")
WORKERS = ("spark", "ray")
EVERYTHING = SERVERS + WORKERS  # in the order in which they are started

DATABASE_URL = "SHELFCAST_DATABASE_URL"
KAFKA_BOOTSTRAP = "SHELFCAST_KAFKA_BOOTSTRAP"
HTTP_PORT = "SHELFCAST_HTTP_PORT"


@dataclass(frozen=True)
class ComponentStatus:
    """The state of one part of the stack; `memory` is in bytes and includes descendants."""

    name: str
    state: str  # ready, starting, degraded, stopped or elsewhere
    pid: int | None = None
    address: str | None = None
    memory: int | None = None
    log: str | None = None
    reason: str | None = None  # why it is not ready


def status(settings: Settings) -> list[ComponentStatus]:
    """Return the state of each part of the stack, in the order of their start."""
    home = settings.home.absolute()
    state = read_state(home)
    return [_component(name, settings, home, state) for name in EVERYTHING]


def trouble(name: str, home: Path, chosen: Mapping[str, int], address: str) -> str | None:
    """Return why that part of the stack in `home` does not work, or None.

    `chosen` are the ports chosen for it, `address` is where it should listen.
    """
    if name == "postgres":
        answers = postgres.is_ready(postgres.database_url(home, chosen["postgres"]))
    elif name == "kafka":
        answers = kafka.is_ready(f"{ports.LOOPBACK}:{chosen['kafka']}")
    else:
        return workers.trouble(home, name, address)
    return None if answers else f"it does not answer on {address}"


def elsewhere(name: str, settings: Settings) -> str | None:
    """Return the address of an external server in the settings; None for one of the stack."""
    own = read_env(settings.home)
    if name == "postgres" and settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        return None if url == own.get(DATABASE_URL) else url.rpartition("@")[2]
    if name == "kafka" and settings.kafka_bootstrap is not None:
        bootstrap = settings.kafka_bootstrap
        return None if bootstrap == own.get(KAFKA_BOOTSTRAP) else bootstrap
    return None


def _component(name: str, settings: Settings, home: Path, state: StackState) -> ComponentStatus:
    if address := elsewhere(name, settings):
        return ComponentStatus(name, "elsewhere", address=address)
    record = state.processes.get(name)
    if record is None:
        return ComponentStatus(name, "stopped")
    if process.find(record) is None:
        ended = "it has ended by itself: run `shelfcast up`"
        return ComponentStatus(name, "stopped", log=record.log, reason=ended)
    reason = trouble(name, home, state.ports, record.address)
    return ComponentStatus(
        name,
        "ready" if reason is None else _troubled(name, home, record),
        record.pid,
        record.address or None,
        process.memory(record),
        record.log,
        reason,
    )


def _troubled(name: str, home: Path, record: ProcessRecord) -> str:
    """Return the state of a part that does not work: starting at first, degraded later."""
    was_ready = name in WORKERS and workers.ready_file(home, name).exists()
    return "degraded" if was_ready or process.age(record) > READY_WITHIN[name] else "starting"


def patience(name: str, home: Path, record: ProcessRecord) -> float:
    """Return the seconds after which a degraded part is restarted."""
    if _troubled(name, home, record) == "degraded":
        return MEND_WITHIN
    return max(MEND_WITHIN, READY_WITHIN[name] - process.age(record))

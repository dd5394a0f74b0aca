import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

import infra.kafka.topics
import infra.postgres.migrate
from infra.local import jars, process, stack, workers
from infra.local.service import ServiceFailed
from infra.local.state import read_state
from infra.settings import Settings

WORKS = """
import os, pathlib, time
print(os.environ["SHELFCAST_DATABASE_URL"], os.environ["SHELFCAST_HTTP_PORT"])
time.sleep(0.1)
pathlib.Path(os.environ["SHELFCAST_READY_FILE"]).touch()
time.sleep(600)
"""
FAILS = "raise SystemExit('the reason it gives')"
HANGS = "import time; print('working on it', flush=True); time.sleep(600)"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Both servers elsewhere, and workers that are scripts of the test."""
    prepared: list[str] = []
    monkeypatch.setattr(infra.postgres.migrate, "migrate", prepared.append)
    monkeypatch.setattr(infra.kafka.topics, "provision", prepared.append)
    monkeypatch.setattr(workers, "MODULES", {"spark": "job", "ray": "host"})
    monkeypatch.setattr(jars, "class_path", lambda _name: [])
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    put(tmp_path, job=WORKS, host=WORKS)
    settings = Settings(
        _env_file=None,
        home=tmp_path / "home",
        database_url=SecretStr("postgresql://me:secret@db/one"),
        kafka_bootstrap="broker:9092",
    )
    yield settings
    stack.down(settings)


def put(folder: Path, **scripts: str) -> None:
    for name, script in scripts.items():
        (folder / f"{name}.py").write_text(script)


def pids(settings: Settings) -> dict[str, int]:
    return {name: record.pid for name, record in read_state(settings.home).processes.items()}


def test_workers_are_told_where_the_servers_are_and_become_ready(settings: Settings) -> None:
    running = stack.up(settings)

    assert set(pids(settings)) == {"spark", "ray"}
    told = (settings.home / "logs/ray.log").read_text()
    assert told == f"postgresql://me:secret@db/one {running.http_port}\n"
    assert "secret" not in (settings.home / "stack.env").read_text()


def test_up_again_leaves_them_alone_unless_a_server_has_moved(settings: Settings) -> None:
    stack.up(settings)
    first = pids(settings)
    stack.up(settings)
    assert pids(settings) == first

    stack.up(settings.model_copy(update={"kafka_bootstrap": "moved:9092"}))

    assert set(first.values()).isdisjoint(pids(settings).values())
    assert not any(psutil.pid_exists(pid) and runs(pid) for pid in first.values())


def test_one_that_fails_is_named_and_the_next_up_goes_on(
    settings: Settings, tmp_path: Path
) -> None:
    put(tmp_path, host=FAILS)
    with pytest.raises(ServiceFailed, match="ray ended before it was ready") as failure:
        stack.up(settings)
    assert "the reason it gives" in str(failure.value)
    spark = pids(settings)["spark"]

    put(tmp_path, host=WORKS)
    stack.up(settings)

    assert pids(settings)["spark"] == spark


def test_a_stale_ready_file_does_not_count(settings: Settings, tmp_path: Path) -> None:
    stack.up(settings)
    for pid in pids(settings).values():
        psutil.Process(pid).kill()
    put(tmp_path, job=FAILS)

    with pytest.raises(ServiceFailed, match="spark ended"):
        stack.up(settings)


def test_an_interrupted_up_has_recorded_what_it_started(settings: Settings, tmp_path: Path) -> None:
    put(tmp_path, job=HANGS)
    script = (
        "from pathlib import Path; from pydantic import SecretStr\n"
        "from infra.local import jars, stack, workers; from infra.settings import Settings\n"
        "import infra.kafka.topics, infra.postgres.migrate\n"
        "infra.postgres.migrate.migrate = infra.kafka.topics.provision = print\n"
        "workers.MODULES = {'spark': 'job', 'ray': 'host'}; jars.class_path = print\n"
        f"stack.up(Settings(home=Path({str(settings.home)!r}), kafka_bootstrap='b:1',"
        " database_url=SecretStr('postgresql://me@db/one')))"
    )
    root = Path(__file__).parents[3]
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{root}"}
    up = subprocess.Popen([sys.executable, "-c", script], env=environment, stderr=subprocess.PIPE)
    log = settings.home / "logs/spark.log"
    deadline = time.monotonic() + 60
    while not (log.exists() and "working on it" in log.read_text()):
        assert up.poll() is None, up.communicate()
        assert time.monotonic() < deadline
    up.send_signal(signal.SIGINT)
    up.communicate()

    started = pids(settings)
    assert all(runs(pid) for pid in started.values())
    assert "spark" in started
    stack.down(settings)
    assert not any(psutil.pid_exists(pid) and runs(pid) for pid in started.values())


def runs(pid: int) -> bool:
    return process.runs(psutil.Process(pid))

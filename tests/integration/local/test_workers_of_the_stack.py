import os
import signal
import stat
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
from infra import heartbeat
from infra.local import jars, process, ray_home, service, stack, workers
from infra.local import status as status_module
from infra.local.progress import Silent
from infra.local.service import ServiceFailed
from infra.local.state import read_state
from infra.local.status import status
from infra.settings import Settings

JOB = """
import os, time
from pathlib import Path
print(os.environ["SHELFCAST_DATABASE_URL"], os.environ["SHELFCAST_HTTP_PORT"], flush=True)
while not Path("mute").exists():
    Path(os.environ["SHELFCAST_READY_FILE"]).touch()
    time.sleep(0.1)
time.sleep(600)
"""
HOST = """
import http.server, json, os, threading
from pathlib import Path
class Api(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ill = Path("ill").exists()
        state = {"state": "degraded", "trouble": "no partition"} if ill else {"state": "idle"}
        body = {"ready": not ill, "database": "ok", "functions": {"trainer": state}}
        self.send_response(503 if ill else 200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())
    def log_message(self, *_):
        pass
port = int(os.environ["SHELFCAST_HTTP_PORT"])
server = http.server.HTTPServer(("127.0.0.1", port), Api)
threading.Thread(target=server.serve_forever, daemon=True).start()
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
    put(tmp_path, job=JOB, host=HOST + JOB)
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
    assert not any(runs(pid) for pid in first.values())


def test_one_that_fails_is_named_and_the_next_up_goes_on(
    settings: Settings, tmp_path: Path
) -> None:
    put(tmp_path, host=FAILS)
    with pytest.raises(ServiceFailed, match="ray ended before it was ready") as failure:
        stack.up(settings)
    assert "the reason it gives" in str(failure.value)
    spark = pids(settings)["spark"]

    put(tmp_path, host=HOST + JOB)
    stack.up(settings)

    assert pids(settings)["spark"] == spark


def test_a_stale_ready_file_does_not_count(settings: Settings, tmp_path: Path) -> None:
    stack.up(settings)
    for pid in pids(settings).values():
        kill(pid)
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
    while not (log.exists() and "working on it" in log.read_text()):
        assert up.poll() is None, up.communicate()
        time.sleep(0.05)
    up.send_signal(signal.SIGINT)
    up.communicate()

    started = pids(settings)
    assert all(runs(pid) for pid in started.values())
    assert "spark" in started
    stack.down(settings)
    assert not any(runs(pid) for pid in started.values())


def runs(pid: int) -> bool:
    try:
        return process.runs(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False


def kill(pid: int) -> None:
    """Kill the process and wait until it has gone, which takes a while on a busy machine."""
    psutil.Process(pid).kill()
    while runs(pid):
        time.sleep(0.01)


def states(settings: Settings) -> dict[str, tuple[str, str | None]]:
    parts = status(settings)
    return {part.name: (part.state, part.reason) for part in parts if part.name in ("spark", "ray")}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is ill is not given time to recover."""
    monkeypatch.setattr(status_module, "MEND_WITHIN", 0.0)


def test_one_that_lives_but_does_not_work_is_degraded_with_the_reason(settings: Settings) -> None:
    stack.up(settings)
    assert states(settings) == {"spark": ("ready", None), "ray": ("ready", None)}

    (settings.home / "ill").touch()

    assert states(settings)["ray"] == ("degraded", "trainer is degraded (no partition)")
    assert states(settings)["spark"] == ("ready", None)


def test_one_that_gives_no_sign_of_life_is_degraded(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.up(settings)
    (settings.home / "mute").touch()
    monkeypatch.setattr(heartbeat, "LOST_AFTER", 0.0)

    told = states(settings)
    assert {state for state, _ in told.values()} == {"degraded"}
    assert all("no sign of life for" in str(reason) for _, reason in told.values())


@pytest.mark.usefixtures("impatient")
def test_up_restarts_one_that_lives_but_does_not_work(settings: Settings) -> None:
    stack.up(settings)
    first = pids(settings)
    (settings.home / "ill").touch()

    class Mended(Silent):
        """The illness goes with the restart."""

        def begin(self, step: str, doing: str) -> None:
            if doing == "restarting":
                (settings.home / "ill").unlink()

    stack.up(settings, Mended())

    assert pids(settings)["spark"] == first["spark"]
    assert pids(settings)["ray"] != first["ray"]
    assert not runs(first["ray"])
    assert states(settings)["ray"] == ("ready", None)


@pytest.mark.usefixtures("impatient")
def test_up_does_not_say_that_all_is_well_while_the_api_is_not_ready(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.up(settings)
    (settings.home / "ill").touch()
    monkeypatch.setitem(service.READY_WITHIN, "ray", 5.0)

    with pytest.raises(ServiceFailed, match=r"not ready within 5 s: .*(trainer is degraded|life)"):
        stack.up(settings)


def test_one_that_ends_while_up_waits_for_it_is_started_again(settings: Settings) -> None:
    stack.up(settings)
    first = pids(settings)
    (settings.home / "ill").touch()

    class Killer(Silent):
        def begin(self, step: str, doing: str) -> None:
            if (step, doing) == ("ray", "checking"):
                kill(first["ray"])
            if (step, doing) in (("ray", "restarting"), ("ray", "starting")):
                (settings.home / "ill").unlink()

    stack.up(settings, Killer())

    assert pids(settings)["ray"] != first["ray"]


def test_one_that_fails_leaves_nothing_behind(settings: Settings, tmp_path: Path) -> None:
    left = tmp_path / "left"
    put(
        tmp_path,
        host="import subprocess, sys\n"
        "child = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "pid = subprocess.Popen(child, start_new_session=True).pid\n"
        f"open({str(left)!r}, 'w').write(str(pid))\n" + FAILS,
    )

    with pytest.raises(ServiceFailed, match="ray ended before it was ready"):
        stack.up(settings)

    assert not runs(int(left.read_text()))


def test_state_and_logs_are_for_their_owner_alone(settings: Settings) -> None:
    settings.home.mkdir(mode=0o755)
    stack.up(settings)

    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in settings.home.rglob("*")}
    assert stat.S_IMODE(settings.home.stat().st_mode) == 0o700
    assert modes[settings.home / "logs"] == 0o700
    assert {modes[log] for log in (settings.home / "logs").iterdir()} == {0o600}


def test_down_deletes_the_folder_of_a_ray_that_was_killed(settings: Settings) -> None:
    stack.up(settings)
    folder = ray_home.fresh_folder(settings.home)
    kill(pids(settings)["ray"])

    stack.down(settings)

    assert not folder.parent.exists()
    assert not (settings.home / ray_home.LINK).is_symlink()


def test_a_cluster_that_is_joined_keeps_its_own_token(tmp_path: Path) -> None:
    own = workers.service("ray", tmp_path, {}, "127.0.0.1:1")
    joined = workers.service("ray", tmp_path, {}, "127.0.0.1:1", own_ray=False)

    assert own.environment["RAY_AUTH_MODE"] == "token"
    assert not any(name.startswith("RAY_") for name in joined.environment)

"""`kill -9` of any process that `up` brought into being is noticed, and mended."""

import httpx
import pytest

from tests.e2e.system import System, wait

# (part, what its command has in it); Serve and Spark mend some of these before anybody looks.
VITAL = [
    ("ray", "gcs/gcs_server"),
    ("ray", "raylet/raylet"),
    ("ray", "ray::DashboardAgent"),
    ("ray", "log_monitor.py"),
    ("spark", "pyspark-shell"),
]
MENDED = [
    ("ray", "ray::ServeController"),
    ("ray", "ray::ProxyActor"),
    ("spark", "-m stream_jobs.worker_daemon"),
    ("postgres", "postgres: "),
]
READY = dict.fromkeys(["postgres", "kafka", "spark", "ray"], "ready")


def works(system: System) -> bool:
    """Sales get in, and a run ends in a forecast."""
    store = system.shop(series=1, days=30)
    run = system.ended(system.retrain(store))
    return run["counts"]["succeeded"] == 1 and system.forecast(store, "product-0")["version"] == 1


@pytest.mark.parametrize(("part", "title"), VITAL)
def test_status_notices_the_death_and_up_mends_it(system: System, part: str, title: str) -> None:
    victim = system.kill_member(part, title)
    wait(lambda: system.states()[part] in ("degraded", "stopped"))

    system.up()

    assert system.states() == READY
    assert victim not in system.members(part)
    assert system.get("/readyz").json()["ready"]
    assert works(system)


@pytest.mark.parametrize(("part", "title"), MENDED)
def test_what_mends_itself_is_waited_for_by_up(system: System, part: str, title: str) -> None:
    victim = system.kill_member(part, title)

    def up_again() -> bool:
        """Until something replaced it: `up` may look before anything has noticed."""
        system.up()
        try:
            return victim not in system.members(part) and system.get("/readyz").is_success
        except httpx.TransportError:
            return False

    wait(up_again)
    assert works(system)

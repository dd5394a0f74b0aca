"""The stack's Python processes: the Spark streaming job and the Ray host.

SHELFCAST_READY_FILE names the file that each writes once it is ready to work, and renews
for as long as it is.
"""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from infra import heartbeat
from infra.local import class_archive, jars, ray_home, readiness
from infra.local.java import java_home
from infra.local.service import Service

# The JVM that only makes up the command of Spark's own: it is gone before a compiler pays, and
# with UsePerfData it would write into the folder for everybody's temporary files.
LAUNCHER = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData"
MODULES = {"spark": "stream_jobs.sales", "ray": "infra.hosts.ray_serve"}


def service(
    name: str,
    home: Path,
    environment: Mapping[str, str],
    address: str,
    own_ray: bool = True,
    ray_port: int | None = None,
) -> Service:
    """Prepare the process of that name, and remove the ready file of an earlier run.

    A cluster that is only joined, no Ray of our own, has a token and addresses of its own too.
    """
    ready = ready_file(home, name)
    ready.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    ready.unlink(missing_ok=True)
    own = {"SHELFCAST_READY_FILE": str(ready), "PYTHONUNBUFFERED": "1"}
    if name == "spark":
        jars.class_path("spark")  # verified before the job loads them
        own |= {"JAVA_HOME": str(java_home(home)), "SHELFCAST_JARS": str(jars.folder())}
        own["SPARK_LAUNCHER_OPTS"] = os.environ.get("SPARK_LAUNCHER_OPTS", LAUNCHER)
        own |= class_archive.environment_of_spark(class_archive.options("spark"))
    elif own_ray:
        own |= ray_home.environment(home, ray_port)
    return Service(
        name=name,
        command=[sys.executable, "-m", MODULES[name]],
        folder=home,
        address=address,
        environment={**environment, **own},
    )


def ready_file(home: Path, name: str) -> Path:
    """The file that the process renews while it works."""
    return home / "run" / f"{name}.ready"


def trouble(home: Path, name: str, address: str) -> str | None:
    """Return why the process does not work, by its heartbeat and the API; None if it works."""
    reason = heartbeat.trouble(ready_file(home, name), time.time())
    return readiness.trouble(address) if reason is None and name == "ray" else reason

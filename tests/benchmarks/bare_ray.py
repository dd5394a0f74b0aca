"""Ray with an empty Serve application: what a start costs before Shelfcast does anything.

Ray is started as `infra.hosts.ray_serve` starts it. Writes SHELFCAST_READY_FILE, then waits for
SIGTERM.
"""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import ray
from ray import serve

OBJECT_STORE_BYTES = 80 * 1024 * 1024  # as infra.hosts.ray_serve


class Empty:
    """An application that does nothing."""

    def __call__(self) -> str:
        return "ok"


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="bare-ray-"))
    try:
        ray.init(
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            _temp_dir=str(folder),
            configure_logging=False,
        )
        address = {"host": "127.0.0.1", "port": int(os.environ["SHELFCAST_HTTP_PORT"])}
        serve.start(proxy_location="HeadOnly", http_options=address)
        empty = serve.deployment(Empty, name="empty", ray_actor_options={"num_cpus": 0})
        serve.run(empty.bind(), name="empty")
        Path(os.environ["SHELFCAST_READY_FILE"]).write_text("ready\n")
        signal.sigwait({signal.SIGTERM})
    finally:
        serve.shutdown()
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main()

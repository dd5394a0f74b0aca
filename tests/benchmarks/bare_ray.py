"""Ray with an empty Serve application: what a start costs before Shelfcast does anything.

Ray is started as `infra.hosts.ray_serve` starts it. Writes SHELFCAST_READY_FILE, then waits for
SIGTERM.
"""

import os
import signal
from pathlib import Path

import ray
from ray import serve

from infra.hosts.ray_node import end_node, start_node


class Empty:
    """An application that does nothing."""

    def __call__(self) -> str:
        return "ok"


def main() -> None:
    home = Path(os.environ["SHELFCAST_HOME"])
    try:
        start_node(home)
        address = {"host": "127.0.0.1", "port": int(os.environ["SHELFCAST_HTTP_PORT"])}
        serve.start(proxy_location="HeadOnly", http_options=address)
        empty = serve.deployment(Empty, name="empty", ray_actor_options={"num_cpus": 0})
        serve.run(empty.bind(), name="empty")
        Path(os.environ["SHELFCAST_READY_FILE"]).write_text("ready\n")
        signal.sigwait({signal.SIGTERM})
    finally:
        serve.shutdown()
        ray.shutdown()
        end_node(home)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main()

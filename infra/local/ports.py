"""Free TCP ports on the loopback address."""

import random
import socket

LOOPBACK = "127.0.0.1"
# Below those that Linux and macOS give to clients by default: until its server listens, a port that
# was found free must not become some connection's own end.
_PORTS = range(20_000, 32_000)


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do; without it a port is taken for a minute after its server has gone.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def choose(preferred: int | None, taken: set[int]) -> int:
    """The preferred port if it is still free, otherwise one that is; never one of `taken`."""
    if preferred is not None and preferred not in taken and is_free(preferred):
        return preferred
    while True:
        port = random.choice(_PORTS)  # noqa: S311
        if port not in taken and is_free(port):
            return port


def accepts(port: int) -> bool:
    """Whether something answers on the port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False

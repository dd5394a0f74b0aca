"""The Ray node of the local stack: accessible to its owner only, stopped with its children."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import psutil
import ray
import stamina
from ray import serve
from ray.serve._private import replica

from infra.hosts.ray_watch import NodeLost, members
from infra.local import ports, process, ray_home

log = logging.getLogger("shelfcast")

STARTS = 4
OBJECT_STORE_BYTES = 80 * 1024 * 1024  # nothing large goes through it


class NodeUnprotected(Exception):
    """Ray would listen on an outer address, or without a token, though it must not."""


def start_node(
    home: Path, preloaded: Sequence[str] = (), port: int | None = None
) -> dict[str, psutil.Process]:
    """Start Ray; the processes of the node that this process has to keep an eye on, by name.

    Its workers import the modules `preloaded` before they are given work. With a port, other nodes
    that know the token may join at it.

    NodeUnprotected when this process has not got the environment that protects the node.
    """
    wanted = ray_home.environment(home, port)
    if port is not None and ray_home.has_a_token(os.environ):
        # Other nodes need the same token, so it is not the one of this state folder.
        wanted = {name: value for name, value in wanted.items() if "TOKEN" not in name}
    lacking = wanted.items() - os.environ.items()
    if lacking:
        names = ", ".join(sorted(name for name, _ in lacking))
        raise NodeUnprotected(
            f"{names}: not as the local Ray needs it to be closed to others: "
            "start the stack by `shelfcast up`, or set SHELFCAST_RAY_ADDRESS to a cluster's address"
        )
    for attempt in stamina.retry_context(on=_is_slow_start, attempts=STARTS, timeout=None):
        with attempt:
            _start(home, preloaded)
    addresses = {node["NodeManagerAddress"] for node in ray.nodes()}
    if port is None and addresses != {ports.LOOPBACK}:
        raise NodeUnprotected(f"Ray listens on {addresses}, and not on {ports.LOOPBACK} alone")
    return members(psutil.Process())


def has_a_node() -> None:
    """Ask Ray's gcs_server for its nodes; NodeLost if none is alive."""
    if not any(node["Alive"] for node in ray.nodes()):
        raise NodeLost("Ray knows of no node that is alive")


def has_a_controller() -> None:
    """Check that Serve's controller answers; the API judges the status."""
    serve.status()


def _start(home: Path, preloaded: Sequence[str]) -> None:
    end_node(home)  # processes of a failed start or of a killed run
    ray.init(
        address="local",
        include_dashboard=False,
        object_store_memory=OBJECT_STORE_BYTES,
        _temp_dir=str(ray_home.fresh_folder(home)),
        configure_logging=False,
        _system_config={"preload_python_modules": list(preloaded)} if preloaded else None,
    )


def _is_slow_start(error: Exception) -> bool:
    # Ray waits 30 s for its node, too little on a busy machine; then it raises a bare Exception.
    return "timed out during startup" in str(error)


def end_node(home: Path) -> None:
    """End every process of the node, also of a failed start, and delete its folder."""
    ray.shutdown()
    end_processes(home)


def end_processes(home: Path) -> None:
    """Do the same without calling Ray, which does not answer when a part of it has died."""
    if killed := process.end_offspring():
        log.warning("had to kill %s", ", ".join(killed))
    ray_home.discard(home)


def keep_replica_on_loopback() -> None:
    """Called in a replica's process while it starts: its gRPC server listens on loopback too.

    Serve opens that server on every interface, and has no setting for it. It unpickles what it
    is sent, once the token is right. Should a later Serve do this elsewhere, then the test of the
    listening addresses says so, and the token protects the server still.
    """
    serve_adds_port = getattr(replica, "add_port_to_grpc_server", None)
    if serve_adds_port is not None:
        replica.add_port_to_grpc_server = lambda server, _: serve_adds_port(
            server, f"{ports.LOOPBACK}:0"
        )

"""Nobody else reaches the stack: where it listens, and what it asks for."""

import ipaddress
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import grpc
import psutil
import pytest

from tests.e2e.system import System

PARTS = ("postgres", "kafka", "spark", "ray")
NODES = "/ray.rpc.NodeInfoGcsService/GetAllNodeInfo"


def listening(member: psutil.Process) -> Iterator[tuple[str, int]]:
    """The addresses on which a process takes connections, or datagrams from anybody."""
    for socket_ in member.net_connections("inet"):
        datagrams = socket_.type == socket.SOCK_DGRAM and not socket_.raddr
        if socket_.status == psutil.CONN_LISTEN or datagrams:
            yield socket_.laddr.ip, socket_.laddr.port


def is_loopback(address: str) -> bool:
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped.is_loopback
    return found.is_loopback


def test_every_process_of_the_stack_listens_on_loopback_alone(system: System) -> None:
    members = [(part, member) for part in PARTS for member in system.members(part)]
    titles = " ".join(" ".join([member.name(), *member.cmdline()]) for _, member in members)
    for expected in ("gcs_server", "raylet", "ray::ServeController", "ray::ProxyActor", "postgres"):
        assert expected in titles
    addresses = [(part, *at) for part, member in members for at in listening(member)]
    assert len(addresses) > len(PARTS)
    assert [address for address in addresses if not is_loopback(address[1])] == []


def test_ray_refuses_whoever_has_not_got_the_token(system: System) -> None:
    [gcs] = [each for each in system.members("ray") if each.name() == "gcs_server"]
    [(_, port)] = listening(gcs)
    token = (system.settings.home / "ray.token").read_text()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        ask = channel.unary_unary(NODES)

        with pytest.raises(grpc.RpcError) as refused:
            ask(b"", timeout=60)
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
        assert b"127.0.0.1" in ask(b"", timeout=60, metadata=[("authorization", f"Bearer {token}")])


def test_files_of_the_stack_are_for_their_owner_alone(system: System) -> None:
    home = system.settings.home
    folders = [home, home / "logs", Path((home / "ray").readlink())]
    files = [home / "ray.token", home / "postgres.password", home / "stack.env"]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}
    logs = list((home / "logs").iterdir())
    assert {stat.S_IMODE(file.stat().st_mode) for file in [*files, *logs]} == {0o600}

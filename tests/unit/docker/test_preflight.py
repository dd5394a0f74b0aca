import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from infra.docker.preflight import GIB, problems


def machine(engine: str | None = "27.3.1", compose: str | None = "2.40.3", memory: int = 16):
    """Answers as Docker does on a machine like that."""

    def ask(command: Sequence[str]) -> str | None:
        if "info" in command:
            return json.dumps({"MemTotal": memory * GIB, "DockerRootDir": "/var/lib/docker"})
        return compose if "compose" in command else engine

    return ask


def roomy(_: Path) -> int:
    return 100 * GIB


def test_a_machine_that_has_all_is_taken():
    assert problems(machine(), roomy) == []
    assert problems(machine(engine="20.10.24+dfsg1", compose="v2.24.0"), roomy) == []


def test_room_that_can_not_be_seen_is_no_problem():
    assert problems(machine(), lambda _: None) == []


@pytest.mark.parametrize(
    ("ask", "free", "said"),
    [
        (machine(engine=None), 100, "no Docker engine answers: install"),
        (machine(engine="19.03.15"), 100, "the Docker engine is 19.03.15, and 20.10 is needed"),
        (machine(compose=None), 100, "docker compose is not there: install"),
        (machine(compose="2.17.2"), 100, "docker compose is 2.17.2, and 2.24 is needed"),
        (machine(memory=2), 100, "has 2.0 GiB of memory, and 6 are needed"),
        (machine(), 1, "/var/lib/docker has 1.0 GiB of room, and 8 are needed"),
    ],
)
def test_what_is_missing_too_old_or_too_full_is_named_with_the_next_step(ask, free, said):
    [problem] = problems(ask, lambda _: free * GIB)

    assert said in problem

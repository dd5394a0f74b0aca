import ast
from pathlib import Path

import pytest

from infra.local import preflight
from infra.local.preflight import GIB


@pytest.mark.parametrize("version", [(3, 11), (3, 12, 4), (3, 13)])
def test_supported_pythons_pass(version: tuple[int, ...]) -> None:
    assert preflight.python_problem(version) is None


@pytest.mark.parametrize("version", [(3, 6), (3, 10, 9), (3, 14)])
def test_other_pythons_are_told_which_to_install(version: tuple[int, ...]) -> None:
    problem = preflight.python_problem(version)

    assert problem is not None
    assert f"Python {version[0]}.{version[1]} " in problem
    assert "make install PYTHON=" in problem


@pytest.mark.parametrize(
    ("system", "machine", "libc"),
    [("Linux", "x86_64", "glibc"), ("Linux", "aarch64", "glibc"), ("Darwin", "arm64", "")],
)
def test_platforms_with_builds_pass(system: str, machine: str, libc: str) -> None:
    assert preflight.platform_problem(system, machine, libc) is None


@pytest.mark.parametrize(
    ("system", "machine", "libc", "named"),
    [
        ("Darwin", "x86_64", "", "Intel"),
        ("Windows", "AMD64", "", "WSL"),
        ("Linux", "x86_64", "", "glibc"),
        ("Linux", "riscv64", "glibc", "riscv64"),
    ],
)
def test_platforms_without_builds_are_named(
    system: str, machine: str, libc: str, named: str
) -> None:
    assert named in (preflight.platform_problem(system, machine, libc) or "")


def test_too_little_memory_is_told_in_numbers() -> None:
    problem = preflight.memory_problem(GIB)

    assert problem is not None
    assert "1.0 GiB" in problem
    assert "3 GiB" in problem


@pytest.mark.parametrize("available", [None, 3 * GIB, 64 * GIB])
def test_enough_or_unknown_memory_passes(available: int | None) -> None:
    assert preflight.memory_problem(available) is None


def test_a_full_disk_is_told_with_its_folder() -> None:
    problem = preflight.disk_problem(GIB // 2, preflight.DISK_TO_INSTALL, "/some/where")

    assert problem is not None
    assert "/some/where" in problem
    assert "4 GiB" in problem


def test_missing_parts_of_python_are_all_named() -> None:
    problem = preflight.venv_problem(["venv", "ensurepip"])

    assert problem is not None
    assert "venv and ensurepip" in problem


def test_every_problem_is_one_line() -> None:
    problems = [
        preflight.python_problem((2, 7)),
        preflight.platform_problem("Darwin", "x86_64", ""),
        preflight.memory_problem(0),
        preflight.disk_problem(0, 1, "/"),
        preflight.venv_problem(["venv"]),
    ]

    assert all(problem and "\n" not in problem for problem in problems)


def test_the_script_can_be_read_by_a_python_too_old_to_run_the_rest() -> None:
    ast.parse(Path(preflight.__file__).read_text(), feature_version=(3, 6))

"""Every benchmark runs at its smallest size and prints what it promises; nobody reads the numbers.

Those that measure a stack share the one of these tests.
"""

import json
import math
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import bench_scale
from tests.e2e.system import System

PROJECT = Path(__file__).parents[2]
SMALLEST = {
    "bench_fit": ["--series", "3", "--blocks", "1", "--sample", "1"],
    "bench_accuracy": ["--series", "3", "--strategies", "windowed"],
    "bench_ingest": ["--rows", "500"],
    "bench_start": [],
    "bench_prune": ["--rows", "7000", "--seconds", "1"],
    "bench_rows": ["--series", "200", "--days", "3"],
}
SMALLEST_OF_A_STACK = {
    "bench_latency": ["--requests", "2", "--busy", "20"],
    "bench_http": ["--requests", "8"],
    "bench_retrain": ["--series", "4", "--sample", "1"],
    "bench_scale": ["--sizes", "10"],
}
IN_CONTAINERS = {"bench_compose"}  # tried in tests/compose, which has the engine


def printed(name: str, *arguments: str) -> dict[str, Any]:
    """The last line of a benchmark, which must end well and have the keys that it promises."""
    module = f"tests.benchmarks.{name}"
    told = subprocess.run(
        [sys.executable, "-m", module, "--json", *arguments],
        cwd=PROJECT,
        # Made-up sales are as good here, and take no time to read.
        env={**os.environ, "PYTHONPATH": str(PROJECT), "SHELFCAST_REAL_DATA": "no-such-folder"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    found: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    assert set(import_module(module).KEYS) <= set(found)
    assert_finite(found)
    return found


def assert_finite(value: Any) -> None:
    if isinstance(value, dict):
        for each in value.values():
            assert_finite(each)
    elif isinstance(value, float):
        assert math.isfinite(value)


@pytest.mark.parametrize("name", SMALLEST)
def test_a_benchmark_prints_what_it_promises(name: str):
    printed(name, *SMALLEST[name])


@pytest.mark.parametrize("name", SMALLEST_OF_A_STACK)
def test_a_benchmark_of_a_stack_prints_what_it_promises(system: System, name: str):
    home = str(system.settings.home)

    found = printed(name, "--home", home, *SMALLEST_OF_A_STACK[name])

    if name == "bench_scale":
        assert set(bench_scale.OF_A_SIZE) <= set(found["series"]["10"])


def test_every_benchmark_is_tried():
    files = (PROJECT / "tests/benchmarks").glob("bench_*.py")

    assert {file.stem for file in files} == {*SMALLEST, *SMALLEST_OF_A_STACK, *IN_CONTAINERS}


def test_make_has_a_target_for_every_benchmark():
    makefile = (PROJECT / "Makefile").read_text()

    for name in (*SMALLEST, *SMALLEST_OF_A_STACK, *IN_CONTAINERS):
        assert re.search(rf"^{name.replace('_', '-')}: install[^#\n]*##", makefile, re.MULTILINE)
        assert f"-m tests.benchmarks.{name} $(ARGS)" in makefile

"""`bench-compose` at its smallest size prints what it promises; nobody reads the numbers."""

import json
import subprocess
import sys

import pytest

from tests.benchmarks.bench_compose import KEYS, SERVICES
from tests.deploy.tools import PROJECT

pytestmark = pytest.mark.timeout(2400)


def test_the_benchmark_prints_what_it_promises(docker: dict[str, str]):
    told = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.bench_compose", "--json", "--series", "4"],
        cwd=PROJECT,
        # Made-up sales are as good here, and take no time to read.
        env={**docker, "PYTHONPATH": str(PROJECT), "SHELFCAST_REAL_DATA": "no-such-folder"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout.splitlines()[-1])
    assert set(KEYS) <= set(found)
    assert set(found["memory_mb"]) == set(SERVICES)

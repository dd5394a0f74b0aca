"""Real worker processes: each test spawns some, which takes a few seconds."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from functions.forecasting.engines.stan.engine import ProphetEngine
from functions.forecasting.prophet.parameters import ProphetParameters
from functions.forecasting.series.failures import FitFailure
from functions.forecasting.series.panel import Panel
from functions.forecasting.strategy import strategy
from infra.hosts.fit_processes import process_pool
from tests.unit.forecasting.walks import fitted

ROOT = Path(__file__).parents[3]

# Starts two workers, keeps them busy with fits, and says who they are.
PARENT = """
import os, sys, time
import numpy as np
from functions.forecasting.backtest import DEFAULT
from functions.forecasting.engines.stan import fit as stan_fit
from functions.forecasting.strategy import strategy
from infra.hosts.fit_processes import process_pool

pool = process_pool(2)
naps = [pool.submit(time.sleep, 0.5) for _ in range(2)]
workers = {pool.submit(os.getpid).result() for _ in range(20)} | set(pool._processes)
days = np.datetime64("2015-01-05", "D") + np.arange(90)
units = 100 + np.random.default_rng(0).normal(0, 10, 90)
regressors = (), np.empty((90, 0)), np.empty(0)
task = stan_fit.Task(days, units, *regressors, strategy("windowed"), block=0, backtest=DEFAULT)
fits = [pool.submit(stan_fit.walk, task) for _ in range(1000)]
fits[3].result()
print(*workers, flush=True)
time.sleep(600)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the test's own, for the processes it starts."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_workers_end_and_clean_up_when_their_parent_is_killed(temporary: Path):
    parent = subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert parent.stdout is not None
        workers = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        assert len(workers) == 2
        assert list(temporary.glob("shelfcast-worker-*"))
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()
    psutil.wait_procs(workers)
    while list(temporary.iterdir()):  # whoever is the last to go deletes it
        time.sleep(0.1)


def test_workers_fit_in_order_leave_no_file_and_survive_an_interrupt(temporary: Path):
    days = np.datetime64("2015-01-05", "D") + np.arange(30)
    units = 100 + np.random.default_rng(0).normal(0, 10, 90)
    panel = Panel(
        keys=(("1", "a"), ("2", "a"), ("3", "a"), ("4", "a")),
        offsets=np.array([0, 30, 31, 61, 91], np.int64),
        dates=np.concatenate([days, days[:1], days, days]),
        units=np.concatenate([units[:30], [1.0], units[30:]]),
        is_open=np.ones(91, bool),
    )
    with process_pool(2) as pool:
        spread = fitted(ProphetEngine(pool), panel, strategy("windowed"))
        for worker in pool._processes:
            os.kill(worker, signal.SIGINT)
        again = fitted(ProphetEngine(pool), panel, strategy("windowed"))
    assert [type(each) for each in spread] == [
        ProphetParameters,
        FitFailure,
        ProphetParameters,
        ProphetParameters,
    ]
    assert spread == again == fitted(ProphetEngine(), panel, strategy("windowed"))
    assert list(temporary.glob("shelfcast-*")) == []


def test_a_worker_uses_one_thread_and_the_parents_environment_is_left_alone(temporary: Path):
    before = os.environ.get("OMP_NUM_THREADS")
    with process_pool(1) as pool:
        assert pool.submit(os.getenv, "OMP_NUM_THREADS").result() == "1"
    assert os.environ.get("OMP_NUM_THREADS") == before


def test_no_workers_are_refused():
    with pytest.raises(ValueError, match="0 workers can't fit anything"):
        process_pool(0)

"""Which functions share a process, and what a process imports."""

import subprocess
import sys

import pytest

from functions.catalog import EXPRESS, FUNCTIONS, processes
from infra.settings import Settings

# Libraries that only fitting, files or other processes need.
OF_OTHERS = {"pandas", "pyarrow", "prophet", "cmdstanpy", "scipy", "matplotlib", "pyspark", "ray"}
BUILD = """
import sys
from functions.catalog import FUNCTIONS, Dependencies
import infra.hosts.function_host
FUNCTIONS[{name!r}].build(Dependencies(None, None, {{}}, 128, 100_000))
print(*sys.modules)
"""


@pytest.mark.parametrize("layout", ["shared", "spread"])
def test_every_function_has_one_process(layout):
    placed = [function.name for functions in processes(layout).values() for function in functions]

    assert sorted(placed) == sorted(FUNCTIONS)


def test_what_fits_shares_its_process_with_nobody_on_the_bulk_lane():
    assert [function.name for function in processes("shared")["trainer"]] == ["trainer"]


def test_few_processes_are_shared_and_a_cluster_has_one_for_each_function():
    assert list(processes("shared")) == ["bulk", "trainer", EXPRESS]
    assert list(processes("spread")) == ["planner", "trainer", "registry", "forecaster", EXPRESS]


@pytest.mark.parametrize(
    ("given", "layout"),
    [
        ({}, "shared"),
        ({"ray_address": "ray://head:10001"}, "spread"),
        ({"layout": "spread"}, "spread"),
        ({"ray_address": "ray://head:10001", "layout": "shared"}, "shared"),
    ],
)
def test_the_layout_suits_where_ray_runs_unless_it_is_set(given, layout):
    assert Settings(_env_file=None, **given).process_layout == layout


def imported(code: str) -> set[str]:
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(told.stdout.split())


@pytest.mark.parametrize("name", ["planner", "registry", "refresher", "forecaster", "pruner"])
def test_a_function_that_fits_nothing_imports_nothing_that_fits(name: str):
    found = imported(BUILD.format(name=name))

    assert f"functions.{name}" in found
    assert found & (OF_OTHERS | {"functions.trainer", "functions.api", "fastapi"}) == set()


def test_the_api_imports_nothing_that_fits():
    found = imported("import sys, functions.api; print(*sys.modules)")

    assert found & (OF_OTHERS | {"functions.trainer"}) == set()


TRAIN = """
import sys
from dataclasses import replace
from datetime import date
import numpy as np
from functions.forecasting.engines.batched.engine import BatchedEngine
from functions.forecasting.series.panel import Panel
from functions.forecasting.training.train import train
from functions.forecasting.strategy import table
days, series = 400, 2
panel = Panel(
    keys=tuple((str(i), "milk") for i in range(series)),
    offsets=np.arange(series + 1) * days,
    dates=np.tile(np.arange("2023-01-01", days, dtype="datetime64[D]"), series),
    units=np.random.default_rng(7).poisson(3.0, days * series).astype(float),
    is_open=np.ones(days * series, np.bool_),
)
for strategy in table().values():
    train(panel, strategy, date(2024, 2, 5), BatchedEngine())
print(*sys.modules)
"""


def test_training_by_any_strategy_imports_none_of_the_large_libraries():
    assert imported(TRAIN) & (OF_OTHERS | {"fastapi"}) == set()

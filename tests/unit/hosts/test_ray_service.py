"""What a Ray cluster that deploys by itself is given to deploy.

Importing Serve takes seconds, so one process builds for every case.
"""

import json
import os
import subprocess
import sys

import pytest

from functions.catalog import processes

BUILD = """
import json, os, sys, warnings
warnings.simplefilter("ignore")
from infra.hosts.ray_service import app

def deployments(bound):
    yield bound._bound_deployment.name
    for each in bound._bound_deployment.init_args:
        if hasattr(each, "_bound_deployment"):
            yield from deployments(each)

def outcome(environment, args):
    os.environ.update(environment)
    try:
        return " ".join(deployments(app(args)))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        for name in environment:
            del os.environ[name]

cases = json.load(sys.stdin)
print(json.dumps({name: outcome(*case) for name, case in cases.items()}))
"""
WHOLE = {
    "SHELFCAST_KAFKA_BOOTSTRAP": "kafka:9092",
    "SHELFCAST_DATABASE_URL": "postgresql://u@db/x",
    "SHELFCAST_RAY_ADDRESS": "auto",
}


def without(lacking: str) -> dict[str, str]:
    return {name: value for name, value in WHOLE.items() if name != lacking}


CASES = {
    "whole": (WHOLE, {}),
    "with arguments": (WHOLE, {"engine": "prophet"}),
    **{name: (without(name), {}) for name in WHOLE},
}


@pytest.fixture(scope="module")
def built() -> dict[str, str]:
    known = {name: value for name, value in os.environ.items() if "SHELFCAST" not in name}
    told = subprocess.run(
        [sys.executable, "-c", BUILD],
        input=json.dumps(CASES),
        env={**known, "SHELFCAST_HOME": "/nowhere"},
        capture_output=True,
        text=True,
        check=True,
    )
    outcomes: dict[str, str] = json.loads(told.stdout)
    return outcomes


def test_every_function_is_deployed_and_the_api(built: dict[str, str]):
    assert set(built["whole"].split()) == {*processes("spread"), "api"}


@pytest.mark.parametrize("lacking", WHOLE)
def test_what_is_missing_is_told_before_anything_is_deployed(built: dict[str, str], lacking: str):
    assert f"{lacking} is not set" in built[lacking]


def test_arguments_are_told_apart_from_settings(built: dict[str, str]):
    assert "args of the Serve application: engine: there are none" in built["with arguments"]

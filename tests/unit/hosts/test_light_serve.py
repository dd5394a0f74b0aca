"""What a process of Serve imports."""

import subprocess
import sys

import pytest

IMPORTED = "import sys; {first}; import {module}; print(*sys.modules)"


def modules(first: str, module: str) -> set[str]:
    code = IMPORTED.format(first=first, module=module)
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(told.stdout.split())


@pytest.mark.parametrize("module", ["infra.hosts.light_serve", "infra.hosts.ray_serve"])
def test_serve_is_imported_without_pandas(module: str):
    found = modules("pass", module)

    assert "ray.serve" in found
    assert "pandas" not in found


def test_pandas_can_be_imported_afterwards():
    assert "pandas.core.frame" in modules("import infra.hosts.light_serve", "pandas")


def test_a_process_that_has_pandas_keeps_it():
    assert "pandas.core.frame" in modules("import pandas", "infra.hosts.light_serve")

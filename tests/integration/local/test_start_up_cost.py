import subprocess
import sys

HEAVY = {"ray", "pyspark", "prophet", "asyncpg", "aiokafka", "pandas", "pydantic", "fastapi"}


def test_help_loads_none_of_the_heavy_libraries() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import sys, infra.cli.main; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert HEAVY.isdisjoint(told.stdout.split())

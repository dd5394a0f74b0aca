"""What a command imports is what it costs before it does anything."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from infra.cli import lazy

HEAVY = {
    *(
        "ray",
        "pyspark",
        "prophet",
        "pandas",
        "numpy",
        "scipy",
        "pyarrow",
        "matplotlib",
        "cmdstanpy",
    ),
    *("sqlalchemy", "asyncpg", "psycopg", "aiokafka", "alembic", "adbc_driver_postgresql"),
    *("fastapi", "uvicorn", "pydantic", "pydantic_settings", "psutil", "stamina", "plotille"),
    "cmdstanpy",
    *("infra.settings", "functions", "stream_jobs"),
}
TOLD = "modules: "
RUN = f"""
import sys
from infra.cli.main import main
try:
    main()
finally:
    print({TOLD!r}, *sys.modules, file=sys.stderr)
"""

COUNTS = {"planned": 1, "succeeded": 1, "failed": 0, "pending": 0, "cancelled": 0}
THE_RUN: dict[str, Any] = {
    **{"run_id": "0b1c", "requested_by": "cli", "requested_at": "2026-01-01T00:00:00+00:00"},
    **{"finished_at": "2026-01-01T00:00:02+00:00", "state": "completed", "coalesced_into": None},
    **{"strategy": "auto", "policy": "always", "as_of": "2026-01-01", "horizon": 7, "named": False},
    **{"store": "1", "product": "milk", "failed_in": None, "older_than_days": None, "reason": ""},
    **{"counts": COUNTS, "failures": [], "forecasts": None},
}
A_DAY = {"date": "2026-01-01", "yhat": 2.0, "yhat_lower": 1.0, "yhat_upper": 3.0}
MODEL = {
    **{"version": 1, "strategy": "auto", "chosen": "naive", "as_of": "2026-01-01", "aliases": []},
    **{"metrics": {"mae": 1.0, "wape": 0.1, "bias": 0.0, "coverage": 0.9}, "verdict": None},
    **{"comparison": [{"strategy": "naive", "weight": None}], "notes": ["a note"]},
}
ANSWERS: dict[str, Any] = {
    "/series": {
        "series": [
            {"store": "1", "product": "milk", "first_day": "2025-01-01", "last_day": "2025-12-31"}
            | {"champion_version": 1}
        ],
        "next": None,
    },
    "/runs": {"runs": [THE_RUN]},
    "/runs/0b1c": THE_RUN,
    "/forecasts/1/milk": {
        **{"store": "1", "product": "milk", "version": 1, "data_through": "2025-12-31"},
        **{"published_at": "2026-01-01T00:00:00+00:00", "stale": False},
        "days": [A_DAY | {"assumed": [], "limited": [], "bounded": False}],
    },
    "/models/1/milk": {"models": [MODEL]},
    "/retrain": {"run_id": "0b1c"},
}


class _Api(BaseHTTPRequestHandler):
    """Answers as the API does, as far as the commands look."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        return

    def _answer(self) -> None:
        body = json.dumps(ANSWERS[self.path.partition("?")[0]]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """That of an API that knows one series."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Api) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def imported(*arguments: str, **environment: str) -> set[str]:
    """The modules that a command has imported by its end; it must end well."""
    told = subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert told.returncode == 0, told.stderr
    [line] = [line for line in told.stderr.splitlines() if line.startswith(TOLD)]
    return set(line.removeprefix(TOLD).split())


@pytest.mark.parametrize(
    "command",
    [
        "series",
        "runs",
        "runs 0b1c",
        "forecast 1 milk",
        "retrain --all",
        "retrain --all --wait",
        "models list 1 milk",
        "series --json",
    ],
)
def test_a_command_that_asks_the_api_imports_what_that_takes_and_no_more(
    command: str, port: int
) -> None:
    found = imported(*command.split(), SHELFCAST_HTTP_PORT=str(port))

    assert "httpx" in found
    assert (HEAVY | {"click", "pygments"}) & found == set()


def test_a_command_loads_no_other_commands_module(port: int) -> None:
    found = imported("series", SHELFCAST_HTTP_PORT=str(port))

    modules = {f"infra.cli.{module}" for module in lazy.MODULES.values()}
    assert modules & found == {"infra.cli.forecasts", "infra.cli.runs"}, "and what it builds on"


def test_help_loads_none_of_the_heavy_libraries() -> None:
    found = imported("--help")

    assert (HEAVY | {"httpx"}) & found == set()

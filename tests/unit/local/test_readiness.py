import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from infra.local import ports, readiness


class Api(HTTPServer):
    """Answers each request with what the test wants."""

    status, body = 200, ""

    @property
    def address(self) -> str:
        return f"{ports.LOOPBACK}:{self.server_port}"

    def says(self, status: int, body: object) -> None:
        self.status, self.body = status, json.dumps(body)


class Handler(BaseHTTPRequestHandler):
    server: Api

    def do_GET(self) -> None:
        self.send_response(self.server.status if self.path == "/readyz" else 404)
        self.end_headers()
        self.wfile.write(self.server.body.encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api((ports.LOOPBACK, 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_api_that_is_ready_has_no_trouble(api: Api) -> None:
    functions = {"planner": {"state": "idle"}, "trainer": {"state": "working"}}
    api.says(200, {"ready": True, "database": "ok", "functions": functions})

    assert readiness.trouble(api.address) is None


def test_the_functions_that_do_not_work_and_the_database_are_named(api: Api) -> None:
    functions = {
        "planner": {"state": "idle", "trouble": None},
        "trainer": {"state": "degraded", "trouble": "no partition"},
        "registry": {"state": "unreachable"},
    }
    api.says(503, {"ready": False, "database": "refused", "functions": functions})

    assert readiness.trouble(api.address) == (
        "the database is away: refused; trainer is degraded (no partition); registry is unreachable"
    )


@pytest.mark.parametrize("body", ["Internal Server Error", ["a", "list"], {"ready": False}])
def test_an_answer_that_is_no_state_is_told_by_its_code(api: Api, body: object) -> None:
    api.says(500, body)

    assert (
        readiness.trouble(api.address)
        == f"the API at {api.address} answers 500 instead of its state"
    )


def test_an_api_that_nobody_runs_is_told_with_its_address() -> None:
    address = f"{ports.LOOPBACK}:{ports.choose(None, set())}"

    told = readiness.trouble(address)

    assert told is not None
    assert f"the API at {address} does not answer: ConnectionRefused" in told


def test_the_environment_s_proxy_is_not_asked(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    api.says(200, {"ready": True, "database": "ok", "functions": {}})

    assert readiness.trouble(api.address) is None

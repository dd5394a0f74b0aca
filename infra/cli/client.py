"""The HTTP client with which commands call the API."""

import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import typer

from infra.cli.address import api_address
from infra.cli.errors import Failed, NoAnswer, NotFound, Unavailable
from infra.errors import BadInput

if TYPE_CHECKING:
    import httpx

ANSWER_SECONDS = 20.0  # the API itself waits for Kafka for 5 and for the database for 10
CONNECT_SECONDS = 3.0

# The API's advice, as commands.
COMMANDS = {
    "GET /runs": "`shelfcast runs`",
    "GET /series": "`shelfcast series`",
    "GET /models": "`shelfcast models list`",
    "POST /retrain": "`shelfcast retrain`",
}


class Client:
    """The API at an address. `clock` and `pause` measure and make waits."""

    def __init__(
        self,
        address: str,
        transport: "httpx.BaseTransport | None" = None,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        _load_httpx()
        import httpx

        self.address, self.clock, self.pause = address, clock, pause
        self._http = httpx.Client(
            base_url=address,
            transport=transport,
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            trust_env=False,  # the stack is near; a proxy of the environment is not for it
        )

    def get(self, *path: str, **query: Any) -> Any:
        """GET a path given by its segments. Raises BadInput, NotFound, Failed or Unavailable."""
        given = {name: value for name, value in query.items() if value is not None}
        return self._ask("GET", path, params=given)

    def post(self, *path: str, body: dict[str, Any]) -> Any:
        """POST a body. Raises the errors of `get`."""
        return self._ask("POST", path, json=body)

    def wait_longer(self, seconds: float) -> None:
        """Set the time limit of each later request."""
        import httpx

        self._http.timeout = httpx.Timeout(seconds, connect=CONNECT_SECONDS)

    def close(self) -> None:
        """Close the connections to the API."""
        self._http.close()

    def _ask(self, method: str, path: tuple[str, ...], **options: Any) -> Any:
        import httpx

        url = "/" + "/".join(quote(segment, safe="") for segment in path)
        try:
            answer = self._http.request(method, url, **options)
        except httpx.ConnectError:
            raise Unavailable(
                f"the API at {self.address} does not answer; run `shelfcast up`"
            ) from None
        except httpx.TransportError as error:
            raise NoAnswer(
                f"the API at {self.address} left {method} {url} without an answer "
                f"({type(error).__name__}); see `shelfcast status`"
            ) from None
        return self._read(answer)

    def _read(self, answer: "httpx.Response") -> Any:
        try:
            document = answer.json()
        except ValueError:
            raise Failed(
                f"{self.address} answered {answer.status_code} without JSON, so it is not the API: "
                "see `shelfcast status`, or set SHELFCAST_HTTP_HOST and SHELFCAST_HTTP_PORT"
            ) from None
        if answer.is_success:
            return document
        detail = _detail(document)
        if answer.status_code == 404:
            raise NotFound(detail)
        if answer.status_code in (429, 503):
            raise Unavailable(detail)
        if answer.is_client_error:
            raise BadInput(detail)
        raise Failed(f"the API failed ({answer.status_code}): {detail}; see `shelfcast logs ray`")


def _load_httpx() -> None:
    """Import httpx without its command line, which would load click and pygments."""
    if "httpx" not in sys.modules:
        modules = cast(dict[str, object], sys.modules)
        modules["httpx._main"] = None  # httpx does without it, as where those two are absent
        try:
            import_module("httpx")
        finally:
            del modules["httpx._main"]


def _detail(document: Any) -> str:
    """Return the `detail` of a problem, which is one line, with the API's advice as commands."""
    detail = str(document.get("detail", document) if isinstance(document, dict) else document)
    for request, command in COMMANDS.items():
        detail = detail.replace(request, command)
    return detail


def client_of(ctx: typer.Context) -> Client:
    """Return the client passed in the context's object, or one for the running stack."""
    handed = getattr(ctx.obj, "client", ctx.obj)  # a Kafka log may be passed in with its API
    if isinstance(handed, Client):
        return handed
    host, port = api_address()
    if port is None:
        raise BadInput(
            "SHELFCAST_HTTP_PORT is not set and no local stack is up: run `shelfcast up`, "
            "or set SHELFCAST_HTTP_PORT"
        )
    return Client(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from events.errors import InvalidField, Refusal
from functions.api.problem_document import INVALID, Refused
from infra.cli.client import Client
from infra.cli.errors import Failed, NotFound, Unavailable
from infra.cli.main import app
from infra.sales_io.errors import BadInput


def answering(status: int, **content: object) -> Client:
    return Client("http://api", httpx.MockTransport(lambda _: httpx.Response(status, **content)))


def raising(error: Callable[[str], httpx.TransportError]) -> Client:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error("x")

    return Client("http://api", httpx.MockTransport(answer))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (422, BadInput),
        (409, BadInput),
        (413, BadInput),
        (404, NotFound),
        (429, Unavailable),
        (503, Unavailable),
        (500, Failed),
    ],
)
def test_each_refusal_is_the_error_that_decides_the_exit_code(status: int, error: type[Exception]):
    with pytest.raises(error) as raised:
        answering(status, json={"detail": "field: value; fix"}).get("runs")

    assert type(raised.value) is error
    assert "field: value; fix" in str(raised.value)


def test_every_problem_of_a_422_is_told_on_one_line_as_the_api_and_dead_letters_say_it():
    refused = Refused(
        INVALID,
        InvalidField("horizon", "must be 1 or more", "0"),
        Refusal("store", "no sales are known of store '9'", "'9'", "see GET /series"),
    )

    with pytest.raises(BadInput) as raised:
        answering(422, json=refused.document("/retrain")).get("runs")

    assert str(raised.value) == (
        "horizon: must be 1 or more (got 0); "
        "store: no sales are known of store '9'; see `shelfcast series`"
    )


def test_something_else_at_the_address_is_told_as_such():
    with pytest.raises(Failed, match="answered 200 and no JSON, so it is not the API"):
        answering(200, text="<html>").get("runs")


@pytest.mark.parametrize("error", [httpx.ConnectTimeout, httpx.ReadTimeout, httpx.ReadError])
def test_an_api_that_does_not_answer_is_away(error: type[httpx.TransportError]):
    with pytest.raises(Unavailable, match=r"GET /runs without an answer|does not answer"):
        raising(error).get("runs")


def test_names_with_odd_characters_are_one_segment_of_the_path():
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={})

    Client("http://api", httpx.MockTransport(answer)).get("models", "a/b?c#d", "ü %", days=None)

    assert asked[0].url.raw_path == b"/models/a%2Fb%3Fc%23d/%C3%BC%20%25"


def test_without_a_stack_a_command_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SHELFCAST_HOME", str(tmp_path))
    monkeypatch.delenv("SHELFCAST_HTTP_PORT", raising=False)

    told = CliRunner().invoke(app, ["runs"])

    assert told.exit_code == 2
    assert told.stderr == (
        "shelfcast: SHELFCAST_HTTP_PORT is not set and no local stack is up: run `shelfcast up`, "
        "or set SHELFCAST_HTTP_PORT\n"
    )


def test_a_stack_that_has_ended_is_told_with_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SHELFCAST_HOME", str(tmp_path))
    monkeypatch.delenv("SHELFCAST_HTTP_PORT", raising=False)
    (tmp_path / "stack.env").write_text("SHELFCAST_HTTP_PORT=9\n")  # nothing listens on port 9

    told = CliRunner().invoke(app, ["series", "--json"])

    assert told.exit_code == 1
    assert told.stdout == ""
    assert told.stderr == (
        "shelfcast: the API at http://127.0.0.1:9 does not answer; run `shelfcast up`\n"
    )

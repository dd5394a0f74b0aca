import pytest

from infra.cli.address import STACK_ENV, api_address, plain_address
from infra.settings import STACK_ENV as OF_SETTINGS
from infra.settings import load_settings

WRITTEN = (
    "# Written by `shelfcast up`.\n"
    "SHELFCAST_HTTP_PORT=23456\n"
    "SHELFCAST_DATABASE_URL=postgresql://shelfcast:a_b-C@127.0.0.1:20001/shelfcast\n"
    "SHELFCAST_KAFKA_BOOTSTRAP=127.0.0.1:20002\n"
)

CASES = {
    "nothing": ({}, None),
    "what up wrote": ({}, WRITTEN),
    "the environment alone": ({"SHELFCAST_HTTP_PORT": "8000"}, None),
    "the environment wins": ({"SHELFCAST_HTTP_PORT": "8000"}, WRITTEN),
    "another host": ({"SHELFCAST_HTTP_HOST": "shop.example"}, WRITTEN),
    "IPv6": ({"SHELFCAST_HTTP_HOST": "::1", "SHELFCAST_HTTP_PORT": "8000"}, None),
    "small letters": ({"shelfcast_http_port": "8001"}, WRITTEN),
    "host in the file": ({}, WRITTEN + "SHELFCAST_HTTP_HOST=0.0.0.0\n"),
    "quotes": ({}, "SHELFCAST_HTTP_PORT='23456'\n"),
    "exported": ({}, "export SHELFCAST_HTTP_PORT=23456\n"),
    "a comment behind": ({}, "SHELFCAST_HTTP_PORT=23456 # as written\n"),
    "blanks": ({}, "SHELFCAST_HTTP_PORT = 23456\n"),
    "twice": ({}, "SHELFCAST_HTTP_PORT=1\nSHELFCAST_HTTP_PORT=23456\n"),
    "a reference": ({}, "P=23456\nSHELFCAST_HTTP_PORT=${P}\n"),
    "small letters in the file": ({}, "shelfcast_http_port=23456\n"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_api_is_where_the_settings_say(
    name: str, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, file = CASES[name]
    for each, value in {"SHELFCAST_HOME": str(tmp_path), **environment}.items():
        monkeypatch.setenv(each, value)
    if file is not None:
        (tmp_path / STACK_ENV).write_text(file)

    settings = load_settings()

    assert api_address() == (settings.http_host, settings.http_port)


def test_what_up_writes_is_read_without_the_settings(tmp_path) -> None:
    (tmp_path / STACK_ENV).write_text(WRITTEN)

    assert plain_address({"SHELFCAST_HOME": str(tmp_path)}) == ("127.0.0.1", 23456)


@pytest.mark.parametrize("port", ["", "80 80", "http", "-1", "${PORT}"])
def test_what_is_not_plain_is_left_to_the_settings(port: str, tmp_path) -> None:
    given = {"SHELFCAST_HOME": str(tmp_path), "SHELFCAST_HTTP_PORT": port}

    assert plain_address(given) is None


def test_the_file_is_the_one_that_the_settings_read() -> None:
    assert STACK_ENV == OF_SETTINGS

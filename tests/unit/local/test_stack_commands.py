import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cli.main import app, describe, main
from infra.local.java import JavaUnusable


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    for name in ("SHELFCAST_DATABASE_URL", "SHELFCAST_KAFKA_BOOTSTRAP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHELFCAST_HOME", str(tmp_path))
    return CliRunner()


def test_status_as_json_is_one_array_and_tells_that_nothing_runs(cli: CliRunner) -> None:
    told = cli.invoke(app, ["status", "--json"])

    assert told.exit_code == 1
    assert [(part["name"], part["state"]) for part in json.loads(told.stdout)] == [
        ("postgres", "stopped"),
        ("kafka", "stopped"),
        ("spark", "stopped"),
        ("ray", "stopped"),
    ]


def test_a_server_placed_elsewhere_is_shown_without_its_password(
    cli: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELFCAST_DATABASE_URL", "postgresql://me:secret@db:5432/sales")

    told = cli.invoke(app, ["status", "--json"])

    assert json.loads(told.stdout)[0]["state"] == "elsewhere"
    assert json.loads(told.stdout)[0]["address"] == "db:5432/sales"
    assert "secret" not in told.output


def test_down_without_a_stack_changes_nothing(cli: CliRunner) -> None:
    told = cli.invoke(app, ["down", "--json"])

    assert told.exit_code == 0
    assert json.loads(told.stdout) == {"killed": []}


def test_logs_of_something_unknown_is_bad_input(cli: CliRunner) -> None:
    assert cli.invoke(app, ["logs", "toaster"]).exit_code == 2


def test_logs_shows_the_last_lines(cli: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/kafka.log").write_text("one\ntwo\nthree\n")

    assert cli.invoke(app, ["logs", "kafka", "--lines", "2"]).stdout == "two\nthree\n"
    assert cli.invoke(app, ["logs", "-n", "1"]).stdout == "kafka    | three\n"
    as_json = cli.invoke(app, ["logs", "kafka", "-n", "1", "--json"]).stdout
    assert json.loads(as_json) == {"kafka": ["three"]}


def test_a_wrong_setting_is_one_line_and_exit_2(
    cli: CliRunner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHELFCAST_SHARD_SERIES", "none")
    monkeypatch.setattr("sys.argv", ["shelfcast", "status"])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "shard_series 'none'" in told


def test_own_errors_are_told_in_their_words_and_others_by_name() -> None:
    assert describe(JavaUnusable("no java")) == "no java"
    assert describe(ZeroDivisionError("x")).startswith("ZeroDivisionError: x")

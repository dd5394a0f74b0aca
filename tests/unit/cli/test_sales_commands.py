import datetime as dt
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from events.clock import utc_today
from events.cloudevents import decode
from events.memory import MemoryLog
from infra.cli.sales import app
from tests.unit.cli.memory_broker import MemoryBroker

ROSSMANN = (
    "Store,DayOfWeek,Date,Sales,Customers,Open,Promo,StateHoliday,SchoolHoliday\n"
    "1,5,2015-07-31,5263,555,1,1,0,1\n2,5,2015-07-31,many,625,1,1,0,1\n"
)


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "train.csv"
    path.write_text(ROSSMANN)
    return path


def run(log: MemoryLog, *arguments: object):
    return CliRunner().invoke(app, [str(it) for it in arguments], obj=MemoryBroker(log))


def test_a_known_file_is_imported_without_options(log: MemoryLog, file: Path) -> None:
    file.write_text(ROSSMANN.replace("many", "7"))
    result = run(log, "import", file)
    assert result.exit_code == 0
    assert "2 rows, published" in result.stdout
    records = log.records("sales")
    assert [record.key for record in records] == [b"1/total", b"2/total"]
    [import_id] = {decode(record.value, record.headers).data.import_id for record in records}
    assert f"To remove it: shelfcast sales remove --import {import_id}\n" in result.stdout


def test_a_file_with_a_rejected_row_publishes_nothing_and_says_why(
    log: MemoryLog, file: Path
) -> None:
    for more in ((), ("--dry-run",), ("--allow-rejects", "0"), ("--allow-rejects", "10%")):
        result = run(log, "import", file, *more)
        assert result.exit_code == 1
        assert "1 row, " in result.stdout
        assert f"listed in {file}.rejected.csv\n" in result.stdout
        assert "nothing is published, since a row is rejected" in result.stderr
        assert "Sales: 1 row, like 'many' in line 3: not a number" in result.stderr
        assert "--allow-rejects 1 " in result.stderr
        assert log.records("sales") == []
        assert Path(f"{file}.rejected.csv").exists()


@pytest.mark.parametrize("allowed", [["1"], ["50%"], ["all"], []])
def test_rejected_rows_that_are_allowed_are_left_out(
    log: MemoryLog, file: Path, allowed: list[str]
) -> None:
    for arguments in (
        ["import", file, "--allow-rejects", *allowed],
        ["import", "--allow-rejects", *allowed, file, "--dry-run"],
    ):
        result = run(log, *arguments)
        assert result.exit_code == 0
        assert "1 row, " in result.stdout
    assert [record.key for record in log.records("sales")] == [b"1/total"]


def test_a_refusal_as_json_is_one_object_with_the_reasons(log: MemoryLog, file: Path) -> None:
    result = run(log, "import", file, "--json")
    summary = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (summary["refused"], summary["published"], summary["rejected"]) == (True, 0, 1)
    assert summary["rejections"][0].startswith("Sales: 1 row, like 'many' in line 3")


def test_json_is_one_object_and_nothing_else(log: MemoryLog, file: Path) -> None:
    when = ("--recorded-at", "2026-01-01T00:00:00+00:00")
    result = run(log, "import", file, "--json", "--allow-rejects", 1, *when)
    summary = json.loads(result.stdout)
    assert (summary["accepted"], summary["rejected"], summary["series"]) == (1, 1, 1)
    assert summary["first_day"] == "2015-07-31"
    (record,) = log.records("sales")
    assert decode(record.value, record.headers).data.import_id == summary["import_id"]


def test_a_file_with_gaps_asks_what_they_mean(log: MemoryLog, file: Path) -> None:
    file.write_text(ROSSMANN.replace("2,5,2015-07-31,many", "1,5,2015-07-28,9"))
    refused = run(log, "import", file)
    assert refused.exit_code == 2
    assert "--missing-days: not given" in refused.stderr
    assert ": 2, in 1 series, like 1/total on 2015-07-29; use closed" in refused.stderr
    assert log.records("sales") == []
    result = run(log, "import", file, "--missing-days", "zero", "--json")
    summary = json.loads(result.stdout)
    assert (summary["accepted"], summary["filled"], summary["published"]) == (2, 2, 4)


def test_a_dry_run_publishes_nothing(log: MemoryLog, file: Path) -> None:
    file.write_text(ROSSMANN.replace("many", "7"))
    assert run(log, "import", file, "--dry-run").exit_code == 0
    assert log.records("sales") == []


def test_a_file_of_rejected_rows_alone_fails(log: MemoryLog, file: Path) -> None:
    file.write_text(ROSSMANN.replace("5263", "few"))
    assert run(log, "import", file, "--allow-rejects", "all").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import", "FILE", "--units-column", "Salez"], "did you mean 'Sales'?"),
        (["import", "FILE", "--recorded-at", "now"], "--recorded-at: 'now'; use"),
        (["import", "FILE", "--recorded-at", "2026-01-01"], "has no zone"),
        (["import", "FILE", "--missing-days", "guess"], "--missing-days: 'guess'; use closed"),
        (["import", "FILE", "--duplicates", "add"], "'add'; use sum, last or reject"),
        (["import", "FILE", "--returns", "add"], "'add'; use net, zero or reject"),
        (["import", "FILE", "--decimal", ";"], "--decimal: ';'; use comma or point"),
        (["import", "FILE", "--time-zone", "Mars"], "--time-zone: 'Mars' is not a time zone"),
        (["import", "FILE", "--date-format", "us"], "--date-format: 'us'; use iso, day-first"),
        (["import", "FILE", "--sheet", "1"], "is not a workbook; leave the option out"),
        (["import", "FILE", "--replace-slash", "//"], "--replace-slash: '//'; use one"),
        (["import", "FILE", "--allow-rejects", "120%"], "--allow-rejects: '120%'; use a number"),
        (["import", "none.csv"], "none.csv: no such file"),
        (["replay", "FILE", "--step", "hour"], "--step: 'hour'; use day or row"),
        (["replay", "FILE", "--rebase-to", "2999-01-01"], "--rebase-to: 2999-01-01 is in the"),
        (["replay", "FILE", "--rebase-to", "soon"], "--rebase-to: 'soon'; use yesterday"),
        (["generate"], "--out, --publish: give one"),
        (["generate", "--series", "1", "--stores", "1", "--publish"], "--series: stands for"),
        (["generate", "--stores", "0", "--publish"], "--stores: 0; from 1"),
        (["generate", "--out", "s.xls"], "--out: s.xls ends in neither"),
    ],
)
def test_bad_input_is_one_line_and_exit_two(
    log: MemoryLog, file: Path, arguments: list[str], message: str
) -> None:
    result = run(log, *(str(file) if it == "FILE" else it for it in arguments))
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_generated_sales_are_written_and_published(log: MemoryLog, tmp_path: Path) -> None:
    out = tmp_path / "made.csv"
    result = run(
        log,
        "generate",
        "--stores",
        2,
        "--products",
        2,
        "--days",
        20,
        "--out",
        out,
        "--publish",
        "--json",
    )
    assert json.loads(result.stdout)["published"] == len(log.records("sales"))
    assert len(out.read_text().splitlines()) == len(log.records("sales")) + 1


def test_a_replay_backfills_then_plays_and_ends_yesterday_at_the_latest(
    log: MemoryLog, tmp_path: Path
) -> None:
    out = tmp_path / "made.csv"
    run(log, "generate", "--series", 1, "--days", 15, "--until", "2015-07-31", "--out", out)
    result = run(log, "replay", out, "--every", 0, "--play-days", 3, "--json")
    done = json.loads(result.stdout)
    assert (done["played"], done["days"], done["stopped"]) == (3, 3, False)
    days = [decode(record.value, record.headers).data.date for record in log.records("sales")]
    assert days == sorted(days)
    assert len(days) == done["backfilled"] + 3
    assert utc_today() - dt.timedelta(days=7) <= days[-1] < utc_today()
    assert days[-1].weekday() == dt.date(2015, 7, 31).weekday()

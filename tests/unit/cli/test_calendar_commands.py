import json
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from events.cloudevents import decode
from events.envelope import first_event
from events.log import Record
from events.memory import MemoryLog
from events.payloads import SaleRecorded
from events.publisher import to_record
from infra.cli.calendar import app
from tests.unit.cli.memory_broker import MemoryBroker

TEST = (
    "Id,Store,DayOfWeek,Date,Open,Promo,StateHoliday,SchoolHoliday\n"
    "1,1,4,2015-09-17,1,1,0,0\n2,3,4,2015-09-17,x,1,0,0\n"
)


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "test.csv"
    path.write_text(TEST)
    return path


def run(log: MemoryLog, *arguments: object):
    return CliRunner().invoke(app, [str(it) for it in arguments], obj=MemoryBroker(log))


def test_a_known_file_is_imported_without_options(log: MemoryLog, file: Path) -> None:
    result = run(log, "import", file)
    assert result.exit_code == 0
    assert "1 row, published" in result.stdout
    assert f"listed in {file}.rejected.csv\n" in result.stdout
    assert [record.key for record in log.records("calendar")] == [b"1/*"]


def test_columns_are_named_by_options_and_json_is_one_object(log: MemoryLog, tmp_path: Path):
    file = tmp_path / "plan.csv"
    file.write_text("Tag;Artikel;Aktion\n24.12.2036;milk;1\n")
    words = ("--date-column", "Tag", "--product-column", "Artikel", "--driver-columns", "Aktion")
    when = ("--date-format", "%d.%m.%Y", "--recorded-at", "2026-01-01T00:00:00+00:00")
    result = run(log, "import", file, *words, *when, "--json")
    summary = json.loads(result.stdout)
    assert (summary["accepted"], summary["published"]) == (1, 1)
    assert (summary["drivers"], summary["first_day"]) == (["aktion"], "2036-12-24")
    (record,) = log.records("calendar")
    assert record.key == b"*/milk"
    assert decode(record.value, record.headers).data.drivers == {"aktion": 1.0}


def test_a_dry_run_publishes_nothing(log: MemoryLog, file: Path) -> None:
    assert run(log, "import", file, "--dry-run").exit_code == 0
    assert log.records("calendar") == []


def sold(log: MemoryLog, *drivers: dict[str, float]) -> None:
    for number, named in enumerate(drivers):
        sale = SaleRecorded(
            store=str(number), product="total", date=date(2015, 9, 1), units=1.0, drivers=named
        )
        log.append(to_record(first_event(sale, "test")))


def test_drivers_that_no_sale_has_are_refused_before_anything_is_published(
    log: MemoryLog, tmp_path: Path
):
    """A column of words makes a driver of each of them."""
    file = tmp_path / "plan.csv"
    file.write_text("date,promo\n2036-12-24,easter\n2036-12-25,maybe\n")
    words = ("import", file, "--date-column", "date", "--driver-columns", "promo")
    sold(log, {"promo": 1.0}, {}, {"price": 2.0})
    log.append(Record("sales", b"x", b"no event"))
    result = run(log, *words)
    assert result.exit_code == 2
    assert (
        "promo_easter, promo_maybe: the newest sales have no such drivers, but price, promo;"
        in (result.stderr)
    )
    assert log.records("calendar") == []
    assert run(log, *words, "--new-drivers").exit_code == 0
    assert len(log.records("calendar")) == 2


def test_drivers_are_compared_only_where_sales_tell_of_them(log: MemoryLog, file: Path):
    assert run(log, "import", file).exit_code == 0, "no sale at all"
    sold(log, {})
    result = run(log, "import", file)
    assert result.exit_code == 2
    assert "no such drivers, but none at all;" in result.stderr


def test_a_file_of_rejected_rows_alone_fails(log: MemoryLog, file: Path) -> None:
    file.write_text(TEST.replace("2015-09-17", "soon"))
    assert run(log, "import", file).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import", "FILE", "--open-column", "Opem"], "did you mean 'Open'?"),
        (["import", "FILE", "--recorded-at", "now"], "--recorded-at: 'now'; use"),
        (["import", "none.csv"], "none.csv: no such file"),
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

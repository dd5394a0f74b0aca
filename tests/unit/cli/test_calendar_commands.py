import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from events.cloudevents import decode
from events.memory import MemoryLog
from infra.cli.calendar import app
from infra.cli.client import Client
from tests.unit.api.served import LAST_DAY, InProcess, Shop
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


@pytest.fixture
def shop() -> Shop:
    """Stores 1 and 3 have sales."""
    shop = Shop()
    for store in "13":
        shop.sell(store, "total")
    return shop


def drive(shop: Shop, store: str, day: date = LAST_DAY, **drivers: float) -> None:
    shop.storage.drivers.setdefault((store, "total"), {})[day] = drivers


def run(log: MemoryLog, shop: Shop, *arguments: object):
    broker = MemoryBroker(log, Client("http://api", InProcess(shop.app())))
    return CliRunner().invoke(app, [str(it) for it in arguments], obj=broker)


TAKEN = ("--new-drivers", "--unknown-series")


def test_a_known_file_is_imported_without_options(log: MemoryLog, shop: Shop, file: Path) -> None:
    names = ("promo", "school_holiday", *(f"state_holiday_{word}" for word in "abc"))
    drive(shop, "1", **dict.fromkeys(names, 0.0))
    refused = run(log, shop, "import", file)
    assert refused.exit_code == 1
    assert "nothing is published, since a row is rejected" in refused.stderr
    assert log.records("calendar") == []
    result = run(log, shop, "import", file, "--allow-rejects", "1")
    assert result.exit_code == 0
    assert "1 row, published" in result.stdout
    assert f"listed in {file}.rejected.csv\n" in result.stdout
    assert [record.key for record in log.records("calendar")] == [b"1/*"]


def test_columns_are_named_by_options_and_json_is_one_object(
    log: MemoryLog, shop: Shop, tmp_path: Path
):
    file = tmp_path / "plan.csv"
    file.write_text("Tag;Artikel;Aktion\n24.12.2036;milk;1\n")
    words = ("--date-column", "Tag", "--product-column", "Artikel", "--driver-columns", "Aktion")
    when = ("--date-format", "%d.%m.%Y", "--recorded-at", "2026-01-01T00:00:00+00:00")
    result = run(log, shop, "import", file, *words, *when, *TAKEN, "--json")
    summary = json.loads(result.stdout)
    assert (summary["accepted"], summary["published"]) == (1, 1)
    assert (summary["drivers"], summary["first_day"]) == (["aktion"], "2036-12-24")
    (record,) = log.records("calendar")
    assert record.key == b"*/milk"
    assert decode(record.value, record.headers).data.drivers == {"aktion": 1.0}


def test_a_dry_run_tells_the_same_and_publishes_nothing(
    log: MemoryLog, shop: Shop, file: Path
) -> None:
    words = ("import", file, "--dry-run", "--allow-rejects")
    assert run(log, Shop(), *words).exit_code == 0
    assert run(log, shop, *words).exit_code == 2
    assert log.records("calendar") == []


@pytest.fixture
def plan(tmp_path: Path) -> Callable[[str], tuple[str, ...]]:
    """The words that import a plan of this text."""

    def written(text: str, *columns: str) -> tuple[str, ...]:
        file = tmp_path / "plan.csv"
        file.write_text(text)
        given = ("--date-column", "date", *columns)
        return ("import", str(file), *given)

    return written


PROMO = ("--driver-columns", "promo")
STORES = ("--store-column", "store", "--open-column", "open")


def test_drivers_that_the_series_never_had_are_refused_before_anything_is_published(
    log: MemoryLog, shop: Shop, plan
) -> None:
    """A text in a column of numbers makes a driver of each of its values."""
    words = plan("date,promo\n2036-12-24,easter\n2036-12-25,maybe\n", *PROMO)
    drive(shop, "1", promo=1.0)
    result = run(log, shop, *words)
    assert result.exit_code == 2
    assert (
        "--driver-columns: promo_easter: no sales of any series ever had it (they have promo); "
        "promo_maybe: no sales"
    ) in result.stderr
    assert result.stderr.count("\n") == 1
    assert log.records("calendar") == []
    assert run(log, shop, *words, "--new-drivers").exit_code == 0
    assert len(log.records("calendar")) == 2


def test_a_driver_that_only_another_store_had_is_refused(log: MemoryLog, shop: Shop, plan):
    """Case 14: `promo` is known of store 3, but R14 has `promo_1`, so the plan would do nothing."""
    shop.sell("R14", "total")
    drive(shop, "R14", promo_1=1.0, promo_promo=0.0)
    drive(shop, "3", promo=1.0)
    text = "store,date,promo\nR14,2036-12-24,1\n3,2036-12-24,1\n"
    result = run(log, shop, *plan(text, "--store-column", "store", *PROMO))
    assert result.exit_code == 2
    assert (
        "promo: no sales of store 'R14' ever had it (did you mean promo_1? they have promo_1, "
        "promo_promo); name drivers as the sales do, or give --new-drivers"
    ) in result.stderr
    assert log.records("calendar") == []


def test_a_driver_that_was_last_sold_with_a_year_ago_is_taken(log: MemoryLog, shop: Shop, plan):
    """Case 51: whatever was sold since then."""
    shop.sell("1", "total", days=400)
    drive(shop, "1", LAST_DAY - timedelta(days=380), black_friday=1.0)
    drive(shop, "1", price=2.0)
    drive(shop, "3", price=2.0)
    text = "store,date,black_friday\n1,2036-11-28,1\n"
    words = ("--store-column", "store", "--driver-columns", "black_friday")
    assert run(log, shop, *plan(text, *words)).exit_code == 0
    assert len(log.records("calendar")) == 1


def test_a_plan_for_what_has_no_sales_is_refused_with_what_is_near(
    log: MemoryLog, shop: Shop, plan
) -> None:
    """Case 16: another tool wrote 007 as a number."""
    shop.sell("007", "0017")
    text = "store,article,date,open\n7,17,2036-11-25,0\n007,0017,2036-11-26,0\n"
    words = plan(text, *STORES, "--product-column", "article")
    result = run(log, shop, *words)
    assert result.exit_code == 2
    assert (
        "--store-column: no sales are known of store '7' with product '17' (did you mean store "
        "'007' with product '0017'?); name them as `shelfcast series` does, or give "
        "--unknown-series"
    ) in result.stderr
    assert result.stderr.count("\n") == 1
    assert log.records("calendar") == []
    assert run(log, shop, *words, "--unknown-series").exit_code == 0
    assert len(log.records("calendar")) == 2


def test_a_parquet_plan_of_numbers_is_told_of_stores_with_leading_zeros(
    log: MemoryLog, shop: Shop, tmp_path: Path
) -> None:
    shop.sell("007", "total")
    file = tmp_path / "plan.parquet"
    columns = {"store": [7], "date": [date(2036, 11, 25)], "open": [False]}
    pq.write_table(pa.table(columns), file)
    result = run(log, shop, "import", file, "--date-column", "date", *STORES)
    assert result.exit_code == 2
    assert "store '7' (did you mean store '007'?)" in result.stderr


def test_what_the_plan_says_nothing_of_is_not_asked_about(log: MemoryLog, shop: Shop, plan):
    drive(shop, "1", promo=1.0)
    text = "store,date,open,promo\n1,2036-12-24,1,1\n3,2036-12-24,0,\n"
    assert run(log, shop, *plan(text, *STORES, *PROMO)).exit_code == 0
    assert len(log.records("calendar")) == 2


def test_before_there_are_sales_every_plan_is_taken(log: MemoryLog, file: Path) -> None:
    assert run(log, Shop(), "import", file, "--allow-rejects").exit_code == 0


def test_words_and_numbers_of_one_driver_are_one(log: MemoryLog, shop: Shop, plan) -> None:
    """Case 07: sales that had True and False have one driver of 1 and 0."""
    drive(shop, "1", onpromotion=1.0)
    text = "date,onpromotion\n2036-11-25,0\n2036-11-26,1\n"
    assert run(log, shop, *plan(text, "--driver-columns", "onpromotion")).exit_code == 0


def test_a_check_that_is_not_answered_publishes_nothing_and_a_dry_run_says_so(
    log: MemoryLog, file: Path
) -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    broker = MemoryBroker(log, Client("http://api", httpx.MockTransport(away)))
    result = CliRunner().invoke(app, ["import", str(file), "--allow-rejects"], obj=broker)
    assert result.exit_code == 1
    assert "the API at http://api does not answer; run `shelfcast up`" in result.stderr
    dry = CliRunner().invoke(app, ["import", str(file), "--dry-run", "--allow-rejects"], obj=broker)
    assert dry.exit_code == 0
    assert "not checked against the sales" in dry.stderr
    both = ("--new-drivers", "--unknown-series", "--allow-rejects")
    assert CliRunner().invoke(app, ["import", str(file), *both], obj=broker).exit_code == 0
    assert len(log.records("calendar")) == 1


def test_a_file_of_rejected_rows_alone_fails(log: MemoryLog, shop: Shop, file: Path) -> None:
    file.write_text(TEST.replace("2015-09-17", "soon"))
    assert run(log, shop, "import", file).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import", "FILE", "--open-column", "Opem"], "did you mean 'Open'?"),
        (["import", "FILE", "--recorded-at", "now"], "--recorded-at: 'now'; use"),
        (["import", "none.csv"], "none.csv: no such file"),
    ],
)
def test_bad_input_is_one_line_and_exit_two(
    log: MemoryLog, shop: Shop, file: Path, arguments: list[str], message: str
) -> None:
    result = run(log, shop, *(str(file) if it == "FILE" else it for it in arguments))
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""

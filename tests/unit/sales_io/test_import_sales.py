import datetime as dt
import os
from pathlib import Path
from typing import Any

import pytest

from events.cloudevents import decode
from events.log import Received
from events.memory import MemoryLog
from infra.errors import BadInput, BrokerAway
from infra.sales_io.checking.allowance import ALL
from infra.sales_io.columns.layout import ColumnChoice
from infra.sales_io.publishing.import_sales import import_sales as import_whole

AT = dt.datetime(2026, 11, 24, 6, 0, tzinfo=dt.UTC)
CHOICE = ColumnChoice(store="store", date="date", units="units")
TEXT = "store,date,units\nA,2015-07-01,1\nA,2015-07-03,2\nB,2015-07-01,x\nA,2015-07-03,2\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sales.csv"
    path.write_text(TEXT)
    return path


async def import_sales(*arguments: Any, **options: Any):
    """Of files with a gap, a line said twice and a bad row, which most here have."""
    said = {"missing_days": "closed", "duplicates": "last", "allow_rejects": ALL} | options
    return await import_whole(*arguments, **said)


def rewrite(file: Path, data: bytes) -> None:
    file.write_bytes(data)


def lines_of(file: Path | str) -> list[str]:
    return Path(file).read_text().splitlines()


def ids(records: list[Received]) -> list[str]:
    return [decode(record.value, record.headers).id for record in records]


async def test_rows_become_events_and_the_summary_counts_them(file: Path) -> None:
    log, seen = MemoryLog(), []
    summary = await import_sales(
        file,
        log.producer(),
        CHOICE,
        recorded_at=AT,
        missing_days="zero",
        progress=lambda *state: seen.append(state),
    )
    sales = [decode(record.value, record.headers) for record in log.records("sales")]
    assert [(sale.data.date.day, sale.data.units, sale.data.open) for sale in sales] == [
        (1, 1, True),
        (3, 2, True),
        (2, 0, True),
    ]
    assert {sale.time for sale in sales} == {AT}
    assert {sale.data.import_id for sale in sales} == {summary.import_id}
    counts = (summary.rows, summary.accepted, summary.rejected, summary.days_made, summary.filled)
    assert counts == (4, 3, 1, 2, 1)
    assert (summary.published, summary.series) == (3, 1)
    assert (summary.first_day, summary.last_day) == (dt.date(2015, 7, 1), dt.date(2015, 7, 3))
    assert summary.rejected_fields == {"units": 1}
    assert seen[0] == ("checking", 4, None)
    assert seen[-1] == ("publishing", 3, 3)


async def test_rejected_rows_are_listed_beside_the_file(file: Path) -> None:
    summary = await import_sales(file, None, CHOICE)
    assert summary.rejects_file == f"{file}.rejected.csv"
    assert lines_of(f"{file}.rejected.csv")[0] == "line,field,value,reason"
    assert lines_of(f"{file}.rejected.csv")[1].startswith("4,units,x,not a number")
    assert summary.published == 0
    assert summary.import_id is None


async def test_a_list_of_an_earlier_import_goes_when_nothing_is_rejected(file: Path) -> None:
    await import_sales(file, None, CHOICE)
    rewrite(file, b"store,date,units\nA,2015-07-01,1\n")
    summary = await import_sales(file, None, CHOICE)
    assert summary.rejects_file is None
    assert os.listdir(file.parent) == ["sales.csv"]  # noqa: PTH208 - names are compared


async def test_the_sales_file_is_never_the_list_of_rejects(file: Path) -> None:
    with pytest.raises(BadInput, match="is the file to import itself"):
        await import_sales(file, None, CHOICE, rejects=file)
    assert lines_of(file) == TEXT.splitlines()


async def test_an_unwritable_folder_sends_the_list_to_the_current_one(
    file: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path_factory.mktemp("here")
    monkeypatch.chdir(here)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    summary = await import_sales(file, None, CHOICE)
    assert summary.rejects_file == "sales.csv.rejected.csv"
    assert (here / "sales.csv.rejected.csv").exists()


async def test_importing_again_gives_the_same_ids_for_the_same_time_only(file: Path) -> None:
    found = []
    for at in (AT, AT, AT + dt.timedelta(days=1)):
        log = MemoryLog()
        await import_sales(file, log.producer(), CHOICE, recorded_at=at)
        found.append(ids(log.records("sales")))
    assert found[0] == found[1]
    assert not set(found[0]) & set(found[2])


async def test_a_broker_that_stays_away_is_an_error_that_says_how_to_go_on(file: Path) -> None:
    log = MemoryLog()
    log.away = ConnectionRefusedError("refused")
    with pytest.raises(BrokerAway, match=r"0 of 4 rows are published: import again, nothing"):
        await import_sales(file, log.producer(), CHOICE, patience=0.01)


async def test_a_broker_that_comes_back_in_time_is_waited_for(file: Path) -> None:
    log = MemoryLog()

    class OnceAway:
        tries = 0

        async def send(self, records) -> None:
            self.tries += 1
            if self.tries == 1:
                raise ConnectionRefusedError
            await log.producer().send(records)

        async def close(self) -> None:
            """Nothing to let go of."""

    summary = await import_sales(file, OnceAway(), CHOICE)
    assert len(log.records("sales")) == summary.published == 2


async def test_a_broken_file_publishes_nothing(file: Path) -> None:
    log = MemoryLog()
    rewrite(file, TEXT.encode() * 3_000 + b"A,2015-07-05,\xff\n")
    with pytest.raises(BadInput, match="is not UTF-8"):
        await import_sales(file, log.producer(), CHOICE)
    assert log.records("sales") == []


async def test_a_file_with_gaps_is_refused_before_anything_until_a_person_says_what_they_mean(
    file: Path,
) -> None:
    log = MemoryLog()
    rewrite(file, TEXT.encode() + b"C,2015-07-01,1\nC,2015-07-04,?\nC,2015-07-05,1\n")
    said = r"--missing-days: .*: 3, in 2 series, like A/total on 2015-07-02; use closed .* or zero"
    for producer in (log.producer(), None):
        with pytest.raises(BadInput, match=said):
            await import_sales(file, producer, CHOICE, missing_days=None)
    assert log.records("sales") == []
    assert not Path(f"{file}.rejected.csv").exists()  # noqa: ASYNC240 - a test's own


async def test_a_file_without_gaps_needs_nobody_to_say_what_they_mean(file: Path) -> None:
    rewrite(file, b"store,date,units\nA,2015-07-03,1\nA,2015-07-01,1\nA,2015-07-02,?\n")
    summary = await import_sales(file, None, CHOICE, missing_days=None)
    assert (summary.accepted, summary.rejected, summary.filled) == (2, 1, 0)


async def test_days_that_were_closed_are_not_published(file: Path) -> None:
    log = MemoryLog()
    summary = await import_sales(file, log.producer(), CHOICE, missing_days="closed")
    assert (summary.filled, summary.published) == (0, 2)
    assert len(log.records("sales")) == 2

"""Tables that are no plain CSV file: read, or named for what they are with the way out."""

import datetime as dt
import decimal
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.errors import BadInput
from infra.sales_io.tables.opening import open_source
from tests.unit.sales_io.workbooks import write_workbook

ROWS = [["A", "2026-09-24", "1"], ["B", "2026-09-25", "2"]]
NAMES = ("store", "date", "units")


def rows_of(path: Path, **options: Any) -> list[list[str]]:
    source = open_source(path, **options)
    found = []
    for chunk in source.chunks(source.header):
        found += [list(row) for row in zip(*chunk.columns.values(), strict=True)]
    return found


def text(path: Path, *lines: str, name: str = "s.csv") -> Path:
    file = path / name
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "lines",
    [
        ["sep=;", "store;date;units", "A;2026-09-24;1", "B;2026-09-25;2"],
        ['"sep=,"', "store,date,units", "A,2026-09-24,1", "B,2026-09-25,2"],
        ["Report of sales", "", "store,date,units", "A,2026-09-24,1", "B,2026-09-25,2"],
        ["Report;;", "Group: North;;", "store;date;units", "A;2026-09-24;1", "B;2026-09-25;2"],
        ["store,date,units,", "A,2026-09-24,1,", "B,2026-09-25,2,"],
        ["store,date,units", "A,2026-09-24,1,,", "B,2026-09-25,2,,"],
        ["store,date,units", "A,2026-09-24,1", "store,date,units", ",,", "B,2026-09-25,2"],
        ["Page", "store|date|units", "A|2026-09-24|1", "Page", "B|2026-09-25|2"],
        ["\ufeffstore\tdate\tunits", "A\t2026-09-24\t1", "B\t2026-09-25\t2"],
    ],
)
def test_what_surrounds_a_table_is_left_out(tmp_path: Path, lines: list[str]) -> None:
    path = text(tmp_path, *lines)
    assert open_source(path).header == NAMES
    assert rows_of(path) == ROWS


def test_the_separator_is_the_one_that_makes_rows_of_one_width(tmp_path: Path) -> None:
    path = text(tmp_path, "name;date;units", "Smith, J;2026-09-24;1,5", "Ray, M, jr;2026-09-25;2,5")
    assert rows_of(path)[0] == ["Smith, J", "2026-09-24", "1,5"]


def zipped(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_csv", ".csv"), content)
    return path


def test_the_only_member_of_an_archive_is_read(tmp_path: Path) -> None:
    content = "store,date,units\nA,2026-09-24,1\nB,2026-09-25,2\n"
    path = zipped(tmp_path / "train.csv.zip", train_csv=content, **{"__MACOSX/._train_csv": "x"})
    assert rows_of(path) == ROWS
    (tmp_path / "renamed.csv").write_bytes(path.read_bytes())
    assert rows_of(tmp_path / "renamed.csv") == ROWS
    with pytest.raises(BadInput, match=r"holds 2 files \(a.csv, b.csv\); unpack it"):
        open_source(zipped(tmp_path / "two.zip", a_csv="x", b_csv="y"))
    with pytest.raises(BadInput, match="holds no file"):
        open_source(zipped(tmp_path / "none.zip"))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("s.xls", b"<html><table><tr><td>1</td></tr></table>", r"a web page \(HTML\), though"),
        ("s.csv", b"<!DOCTYPE html><p>Log in", r"a web page \(HTML\), though it is called .csv"),
        ("s.xls", b'<?xml version="1.0"?><Workbook>', "an XML document"),
        ("s.csv", b'[{"store": 1}]', "JSON; write a table"),
        ("s.jsonl", b'{"store": 1}\n', "JSON; write a table"),
        ("s.csv", b"%PDF-1.7", "a PDF document"),
        ("s.db", b"SQLite format 3\x00", "an SQLite database"),
        ("s.feather", b"ARROW1\x00\x00", "an Arrow file"),
        ("s.7z", b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it"),
        ("s.xlsx", b"PK\x03\x04broken", "not a readable workbook"),
        ("s.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1broken", "not a readable workbook"),
        ("s.zip", b"PK\x03\x04broken", "can't be read"),
        ("s.zip", b"text", "not a zip archive, though it is called .zip"),
    ],
)
def test_what_is_no_table_is_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInput, match=said) as raised:
        open_source(path)
    assert "\n" not in str(raised.value)


def test_text_that_is_called_a_workbook_is_read(tmp_path: Path) -> None:
    path = text(tmp_path, *("\t".join(row) for row in [list(NAMES), *ROWS]), name="s.xls")
    assert rows_of(path) == ROWS


def test_a_wide_table_of_days_is_read_long_and_empty_cells_are_no_rows(tmp_path: Path) -> None:
    path = text(
        tmp_path, "store,2026-09-24,2026-09-25,2026-09-26", "A,1,2,3", "B,,NA,4", name="wide.csv"
    )
    assert open_source(path).header == ("store", "date", "units")
    assert rows_of(path) == [
        ["A", "2026-09-24", "1"],
        ["A", "2026-09-25", "2"],
        ["A", "2026-09-26", "3"],
        ["B", "2026-09-26", "4"],
    ]


def test_a_wide_table_of_numbered_days_says_how_to_make_it_long(tmp_path: Path) -> None:
    days = [f"d_{number}" for number in range(1, 121)]
    path = text(tmp_path, ",".join(["id", "item_id", "store_id", *days]), "x,y,z" + ",1" * 120)
    with pytest.raises(
        BadInput, match=r"a wide table.*\(d_1 to d_120, 120 columns\); make it long"
    ):
        open_source(path)


def test_columns_that_are_numbered_beside_a_date_are_no_wide_table(tmp_path: Path) -> None:
    path = text(tmp_path, "store,date,units,d_1,d_2,d_3,d_4", "A,2026-09-24,1,1,2,3,4")
    assert len(open_source(path).header) == 7


def test_a_workbook_is_read_as_a_csv_file_would_say_it(tmp_path: Path) -> None:
    path = write_workbook(
        tmp_path / "s.xlsx",
        Sales=[
            ["Report"],
            [],
            ["store", "date", "units", "promo", "price"],
            ["007", dt.date(2026, 9, 24), 1, True, "n/a"],
            [8, dt.date(2026, 9, 25), 1.234, False, 1.234],
        ],
        Notes=[["made by hand"]],
    )
    source = open_source(path)
    assert source.header == ("store", "date", "units", "promo", "price")
    assert source.typed == {"date", "units", "promo"}
    assert rows_of(path) == [
        ["007", "2026-09-24", "1", "true", "n/a"],
        ["8", "2026-09-25", "1.234", "false", "1234e-3"],
    ]
    (chunk,) = source.chunks(["store"])
    assert chunk.lines.tolist() == [4, 5]


def test_of_several_sheets_with_a_table_one_has_to_be_named(tmp_path: Path) -> None:
    rows = [[*NAMES], ["A", dt.date(2026, 9, 24), 1]]
    path = write_workbook(tmp_path / "s.xlsx", North=rows, South=rows)
    with pytest.raises(BadInput, match="--sheet: not given, and 2 sheets hold a table: North, Sou"):
        open_source(path)
    assert len(rows_of(path, sheet="South")) == 1
    with pytest.raises(
        BadInput, match="--sheet: 'East' is not a sheet of the workbook; it has North, South"
    ):
        open_source(path, sheet="East")


def parquet(path: Path, **columns: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


def test_a_folder_of_parquet_has_its_partitions_as_columns_of_text(tmp_path: Path) -> None:
    for store in ("007", "8"):
        parquet(
            tmp_path / "sales" / f"store={store}" / "part-0.parquet",
            date=pa.array([dt.date(2026, 9, 24)]),
            units=pa.array([1]),
        )
    (tmp_path / "sales" / "_SUCCESS").touch()
    assert rows_of(tmp_path / "sales") == [["2026-09-24", "1", "007"], ["2026-09-24", "1", "8"]]


def test_folders_that_are_no_table_are_named(tmp_path: Path) -> None:
    text(tmp_path, "a,b", name="part-0.csv")
    with pytest.raises(BadInput, match=r"without Parquet files \(it holds part-0.csv\)"):
        open_source(tmp_path)
    parquet(tmp_path / "delta" / "p.parquet", a=[1])
    (tmp_path / "delta" / "_delta_log").mkdir()
    with pytest.raises(BadInput, match="a Delta table"):
        open_source(tmp_path / "delta")


def test_parquet_of_every_type_comes_as_plain_text(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "s.parquet",
        store=pa.array([118.0, float("nan")]),
        sku=pa.array([4006380000000.0, 1.5]),
        date=pa.array([dt.datetime(2026, 9, 24, 13, 5), None], pa.timestamp("ms")),
        units=pa.array([decimal.Decimal("1.234"), decimal.Decimal("2.500")]),
        promo=pa.array([True, None]),
        word=pa.array(["1.234", None]).dictionary_encode(),
        code=pa.array([b"x", b"y"]),
    )
    assert rows_of(path) == [
        ["118", "4006380000000", "2026-09-24 13:05:00.000", "1.234", "true", "1.234", "x"],
        ["", "1.5", "", "2.500", "", "", "y"],
    ]
    assert open_source(path).typed == {"store", "sku", "date", "units", "promo"}

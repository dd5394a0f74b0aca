import bz2
import gzip
import lzma
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.errors import BadInput
from infra.sales_io.tables.opening import open_source

TEXT = "store,units\nA,1\nB,2\n"


def cells(path: Path, column: str = "units", **options) -> list[str]:
    source = open_source(path, **options)
    return [text for chunk in source.chunks([column], rows=1) for text in chunk.columns[column]]


def packed(path: Path, text: str = TEXT) -> Path:
    data = text.encode()
    if path.suffix == ".zst":
        with pa.output_stream(str(path), compression="zstd") as stream:
            stream.write(data)
    else:
        pack = {".xz": lzma.compress, ".gz": gzip.compress, ".bz2": bz2.compress}
        path.write_bytes(pack.get(path.suffix, bytes)(data))
    return path


@pytest.mark.parametrize("ending", ["", ".xz", ".gz", ".bz2", ".zst"])
def test_a_text_file_is_read_however_it_is_packed(tmp_path: Path, ending: str) -> None:
    assert cells(packed(tmp_path / f"s.csv{ending}")) == ["1", "2"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("s.tsv", "store\tunits\nA\t1\n"),
        ("s.csv", "store;units\nA;1\n"),
        ("s.txt", "store|units\nA|1\n"),
    ],
)
def test_the_delimiter_is_told_by_ending_or_header(tmp_path: Path, name: str, text: str) -> None:
    assert cells(packed(tmp_path / name, text)) == ["1"]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    assert cells(packed(tmp_path / "s.csv", "\ufeff" + TEXT), "store") == ["A", "B"]


def test_bytes_that_are_no_utf8_are_answered_with_line_and_remedy(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes("store,units\nA,1\nKöln,2\n".encode("latin-1"))
    with pytest.raises(
        BadInput, match=r"line 3 is not UTF-8 \(byte 0xf6\); add --encoding latin-1"
    ):
        cells(path)
    assert cells(path, "store", encoding="latin-1") == ["A", "Köln"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("named", [{}, {"encoding": "utf-16"}])
def test_utf16_is_read_with_a_mark_and_without(tmp_path: Path, encoding: str, named: dict) -> None:
    path = tmp_path / "s.txt"
    path.write_bytes("store\tunits\nŁódź\t1\nA\t2\n".encode(encoding))
    assert cells(path, **named) == ["1", "2"]
    assert open_source(path).header == ("store", "units")


def test_lines_are_those_of_the_file_with_blank_lines_and_breaks_in_quotes(tmp_path: Path) -> None:
    path = packed(tmp_path / "s.csv", 'store,units\n\n"A\nB",1\n\nC\nD,2\n')
    chunks = list(open_source(path).chunks(["units"]))
    assert chunks[0].lines.tolist() == [4, 7]
    assert [(row.line, row.field) for row in chunks[0].misshapen] == [(6, "row")]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("s.csv", b"", "is empty"),
        ("s.csv", b"\n\n", "no header"),
        ("s.xlsx", b"PK", "not a readable workbook"),
        ("s.dat", bytes(range(256)) * 4, "ending .dat is unknown"),
        ("s.csv.gz", b"no gzip", "can't be read"),
        ("s.csv.xz", lzma.compress(b"a,b\n1,2\n" * 9999)[:60], "can't be read"),
        ("s.csv.zst", b"no zstd", "can't be read"),
        ("s.parquet", b"no parquet", "not a Parquet file"),
        ("s.parquet.gz", b"x", "Parquet compresses within"),
        ("s.csv", b'a,b\n1,"2' + b"x" * 200_000, "is a quote left open"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_line(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(BadInput, match=message) as raised:
        list(open_source(path).chunks([]))
    assert "\n" not in str(raised.value)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        open_source(tmp_path / "none.csv")
    with pytest.raises(BadInput, match="a folder without Parquet files"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    ("option", "value"), [("encoding", "klingon"), ("encoding", "base64"), ("delimiter", ";;")]
)
def test_a_bad_option_is_named(tmp_path: Path, option: str, value: str) -> None:
    with pytest.raises(BadInput, match=f"--{option}: '{value}'"):
        open_source(packed(tmp_path / "s.csv"), **{option: value})


def parquet(path: Path, **columns: pa.Array) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet_cells_come_as_the_text_of_a_csv(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "s.parquet",
        day=pa.array([0, 86_400_000_000], pa.timestamp("us")),
        date=pa.array([0, 1], pa.date32()),
        store=pa.array(["A", None]).dictionary_encode(),
        units=pa.array([1.5, 2.0]),
        open=pa.array([True, False]),
    )
    read = {column: cells(path, column) for column in ("day", "date", "store", "units", "open")}
    assert read == {
        "day": ["1970-01-01", "1970-01-02"],
        "date": ["1970-01-01", "1970-01-02"],
        "store": ["A", ""],
        "units": ["1.5", "2"],
        "open": ["true", "false"],
    }


def test_moments_with_a_zone_say_so(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "s.parquet",
        utc=pa.array([0], pa.timestamp("s", tz="UTC")),
        local=pa.array([0], pa.timestamp("s", tz="Europe/Berlin")),
    )
    assert cells(path, "utc") == ["1970-01-01 00:00:00.000Z"]
    assert cells(path, "local") == ["1970-01-01 01:00:00.000+0100"]


def test_nested_parquet_columns_are_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path / "s.parquet", units=pa.array([[1], [2]]))
    with pytest.raises(BadInput, match="column units of type list"):
        cells(path)

"""Writes sales to a CSV or Parquet file; the same rows give the same bytes."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from infra.errors import BadInput

ENDINGS = (".csv", ".parquet")


def write_sales(frames: Iterable[pd.DataFrame], path: Path) -> int:
    """Write frames with equal columns into one file and return the number of rows.

    The file appears only when it is complete. BadInput if it can't be written.
    """
    check_ending(path)
    unfinished = path.with_name(f".{path.name}-{os.getpid()}")
    rows = 0
    writer: Any = None
    try:
        for frame in frames:
            table = _table(frame)
            if writer is None:
                writer = _writer(path.suffix.lower(), unfinished, table.schema)
            writer.write_table(table)
            rows += table.num_rows
        if writer is not None:
            writer.close()
            unfinished.replace(path)
    except OSError as error:
        raise BadInput(f"--out: {path}: {error.strerror or error}; name another file") from None
    finally:
        unfinished.unlink(missing_ok=True)
    return rows


def check_ending(path: Path) -> None:
    """BadInput unless the name ends in .csv or .parquet."""
    if path.suffix.lower() not in ENDINGS:
        raise BadInput(f"--out: {path} ends in neither {' nor '.join(ENDINGS)}; rename it")


def _table(frame: pd.DataFrame) -> Any:
    columns: dict[str, Any] = {}
    for name in frame.columns:
        values = frame[name].to_numpy()
        if name == "date":
            columns[name] = pa.array(values.astype("datetime64[D]"))
        elif name == "open":
            columns[name] = pa.array(values.astype(np.int8))
        elif values.dtype == np.float64 and (values == np.floor(values)).all():
            columns[name] = pa.array(values.astype(np.int64))
        else:
            columns[name] = pa.array(values)
    return pa.table(columns)


def _writer(ending: str, path: Path, schema: Any) -> Any:
    if ending == ".parquet":
        return pq.ParquetWriter(path, schema)
    options = pyarrow.csv.WriteOptions(quoting_style="needed")
    return pyarrow.csv.CSVWriter(path, schema, write_options=options)

"""Forecasts as a stream in Apache Arrow's IPC format: a row for each series and day.

Imported at the first request for it, since pyarrow takes 40 MB of memory.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from io import BytesIO
from typing import Any

import pyarrow as pa

from functions.api.views import ForecastView

_NAMES = pa.list_(pa.string())
_FIELDS: "list[pa.Field[Any]]" = [
    pa.field("store", pa.string(), nullable=False),
    pa.field("product", pa.string(), nullable=False),
    pa.field("date", pa.date32(), nullable=False),
    pa.field("yhat", pa.float64(), nullable=False),
    pa.field("yhat_lower", pa.float64(), nullable=False),
    pa.field("yhat_upper", pa.float64(), nullable=False),
    pa.field("assumed", _NAMES, nullable=False),
    pa.field("limited", _NAMES, nullable=False),
    pa.field("bounded", pa.bool_(), nullable=False),
    pa.field("model_id", pa.string(), nullable=False),
    pa.field("version", pa.int32(), nullable=False),
    pa.field("data_through", pa.date32(), nullable=False),
    pa.field("published_at", pa.timestamp("us", "UTC"), nullable=False),
    pa.field("stale", pa.bool_(), nullable=False),
    pa.field("stale_since", pa.date32()),
    pa.field("stale_reason", pa.string()),
]
SCHEMA = pa.schema(_FIELDS)


async def arrow(batches: AsyncIterator[Sequence[ForecastView]]) -> AsyncIterator[bytes]:
    """The schema, a record batch for each batch of series, and the end-of-stream marker."""
    written = BytesIO()
    with pa.ipc.new_stream(written, SCHEMA) as writer:
        async for batch in batches:
            writer.write_batch(pa.RecordBatch.from_pylist(list(_rows(batch)), SCHEMA))
            yield _taken(written)
    yield _taken(written)


def _taken(written: BytesIO) -> bytes:
    """What was written since the last time; Arrow aligns its messages, so it may begin anew."""
    chunk = written.getvalue()
    written.seek(0)
    written.truncate()
    return chunk


def _rows(batch: Sequence[ForecastView]) -> Iterator[dict[str, Any]]:
    for each in batch:
        of_series = each.model_dump(exclude={"days"})
        for day in each.days:
            yield of_series | day.model_dump()

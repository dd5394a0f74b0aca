"""Split the series to forecast into shards."""

from collections.abc import Iterator, Sequence

from events.payloads import SeriesRef
from functions.records import Series

SHARD_SERIES = 100  # forecasts of a quarter, as events, stay within some megabytes


def forecast_shards(series: Sequence[Series]) -> Iterator[tuple[SeriesRef, ...]]:
    """Yield the series in order, SHARD_SERIES at a time."""
    for at in range(0, len(series), SHARD_SERIES):
        shard = series[at : at + SHARD_SERIES]
        yield tuple(SeriesRef(store=store, product=product) for store, product in shard)

"""A task of the sink against a table in memory."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from events.dead_letters import read
from events.log import Received
from stream_jobs.merge import Refused
from stream_jobs.sink import HEADERS, OUTGOING, persist_into
from stream_jobs.tables import Projection
from tests.unit.stream_jobs.records import Raw, batch, planned, raw, removed, with_data, with_header


class Table:
    """Takes everything but the events it is told to refuse."""

    def __init__(self, *refuses: str) -> None:
        self.merges: list[list[str]] = []
        self._refuses = refuses

    def merge(self, rows: pa.Table) -> list[Refused]:
        ids = rows["event_id"].to_pylist()
        self.merges.append([one for one in ids if one not in self._refuses])
        return [Refused(row, "too odd") for row, one in enumerate(ids) if one in self._refuses]


def _headers(letter: dict[str, Any]) -> list[tuple[str, bytes]]:
    return [(header["key"], header["value"]) for header in letter["headers"]]


def persisted(table: Table, *batches: list[Raw], most: int = 100) -> list[dict[str, object]]:
    def records() -> Iterator[pa.RecordBatch]:
        yield from (batch(*records) for records in batches)

    out = list(persist_into(lambda kept: table, records(), most))
    assert all(letters.schema == OUTGOING for letters in out)
    return [letter for letters in out for letter in letters.to_pylist()]


def test_small_batches_are_merged_together_and_big_ones_in_chunks() -> None:
    table = Table()
    persisted(table, [raw("1")], [raw("2")], [raw("3")], most=2)
    assert table.merges == [["1", "2"], ["3"]]


def test_the_events_of_each_topic_go_into_their_own_table() -> None:
    merged: dict[str, Table] = {"daily_sales": Table(), "calendar": Table("c2")}
    topics = ["sales", "calendar", "sales", "calendar", "calendar"]
    records = batch(raw("1"), planned("c1"), raw("2"), planned("c2"), raw("3"), topics=topics)
    mixed = iter([records, batch(raw("4")), batch(raw("5"), topics="calendar")])
    parts = persist_into(lambda kept: merged[kept.table.name], mixed)
    sent = [one for part in parts for one in part.to_pylist()]
    assert merged["daily_sales"].merges == [["1", "2", "4"]]
    assert merged["calendar"].merges == [["c1"]]
    found = [
        read(Received("dead-letters", one["key"], one["value"], _headers(one)))
        for one in sent
        if one["topic"] == "dead-letters"
    ]
    assert [one["topic"] for one in sent if one["topic"] != "dead-letters"] == ["calendar-changes"]
    # A sale where plans belong, first among the other records or alone, and a refused row.
    assert [(dead.topic, dead.group, dead.offset, dead.error) for dead in found if dead] == [
        ("calendar", "calendar-sink", 4, "Refusal"),
        ("calendar", "calendar-sink", 0, "Refusal"),
        ("calendar", "calendar-sink", 3, "Refusal"),
    ]


def test_removals_on_the_topic_of_sales_go_into_their_own_table() -> None:
    merged: dict[str, Table] = {"daily_sales": Table(), "sales_removals": Table("r2")}
    bad = with_header(removed("r3"), "ce_time", b"soon")
    records = batch(raw("1"), removed("r1"), raw("2"), removed("r2"), bad)
    order: list[str] = []

    def table(kept: Projection) -> Table:
        order.append(kept.table.name)
        return merged[kept.table.name]

    found = [
        read(Received("dead-letters", one["key"], one["value"], _headers(one)))
        for part in persist_into(table, iter([records]))
        for one in part.to_pylist()
    ]
    assert merged["daily_sales"].merges == [["1", "2"]]
    assert merged["sales_removals"].merges == [["r1"]]
    assert order == ["sales_removals", "daily_sales"], "none is seen that a removal takes back"
    assert [(dead.topic, dead.group, dead.offset, dead.error) for dead in found if dead] == [
        ("sales", "sales-sink", 3, "Refusal"),
        ("sales", "sales-sink", 4, "Unreadable"),
    ]


def test_a_task_without_records_merges_nothing() -> None:
    table = Table()
    assert persisted(table) == []
    assert table.merges == []


def test_a_rejected_record_comes_out_as_the_dead_letter_of_the_original() -> None:
    bad = with_data(units=-1)
    (letter,) = persisted(Table(), [raw("1")], [raw("2"), bad])
    headers = [(header["key"], header["value"]) for header in letter["headers"]]  # type: ignore[attr-defined]
    dead = read(Received("dead-letters", letter["key"], letter["value"], headers))  # type: ignore[arg-type]
    assert dead is not None
    assert (dead.group, dead.topic, dead.partition, dead.offset) == ("sales-sink", "sales", 0, 1)
    assert (dead.key, dead.value, dead.headers) == (b"1/milk", bad[0], bad[1])
    assert dead.error == "InvalidPayload"
    assert "units" in dead.message


def test_a_row_that_postgres_refuses_is_traced_back_to_its_record() -> None:
    table = Table("3")
    letters = persisted(table, [raw("1"), with_data(units="x")], [with_data(open=1), raw("3")])
    assert table.merges == [["1"]]
    assert [letter["value"] for letter in letters][-1] == raw("3")[0]
    assert len(letters) == 3
    assert pa.array([letters[-1]["headers"]], HEADERS).type == HEADERS

"""What of a batch with damaged records is done without Spark's reader, and how the job goes on."""

import threading
from typing import Any

import pytest

from events.kafka_range import OffsetRange
from events.log import Received, Torn
from stream_jobs import sales
from stream_jobs.contract import decode_batch, record
from stream_jobs.damage import ReadAround, as_read, logged_offsets, ranges, without_torn
from stream_jobs.failures import QueryFailed
from stream_jobs.sales import Job
from stream_jobs.settings import JobSettings
from stream_jobs.tables import SALES
from tests.unit.stream_jobs.records import TIME, raw

ENTRY = 'v1\n{"batchWatermarkMs":0}\n{"sales":{"0":7,"1":0},"calendar":{"0":2}}'
MILLISECONDS = int(TIME.timestamp() * 1000)


def received(offset: int) -> Received:
    value, headers = raw()
    return Received("sales", b"1/milk", value, headers, 3, offset, MILLISECONDS)


def torn(offset: int, last: int) -> Torn:
    return Torn("sales", None, None, [], 3, offset, 0, last, "bad checksum")


def test_the_offsets_of_an_entry_are_in_its_last_line() -> None:
    assert logged_offsets(ENTRY, "offsets/4") == {"sales": {"0": 7, "1": 0}, "calendar": {"0": 2}}


@pytest.mark.parametrize(
    "text", ["", "v1\n{}\n-", 'v2\n{"0": "sales"}', '{"sales": {"0": null}}', '{"other": {"0": 1}}']
)
def test_an_entry_that_is_none_of_ours_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(ValueError, match="offsets/4"):
        logged_offsets(text, "offsets/4")


def test_a_batch_reads_what_lies_between_two_entries_and_new_partitions_from_the_earliest() -> None:
    before = {"sales": {"0": 3, "1": 5}}
    after = {"sales": {"0": 7, "1": 5, "2": 4, "3": 0}, "calendar": {"0": 2}}
    assert ranges(before, after) == [
        OffsetRange("sales", 0, 3, 7),
        OffsetRange("sales", 2, None, 4),
        OffsetRange("calendar", 0, None, 2),
    ]


def test_what_is_torn_is_set_aside_and_the_rest_goes_on_in_its_order() -> None:
    aside: list[Torn] = []
    parts = [[received(0), torn(1, 4)], [torn(5, 5)], [received(6)]]
    assert list(without_torn(iter(parts), aside)) == [[received(0)], [received(6)]]
    assert aside == [torn(1, 4), torn(5, 5)]


def test_records_are_judged_as_if_spark_had_read_them() -> None:
    bare = Received("sales", None, None, [], 3, 8, -1)
    batch = as_read([received(7), bare])
    judged = decode_batch(batch, SALES, clock=lambda: TIME)
    assert judged.rows.num_rows == 1
    assert [one.row for one in judged.rejected] == [1]
    assert [record(batch, row, "sales") for row in (0, 1)] == [received(7), bare]


class Throwable:
    """A Java exception as py4j shows it."""

    def __init__(self, name: str, message: str, cause: "Throwable | None" = None) -> None:
        self._name, self._message, self._cause = name, message, cause

    def getClass(self) -> "Throwable":  # noqa: N802 - Java's name
        return self

    def getSuperclass(self) -> None:  # noqa: N802 - Java's name
        return None

    def getName(self) -> str:  # noqa: N802 - Java's name
        return self._name

    def getMessage(self) -> str:  # noqa: N802 - Java's name
        return self._message

    def getCause(self) -> "Throwable | None":  # noqa: N802 - Java's name
        return self._cause


DAMAGE = Throwable(
    "org.apache.spark.sql.streaming.StreamingQueryException",
    "Job aborted",
    Throwable(
        "org.apache.kafka.common.KafkaException",
        "Received exception when fetching the next record from sales-3. If needed, please seek "
        "past the record to continue consumption.",
    ),
)
OUTAGE = Throwable("org.apache.kafka.common.errors.TimeoutException", "no answer")


class Query:
    """A query that has ended, with an error or without, as far as the job looks at it."""

    isActive = False  # noqa: N815 - PySpark's name

    def __init__(self, error: Throwable | None) -> None:
        self._jsq, self._error = self, error

    def exception(self) -> "Query":
        return self

    def isEmpty(self) -> bool:  # noqa: N802 - Java's name
        return self._error is None

    def get(self) -> Throwable | None:
        return self._error


class Session:
    """A frame whose session has no such entry in the offset log, for the reason given."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    @property
    def sparkSession(self) -> Any:  # noqa: N802 - PySpark's name
        raise self._error


def job(monkeypatch: pytest.MonkeyPatch, ends: list[Any]) -> tuple[Job, list[str]]:
    """A job whose queries end one after the other as given, then it is stopped."""
    stopping, started = threading.Event(), list[str]()

    def ended(kind: str, around: ReadAround | None = None) -> Query:
        started.append(kind)
        end = ends.pop(0)
        if not ends:
            stopping.set()
        if around is not None and isinstance(end, Exception):
            with pytest.raises(type(end)):
                around(Session(end), 1)  # type: ignore[arg-type]  # as far as it is looked at
            return Query(Throwable("py4j.Py4JException", "the function failed"))
        if around is not None and end == "commits":
            around.batches += 1
        return Query(end if isinstance(end, Throwable) else None)

    monkeypatch.setattr(sales, "start_query", lambda *_: ended("as ever"))
    monkeypatch.setattr(sales, "start_around", lambda _spark, _settings, one: ended("around", one))
    monkeypatch.setattr(sales, "FIRST_WAIT", 0.0)
    settings = JobSettings(_env_file=None, kafka_bootstrap="nowhere:1", checkpoints="/checkpoints")
    return Job(None, settings, stopping), started  # type: ignore[arg-type]  # no Spark is needed


def test_after_damage_one_batch_is_read_around_and_then_all_is_as_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, started = job(monkeypatch, [DAMAGE, "commits", DAMAGE, "commits", None])
    one.run()
    assert started == ["as ever", "around", "as ever", "around", "as ever"]


def test_an_outage_while_reading_around_is_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = [DAMAGE, ConnectionError("refused"), DAMAGE, OUTAGE, DAMAGE, "commits", None]
    one, started = job(monkeypatch, ends)
    one.run()
    assert started == ["as ever", "around"] * 3 + ["as ever"]


@pytest.mark.parametrize("end", [ValueError("no entry of ours"), None])
def test_damage_that_can_not_be_passed_ends_the_job_with_the_reason_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, end: Any
) -> None:
    one, started = job(monkeypatch, [DAMAGE, end, "never"])
    with pytest.raises(QueryFailed, match="kafka-delete-records") as failed:
        one.run()
    assert started == ["as ever", "around"]
    assert "/checkpoints/sales" in str(failed.value)
    assert "sales-3" in str(failed.value)
    assert ("no batch is due" if end is None else "no entry of ours") in str(failed.value)

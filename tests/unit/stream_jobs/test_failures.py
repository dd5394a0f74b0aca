"""What is waited out and what ends the process, for the query and for a merge."""

import adbc_driver_manager as adbc
import pytest

from stream_jobs import merge
from stream_jobs.failures import Cause, advice, is_damage, is_outage, summary

KAFKA = "org.apache.kafka.common.errors"
TIMEOUT = Cause((f"{KAFKA}.TimeoutException", f"{KAFKA}.RetriableException"), "no answer")
MISSING = Cause(
    (f"{KAFKA}.UnknownTopicOrPartitionException", f"{KAFKA}.RetriableException"), "no such topic"
)
WRAPPER = Cause(("org.apache.spark.SparkException", "java.lang.Exception"), "the job failed")


def test_a_broker_that_does_not_answer_is_an_outage() -> None:
    assert is_outage([WRAPPER, TIMEOUT])


def test_brokers_without_an_address_are_an_outage() -> None:
    classes = ("org.apache.kafka.common.config.ConfigException",)
    assert is_outage([WRAPPER, Cause(classes, "No resolvable bootstrap urls given")])


def test_a_missing_topic_is_no_outage_though_kafka_calls_it_retriable() -> None:
    assert not is_outage([WRAPPER, MISSING])
    assert "create it" in advice([WRAPPER, MISSING], "/checkpoint")


def test_lost_records_are_no_outage_and_the_advice_names_the_checkpoint() -> None:
    lost = Cause(("java.lang.IllegalStateException",), "[KAFKA_DATA_LOSS.X] offset 5 is gone")
    assert not is_outage([lost, TIMEOUT])
    assert not is_outage([Cause(lost.classes, "set failOnDataLoss to false. Reason: …"), TIMEOUT])
    assert "delete the checkpoint" in advice([lost], "/checkpoint/sales")
    assert "/checkpoint/sales" in advice([lost], "/checkpoint/sales")


@pytest.mark.parametrize(
    "message",
    [
        "Received exception when fetching the next record from sales-0. If needed, please seek "
        "past the record to continue consumption.",
        "Unknown compression type id: 7",
        "Encountered corrupt message when fetching offset 5 for topic-partition sales-0",
        "Received a non-empty fetch response from the server, but no complete records were found.",
    ],
)
def test_what_java_says_of_damaged_records_is_damage_and_no_outage(message: str) -> None:
    chain = [WRAPPER, Cause(("java.lang.Exception",), message), TIMEOUT]
    assert is_damage(chain)
    assert not is_outage(chain)


def test_a_damaged_record_is_no_outage_though_kafka_calls_it_retriable() -> None:
    classes = (f"{KAFKA}.CorruptRecordException", f"{KAFKA}.RetriableException")
    chain = [WRAPPER, Cause(classes, "Record size 0 is less than the minimum record overhead")]
    assert is_damage(chain)
    assert not is_outage(chain)
    said = advice(chain, "/checkpoint/sales", " (not passed: the broker gives nothing)")
    assert "the broker gives nothing" in said
    assert "kafka-delete-records" in said


def test_an_outage_is_no_damage() -> None:
    assert not is_damage([WRAPPER, TIMEOUT])


def test_a_workers_traceback_is_told_by_its_last_line() -> None:
    text = (
        "An exception was thrown from the Python worker:\nTraceback (most recent call last):\n"
        "  File x\nadbc.ProgrammingError: no such table\n  LINE 1\n"
    )
    cause = Cause(("org.apache.spark.api.python.PythonException",), text)
    assert summary([WRAPPER, cause]) == "PythonException: adbc.ProgrammingError: no such table"


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (adbc.OperationalError("no answer", status_code=10), True),
        (adbc.OperationalError("shutting down", status_code=10, sqlstate="57P01"), True),
        (adbc.OperationalError("disk full", status_code=9, sqlstate="53100"), True),
        (adbc.DatabaseError("deadlock", status_code=9, sqlstate="40P01"), True),
        (adbc.DatabaseError("a standby", status_code=9, sqlstate="25006"), True),
        (adbc.DataError("a NUL", status_code=7, sqlstate="22021"), False),
        (adbc.ProgrammingError("no such table", status_code=3, sqlstate="42P01"), False),
        (ValueError("a bug"), False),
    ],
)
def test_a_merge_is_tried_again_only_when_the_same_merge_may_work_later(
    error: Exception, passing: bool
) -> None:
    assert merge.is_outage(error) is passing

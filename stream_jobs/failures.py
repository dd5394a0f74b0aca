"""What the failure of a streaming query means: wait, read around damage, or give up.

An outage of Kafka is waited out; damaged records are passed over (`stream_jobs.damage`). What no
waiting mends ends the process with a message that says what to do, so that whoever supervises it
sees it fail.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# Kafka's own notion of what may work later, and what a broker that is away looks like to Java.
OUTAGES = (
    "org.apache.kafka.common.errors.RetriableException",
    "org.apache.kafka.common.errors.TimeoutException",
    "java.util.concurrent.TimeoutException",
    "java.net.ConnectException",
    "java.net.UnknownHostException",
)
NO_ADDRESS = "No resolvable bootstrap urls"  # the brokers' names are not in the DNS now
MISSING_TOPIC = "org.apache.kafka.common.errors.UnknownTopicOrPartitionException"
DATA_LOSS_SIGNS = ("KAFKA_DATA_LOSS", "failOnDataLoss")
PYTHON_ERROR = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception): .*", re.MULTILINE)
# What Java's consumer says of a batch that it can't check, unpack or parse.
DAMAGED_SIGNS = (
    "CorruptRecordException",
    "please seek past the record",
    "Unknown compression type",
    "Encountered corrupt message",
    "no complete records were found",
)
CORRUPT = "org.apache.kafka.common.errors.CorruptRecordException"
CHECKPOINT_SIGNS = (
    "checkpoint",
    "offset log",
    "OffsetSeqLog",
    "CommitLog",
    "STREAM_METADATA",
    "log file",
)


@dataclass(frozen=True)
class Cause:
    """One link of a Java exception's chain: its class with its ancestors, and its message."""

    classes: tuple[str, ...]
    message: str


class QueryFailed(Exception):
    """A streaming query failed for a reason that no waiting mends."""


def causes(throwable: Any) -> list[Cause]:
    """The chain of a Java exception, outermost first."""
    chain: list[Cause] = []
    while throwable is not None and len(chain) < 20:
        chain.append(Cause(tuple(_ancestry(throwable.getClass())), throwable.getMessage() or ""))
        throwable = throwable.getCause()
    return chain


def _ancestry(java_class: Any) -> list[str]:
    names = []
    while java_class is not None:
        names.append(java_class.getName())
        java_class = java_class.getSuperclass()
    return names


def is_damage(chain: list[Cause]) -> bool:
    """Whether records are damaged, which `stream_jobs.damage` passes over."""
    return any(CORRUPT in cause.classes for cause in chain) or _says(chain, DAMAGED_SIGNS)


def is_outage(chain: list[Cause]) -> bool:
    """Whether the same query may well run later."""
    classes = {name for cause in chain for name in cause.classes}
    # Kafka calls a damaged record retriable: another replica may have a sound one.
    if MISSING_TOPIC in classes or _says(chain, DATA_LOSS_SIGNS) or is_damage(chain):
        return False
    return not classes.isdisjoint(OUTAGES) or _says(chain, (NO_ADDRESS,))


def advice(chain: list[Cause], checkpoint: str, not_passed: str = "") -> str:
    """What happened and the next step, in one line; why damage could not be passed, if so."""
    what = summary(chain)
    if any(MISSING_TOPIC in cause.classes for cause in chain):
        return f"{what}. A topic is missing: run `shelfcast up`, or create it"
    if _says(chain, DATA_LOSS_SIGNS):
        return (
            f"{what}. Kafka no longer holds what the checkpoint {checkpoint} has not read yet, or "
            "holds another topic of the same name. If that is understood, delete the checkpoint: "
            "the job then reads all that the topic holds, which changes nothing twice"
        )
    if is_damage(chain):
        return (
            f"{what}{not_passed}. The broker's copy of these records is damaged and nobody can say "
            "which they are. Restore it from a replica, or delete the records of that partition up "
            f"to and with them (kafka-delete-records) and the checkpoint {checkpoint}: the job "
            "then reads the rest, which changes nothing twice"
        )
    if _says(chain, CHECKPOINT_SIGNS):
        return (
            f"{what}. If the checkpoint {checkpoint} is damaged or another query's, delete it: the "
            "job then reads all that the topic holds, which changes nothing twice"
        )
    return what


def summary(chain: list[Cause]) -> str:
    """The innermost reason, in one line."""
    cause = chain[-1]
    said = cause.message
    if "Traceback" in said:  # a Python worker's error, whose own last words are what counts
        said = [said, *PYTHON_ERROR.findall(said)][-1]
    return f"{cause.classes[0].rpartition('.')[2]}: {' '.join(said.split())[:1000]}".rstrip(".: ")


def _says(chain: list[Cause], signs: Sequence[str]) -> bool:
    return any(sign in cause.message for cause in chain for sign in signs)

"""Count and report new dead letters: those after the group's committed offset.

Offsets are committed only after the notification, so a failed check is repeated and no dead
letter is missed; if the commit fails, some are reported twice. A dead letter that was
replayed before the check is not reported.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from events.dead_letters import DeadLetter, note
from events.log import Consumer, Partition, Received

GROUP = "shelfcast-dead-letter-alarm"
POLL_SECONDS, POLL_RECORDS = 2.0, 500
MAX_TOPICS = 30  # listed one by one; a message of SNS may have 256 kB
MAX_REASON = 200  # characters of the last letter's error: enough to recognise it


@dataclass(frozen=True, slots=True)
class Look:
    """The result of one check: unreplayed dead letters, and the records to commit."""

    letters: Sequence[DeadLetter]
    read: Sequence[Received]

    @property
    def topics(self) -> dict[str, int]:
        """Count dead letters by topic, the largest count first."""
        return dict(Counter(letter.topic for letter in self.letters).most_common())


async def look(consumer: Consumer, goes_on: Callable[[], bool]) -> Look:
    """Read from the committed offset to the end, or until `goes_on` returns False."""
    letters: dict[str, DeadLetter] = {}
    last: dict[Partition, Received] = {}
    while goes_on():
        records = await consumer.poll(POLL_SECONDS, POLL_RECORDS)
        for record in records:
            note(letters, record, whole=False)
            last[record.topic, record.partition] = record
        if not records:
            break
    return Look(list(letters.values()), list(last.values()))


def alarm(found: Look) -> Mapping[str, Any]:
    """Return the SNS message: text for people, counts for programs."""
    count, topics = len(found.letters), found.topics
    last = {letter.topic: letter for letter in found.letters}
    lines = [
        f"  {topic}: {number:,}, the last for {_reason(last[topic])}"
        for topic, number in list(topics.items())[:MAX_TOPICS]
    ]
    if (more := len(topics) - MAX_TOPICS) > 0:
        lines.append(f"  and {more:,} more topics")
    first, newest = (pick(letter.time for letter in found.letters) for pick in (min, max))
    return {
        "Subject": f"Shelfcast: {count:,} new dead letter{'s' if count > 1 else ''}",
        "Message": "\n".join(
            [
                f"{count:,} of the events could not be handled, from {first:%Y-%m-%d %H:%M:%S} to "
                f"{newest:%Y-%m-%d %H:%M:%S} UTC. By the topic that they stood on:",
                "",
                *lines,
                "",
                "`shelfcast dead-letters list` and `show ID` say what they are. Once the cause is "
                "mended, `shelfcast dead-letters replay` sends them again.",
            ]
        ),
        "MessageAttributes": {
            "letters": {"DataType": "Number", "StringValue": str(count)},
            "topics": {"DataType": "String", "StringValue": json.dumps(topics)},
        },
    }


def _reason(letter: DeadLetter) -> str:
    said = f"{letter.error}: {letter.message}"
    return said if len(said) <= MAX_REASON else said[:MAX_REASON] + "…"

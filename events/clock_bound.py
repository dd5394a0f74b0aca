"""How far ahead of the log an event may say that it was recorded.

The newest of several events about one thing wins by its own time, so an event from a clock
that is years ahead could never be corrected. Its time is held against two others: when the
log took the record, and when it is read. The first is the broker's (every topic of the table
has `LogAppendTime`) and gives the same verdict however late the record is read. The second
bounds what stands on a topic that was made without that setting, where the record's time is
from the same wrong clock.
"""

from datetime import UTC, datetime, timedelta

from events.errors import ClockAhead

# Machines that keep time at all are within seconds; ten minutes let a till with a poor clock
# sell, and are soon over: a correction that is sent after them wins.
MAX_AHEAD = timedelta(minutes=10)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def bound(timestamp_ms: int, now: datetime) -> datetime:
    """The latest time that an event of a record with that time may have.

    A record without a time (-1, of an old producer) is held against `now` alone.
    """
    try:
        taken = EPOCH + timedelta(milliseconds=timestamp_ms)
    except OverflowError:
        return now + MAX_AHEAD
    return (min(taken, now) if timestamp_ms > 0 else now) + MAX_AHEAD


def refuse_ahead(time: datetime, timestamp_ms: int, now: datetime) -> None:
    """ClockAhead for an event's time beyond the bound; the message says both times."""
    latest = bound(timestamp_ms, now)
    if time > latest:
        minutes = MAX_AHEAD.total_seconds() / 60
        raise ClockAhead(
            f"ce_time: {time.isoformat()} is more than {minutes:g} minutes after "
            f"{(latest - MAX_AHEAD).isoformat()}, when the log took the record; check the clock "
            "of the sender, then send the event again with its right time"
        )

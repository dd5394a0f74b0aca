"""`shelfcast events`: follow the events on Kafka."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any

import typer

from events.printable import one_line, shown_json
from infra.cli.errors import outcome
from infra.errors import BadInput, BrokerAway

if TYPE_CHECKING:
    from rich.text import Text

    from events.log import Received
    from infra.kafka.broker import Broker, Follower

POLL_SECONDS, POLL_RECORDS = 0.5, 500
SHOWN_DATA = 160  # characters of an event's data in a line for people

app = typer.Typer(name="events", help="Follow the events on Kafka.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Follow the events on Kafka."""


@app.command()
def tail(
    ctx: typer.Context,
    topic: Annotated[
        list[str] | None, typer.Option("--topic", "-t", help="Only this topic; may be repeated.")
    ] = None,
    from_beginning: Annotated[
        bool,
        typer.Option("--from-beginning", help="Start with the oldest events, not with new ones."),
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="End after N events.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON Lines: one object a line for each event.")
    ] = False,
) -> None:
    """Print events as they arrive, until Ctrl-C."""
    from rich.console import Console

    console = Console(highlight=False)
    with on_the_log():
        topics = chosen_topics(topic or [])

        def show(record: "Received") -> None:
            said = describe(record)
            if as_json:
                print(shown_json(said), flush=True)
            elif console.is_terminal:
                console.print(line(said), no_wrap=True, overflow="ellipsis", crop=True)
            else:
                print(line(said).plain, flush=True)

        asyncio.run(_tail(broker_of(ctx), topics, from_beginning, limit, show))


async def _tail(
    broker: "Broker", topics: Sequence[str], from_beginning: bool, limit: int | None, show: Any
) -> None:
    from infra.kafka.broker import OUTAGES, away

    follower = broker.follower(topics, from_beginning)
    async with stop_on_signals() as stop:
        try:
            await follower.start()
            async for record in follow(follower, limit, stop):
                show(record)
        except OUTAGES as error:
            if isinstance(error, BrokenPipeError):
                raise
            raise BrokerAway(away(broker.address, error)) from None
        finally:
            await follower.close()


async def follow(
    follower: "Follower", limit: int | None, stop: asyncio.Event
) -> AsyncIterator["Received"]:
    """Yield records as they arrive, at most `limit`, until `stop` is set."""
    left = limit
    while not stop.is_set() and left != 0:
        count = POLL_RECORDS if left is None else min(left, POLL_RECORDS)
        for record in await follower.poll(POLL_SECONDS, count):
            yield record
            left = None if left is None else left - 1


def chosen_topics(named: Sequence[str]) -> list[str]:
    """Return the named topics, or all; BadInput for an unknown one."""
    from events.topics import TOPICS

    for name in named:
        if name not in TOPICS:
            close = get_close_matches(name, TOPICS, n=1)
            hint = f"did you mean {close[0]}? " if close else ""
            raise BadInput(f"--topic: {name!r} is not a topic; {hint}There are {', '.join(TOPICS)}")
    return list(dict.fromkeys(named)) or list(TOPICS)


def describe(record: "Received") -> dict[str, Any]:
    """Return a record's fields; if it can't be decoded, `error` says why."""
    from events import dead_letters
    from events.cloudevents import decode
    from events.errors import EventError
    from events.log import Torn
    from events.topics import DEAD_LETTERS

    said: dict[str, Any] = {
        "time": _time_of(record),
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "type": None,
        "key": None if record.key is None else record.key.decode(errors="backslashreplace"),
    }
    if isinstance(record, Torn):
        return said | {"error": str(record)}
    try:
        if record.topic == DEAD_LETTERS:
            letter = dead_letters.read(record)
            if letter is None:
                return said | {"type": "replayed"}
            data = {"error": letter.error, "message": letter.message, "topic": letter.topic}
            return said | {"type": "dead-letter", "time": letter.time.isoformat(), "data": data}
        event = decode(record.value, record.headers)
    except EventError as error:
        return said | {"error": f"{type(error).__name__}: {error}"}
    return said | {
        "time": event.time.isoformat(),
        "type": event.data.TYPE,
        "id": event.id,
        "source": event.source,
        "subject": event.data.subject,
        "correlation_id": event.correlation_id,
        "data": event.data.model_dump(mode="json"),
    }


def _time_of(record: "Received") -> str:
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(record.timestamp_ms / 1000, UTC).isoformat()
    except (OverflowError, ValueError, OSError):  # a time of the sender's that no calendar has
        return datetime.fromtimestamp(0, UTC).isoformat()


def line(said: dict[str, Any]) -> "Text":
    """Return the fields as one line; the subject omits the key before it."""
    from rich.text import Text

    key = said["key"] or "-"
    subject = str(said.get("subject") or "").removeprefix(key).removeprefix("/")
    kind = (said["type"] or "unreadable").removeprefix("shelfcast.").removesuffix(".v1")
    parts = [
        (said["time"][11:19], "dim"),
        (said["topic"], "cyan"),
        (one_line(kind), "red" if "error" in said else "green"),
        (one_line(key), "bold"),
    ]
    if subject:
        parts.append((one_line(subject), ""))
    data = said.get("data", {})
    body = said.get("error") or ", ".join(
        f"{name} {_brief(value)}"
        for name, value in data.items()
        if str(value) not in f"{key}/{subject}".split("/")
    )
    text = Text()
    for part, style in [*parts, (one_line(body)[:SHOWN_DATA], "")]:
        text.append(part + " ", style)
    text.rstrip()
    return text


def _brief(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={_brief(one)}" for name, one in value.items())
    if isinstance(value, float):
        return f"{value:g}" if abs(value) < 1e6 else f"{value:,.0f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return f"({len(value)})"
    return str(value)


@contextmanager
def on_the_log() -> Iterator[None]:
    """`outcome` for commands that use Kafka, whose client logs what the error says already."""
    for noisy in ("aiokafka", "stamina"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    with outcome("interrupted; run the command again, nothing doubles"):
        yield


@asynccontextmanager
async def stop_on_signals() -> AsyncIterator[asyncio.Event]:
    """Return an event that Ctrl-C or SIGTERM sets, for a clean end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def broker_of(ctx: typer.Context) -> "Broker":
    """Return the broker passed in the context's object, or that of the settings."""
    from infra.kafka.broker import KafkaBroker
    from infra.settings import load_settings

    given: Broker | None = ctx.obj
    return given if given is not None else KafkaBroker(load_settings().kafka)

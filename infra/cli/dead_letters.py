"""`shelfcast dead-letters`: show events that could not be handled, and send them again.

A replay sends the original first and then the tombstone, so an interrupted replay
leaves the dead letter listed, and sending the same event twice changes nothing. Dead letters are
replayed in parts, each with a time limit. A truncated one can't be replayed.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any

import typer

from events.printable import one_line, shown_json
from infra.cli.events import broker_of, chosen_topics, on_the_log
from infra.cli.output import Json, print_json
from infra.errors import BadInput

if TYPE_CHECKING:
    from rich.table import Table

    from events.dead_letters import DeadLetter
    from infra.kafka.broker import Broker

SHORT_ID = 8  # characters of an id in a table, more when they are not unique
MAX_SHOWN_KEY = 80  # characters of a key in a table: a key may have 64 KiB
SHOWN_KEPT = 5  # dead letters that a replay skips and lists one by one
SENT_BYTES = 16 << 20  # of one part, so that dead letters of a megabyte each do not fill the memory
SENT_AT_ONCE = 1_000  # dead letters of a replay that share one time limit
MAX_KEY = 18  # columns of a table; the rest goes on the next line
HEX_SHOWN = 4096  # bytes of a binary value shown

app = typer.Typer(
    name="dead-letters",
    help="Show the events that could not be handled, and send them again.",
    no_args_is_help=True,
)
OfTopic = Annotated[
    str | None, typer.Option("--topic", "-t", help="Only dead letters of events on this topic.")
]


@app.command("list")
def list_letters(
    ctx: typer.Context,
    topic: OfTopic = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most the newest N dead letters.")] = 50,
    as_json: Json = False,
) -> None:
    """List the dead letters, oldest first."""
    from rich.console import Console

    with on_the_log():
        letters = of_topic(_waiting(broker_of(ctx)), topic)
        shown = letters[-limit:]
        if as_json:
            print_json([summary(letter) for letter in shown])
        elif not letters:
            typer.echo("No dead letters wait.")
        else:
            Console().print(table(shown, letters))
            more = len(letters) - len(shown)
            older = f"; {more:,} older ones are not shown (--limit)" if more else ""
            typer.echo(f"{len(letters):,} waiting{older}. `shelfcast dead-letters show ID`")


@app.command()
def show(
    ctx: typer.Context,
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="Its id or the start of it.")],
    as_json: Json = False,
) -> None:
    """Show one dead letter: the reason, its headers and its value."""
    with on_the_log():
        broker = broker_of(ctx)
        (found,) = find([letter_id], _waiting(broker))
        (letter,) = asyncio.run(_whole(broker, [found]))
        whole = summary(letter) | {
            "group": letter.group,
            "partition": letter.partition,
            "offset": letter.offset,
            "attempts": letter.attempts,
            "headers": {
                name: value.decode(errors="backslashreplace") for name, value in letter.headers
            },
            "value": value_of(letter.value),
        }
        if as_json:
            print_json(whole)
        else:
            _print_whole(whole)


@app.command()
def replay(
    ctx: typer.Context,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Their ids or the starts of them.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Replay all dead letters.")] = False,
    topic: OfTopic = None,
    as_json: Json = False,
) -> None:
    """Send dead letters to their original topics, after their cause is corrected."""
    with on_the_log():
        if bool(ids) == everything:
            raise BadInput("ID, --all: give either ids or --all")
        if ids and topic:
            raise BadInput(f"--topic: {topic!r} goes with --all; ids need no topic")
        broker = broker_of(ctx)
        letters = _waiting(broker)
        if everything:
            chosen = of_topic(letters, topic)
            counts, kept = asyncio.run(replay_letters(broker, chosen))
        else:
            chosen = asyncio.run(_whole(broker, find(ids or [], letters)))
            for letter in chosen:
                if why := letter.why_not_replayed():
                    raise BadInput(f"ID: {letter.id[:SHORT_ID]} can't be replayed: {why}")
            counts, kept = asyncio.run(replay_letters(broker, chosen))
        sent = sum(counts.values())
        if as_json:
            left = {"not_replayed": len(kept)} if kept else {}
            print_json({"replayed": sent, "topics": counts} | left)
        elif not chosen:
            typer.echo("No dead letters wait.")
        else:
            where = ", ".join(f"{count:,} to {name}" for name, count in counts.items())
            typer.echo(f"Replayed {sent:,}" + (f": {where}" if where else ""))
        for letter_id, why in kept[:SHOWN_KEPT]:
            typer.echo(one_line(f"Not replayed, {letter_id[:SHORT_ID]}: {why}"), err=True)
        if len(kept) > SHOWN_KEPT:
            typer.echo(f"Not replayed: {len(kept) - SHOWN_KEPT:,} more like these", err=True)


async def replay_letters(
    broker: "Broker", letters: Sequence["DeadLetter"]
) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Send the originals, then their tombstones, a part at a time.

    Return how many were sent to each topic, and the ids that were skipped with the reasons.
    """
    from infra.kafka.broker import send_patiently

    counts: Counter[str] = Counter()
    kept: list[tuple[str, str]] = []
    producer = broker.producer()

    async def send(part: list["DeadLetter"]) -> None:
        await send_patiently(producer, [it.original() for it in part], broker.address)
        await send_patiently(producer, [it.tombstone() for it in part], broker.address)
        counts.update(letter.topic for letter in part)
        if sys.stderr.isatty() and len(letters) > SENT_AT_ONCE:
            typer.echo(f"{counts.total():,} of {len(letters):,} replayed", err=True)

    try:
        part: list[DeadLetter] = []
        size = 0
        async for letter in _again(broker, letters):
            if (why := letter.why_not_replayed()) is not None:
                kept.append((letter.id, why))
                continue
            part.append(letter)
            size += len(letter.value or b"")
            if len(part) >= SENT_AT_ONCE or size >= SENT_BYTES:
                await send(part)
                part, size = [], 0
        if part:
            await send(part)
    finally:
        await producer.close()
    return dict(sorted(counts.items())), kept


def _waiting(broker: "Broker") -> list["DeadLetter"]:
    """Read all dead letters, without their values and headers."""
    from events.dead_letters import note
    from events.topics import DEAD_LETTERS

    letters: dict[str, DeadLetter] = {}

    async def scan() -> None:
        async for records in broker.scan(DEAD_LETTERS):
            for record in records:
                note(letters, record, whole=False)

    asyncio.run(scan())
    return list(letters.values())


async def _whole(broker: "Broker", letters: Sequence["DeadLetter"]) -> list["DeadLetter"]:
    return [letter async for letter in _again(broker, letters)]


async def _again(broker: "Broker", letters: Sequence["DeadLetter"]) -> AsyncIterator["DeadLetter"]:
    """Read the dead letters again, complete, one at a time; an id always has one original."""
    from events.dead_letters import note
    from events.topics import DEAD_LETTERS

    left = {letter.id for letter in letters}
    async for records in broker.scan(DEAD_LETTERS):
        found: dict[str, DeadLetter] = {}
        for record in records:
            if record.value is not None and (record.key or b"").decode(errors="replace") in left:
                note(found, record)
        for letter_id, letter in found.items():
            left.discard(letter_id)
            yield letter


def of_topic(letters: Sequence["DeadLetter"], topic: str | None) -> list["DeadLetter"]:
    """Return the dead letters of events on the topic."""
    if topic is not None and topic not in {letter.topic for letter in letters}:
        chosen_topics([topic])
    return [letter for letter in letters if topic in (None, letter.topic)]


def find(wanted: Sequence[str], letters: Sequence["DeadLetter"]) -> list["DeadLetter"]:
    """Find dead letters by the start of their id; BadInput if it matches none or several."""
    found: dict[str, DeadLetter] = {}
    ids = [letter.id for letter in letters]
    for start in wanted:
        fitting = [letter for letter in letters if letter.id.startswith(start.lower())]
        exact = [letter for letter in fitting if letter.id == start.lower()]
        if len(exact or fitting) != 1 or not start:
            raise BadInput(f"ID: {_unfit(start, [it.id for it in fitting], ids)}")
        found |= {letter.id: letter for letter in exact or fitting}
    return list(found.values())


def _unfit(start: str, fitting: Sequence[str], ids: Sequence[str]) -> str:
    if fitting:
        few = ", ".join(fitting[:5]) + (", …" if len(fitting) > 5 else "")
        return f"{start!r} fits {len(fitting)} dead letters ({few}); give more of it"
    shortened = {one[: max(len(start), 1)]: one for one in ids}
    close = get_close_matches(start.lower(), shortened, n=3, cutoff=0.5)
    hint = f"near are {', '.join(shortened[one] for one in close)}" if close else "see the list"
    return f"no dead letter {start!r} waits; {hint} (`shelfcast dead-letters list`)"


def summary(letter: "DeadLetter") -> dict[str, Any]:
    """Return the fields that the list shows of a dead letter."""
    return {
        "id": letter.id,
        "time": letter.time.isoformat(),
        "topic": letter.topic,
        "error": letter.error,
        "message": letter.message,
        "cut": letter.cut,
        "key": None if letter.key is None else letter.key.decode(errors="backslashreplace"),
    }


def value_of(value: bytes | None) -> Any:
    """Return a readable value: JSON parsed, other text as text, other bytes in hexadecimal."""
    if value is None:
        return None
    try:
        return json.loads(value)
    except ValueError:  # no JSON, or no UTF-8
        pass
    try:
        return value.decode()
    except UnicodeDecodeError:
        more = f" … ({len(value):,} bytes)" if len(value) > HEX_SHOWN else ""
        return {"hex": value[:HEX_SHOWN].hex(" ") + more}


def table(shown: Sequence["DeadLetter"], letters: Sequence["DeadLetter"]) -> "Table":
    """Return the list as a table; ids are shortened to a length at which they differ."""
    from rich.markup import escape
    from rich.table import Table

    length = SHORT_ID
    while len({letter.id[:length] for letter in letters}) < len(letters):
        length += 1
    found = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("ID", "TIME (UTC)", "TOPIC"):
        found.add_column(heading, no_wrap=True)
    found.add_column("KEY", overflow="fold", max_width=MAX_KEY)
    found.add_column("ERROR", overflow="fold")
    for letter in shown:
        said = summary(letter)
        error = f"[red]{escape(one_line(said['error']))}[/red] {escape(one_line(said['message']))}"
        error += f" [dim](cut: {escape(one_line(said['cut']))})[/dim]" if said["cut"] else ""
        key = one_line(said["key"] or "-")
        key = key if len(key) <= MAX_SHOWN_KEY else key[:MAX_SHOWN_KEY] + "…"
        row = (escape(one_line(said["topic"])), escape(key), error)
        found.add_row(escape(one_line(letter.id[:length])), f"{letter.time:%m-%d %H:%M}", *row)
    return found


def _print_whole(whole: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.highlighter import JSONHighlighter
    from rich.markup import escape
    from rich.table import Table

    value, headers = whole.pop("value"), whole.pop("headers")
    console = Console(highlight=False)
    for title, pairs in (("", whole), ("headers", headers)):
        if title:
            console.print(f"\n[bold]{title}[/bold]" + ("" if pairs else "\nnone"))
        grid = Table.grid(padding=(0, 2))
        for name, text in pairs.items():
            grid.add_row(f"[dim]{escape(one_line(name))}[/dim]", escape(one_line(str(text))))
        console.print(grid)
    console.print("\n[bold]value[/bold]")
    if isinstance(value, str):
        console.print(escape(one_line(value)))
    elif isinstance(value, dict) and set(value) == {"hex"}:
        console.print(value["hex"])
    elif value is None:
        console.print("none")
    else:
        # Not print_json, which reads the text and writes it again with what it must not show.
        console.print(JSONHighlighter()(shown_json(value, indent=2)), soft_wrap=True)

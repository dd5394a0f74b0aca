"""`shelfcast dead-letters`: what could not be handled, to be looked at and sent again.

A replay sends the original first and then the tombstone, so a replay that is cut short
leaves the dead letter waiting, and sending the same event twice changes nothing.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.events import Json, broker_of, chosen_topics, outcome, print_json
from infra.sales_io.errors import BadInput

if TYPE_CHECKING:
    from rich.table import Table

    from events.dead_letters import DeadLetter
    from infra.sales_io.broker import Broker

SHORT_ID = 8  # characters of an id in a table, more when they are not unique
LONGEST_KEY = 18  # columns of a table; the rest goes on the next line
HEX_SHOWN = 4096  # bytes of a binary value shown

app = typer.Typer(
    name="dead-letters",
    help="Look at the events that could not be handled, and send them again.",
    no_args_is_help=True,
)
OfTopic = Annotated[
    str | None, typer.Option("--topic", "-t", help="Only those that stood on this topic.")
]


@app.command("list")
def list_letters(
    ctx: typer.Context,
    topic: OfTopic = None,
    limit: Annotated[int, typer.Option(min=1, help="Most dead letters shown, newest.")] = 50,
    as_json: Json = False,
) -> None:
    """Show the dead letters that wait, oldest first."""
    from rich.console import Console

    with outcome():
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
    """Show all of one dead letter: why it failed, its headers and its value."""
    with outcome():
        (letter,) = find([letter_id], _waiting(broker_of(ctx)))
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
    everything: Annotated[bool, typer.Option("--all", help="All that wait.")] = False,
    topic: OfTopic = None,
    as_json: Json = False,
) -> None:
    """Send dead letters to the topics they came from, once their cause is mended."""
    with outcome():
        if bool(ids) == everything:
            raise BadInput("ID, --all: give either ids or --all")
        if ids and topic:
            raise BadInput(f"--topic: {topic!r} goes with --all; ids need no topic")
        broker = broker_of(ctx)
        letters = _waiting(broker)
        chosen = of_topic(letters, topic) if everything else find(ids or [], letters)
        counts = asyncio.run(replay_letters(broker, chosen))
        if as_json:
            print_json({"replayed": len(chosen), "topics": counts})
        elif not chosen:
            typer.echo("No dead letters wait.")
        else:
            where = ", ".join(f"{count:,} to {name}" for name, count in counts.items())
            typer.echo(f"Replayed {len(chosen):,}: {where}")


async def replay_letters(broker: "Broker", letters: Sequence["DeadLetter"]) -> dict[str, int]:
    """Send the originals, then their tombstones; how many went to each topic."""
    from infra.sales_io.broker import send_patiently

    producer = broker.producer()
    try:
        await send_patiently(producer, [it.original() for it in letters], broker.address)
        await send_patiently(producer, [it.tombstone() for it in letters], broker.address)
    finally:
        await producer.close()
    return dict(sorted(Counter(letter.topic for letter in letters).items()))


def _waiting(broker: "Broker") -> list["DeadLetter"]:
    from events.dead_letters import waiting
    from events.topics import DEAD_LETTERS

    return waiting(asyncio.run(broker.read(DEAD_LETTERS)))


def of_topic(letters: Sequence["DeadLetter"], topic: str | None) -> list["DeadLetter"]:
    """Those that stood on the topic."""
    if topic is not None and topic not in {letter.topic for letter in letters}:
        chosen_topics([topic])
    return [letter for letter in letters if topic in (None, letter.topic)]


def find(wanted: Sequence[str], letters: Sequence["DeadLetter"]) -> list["DeadLetter"]:
    """The letters whose ids start so; BadInput for a start that fits none or several."""
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
    """What the list tells of a letter."""
    return {
        "id": letter.id,
        "time": letter.time.isoformat(),
        "topic": letter.topic,
        "error": letter.error,
        "message": letter.message,
        "key": None if letter.key is None else letter.key.decode(errors="backslashreplace"),
    }


def value_of(value: bytes | None) -> Any:
    """A value to read: JSON parsed, other text as text, other bytes in hexadecimal."""
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
    """The list for people; ids are cut to a length at which they differ."""
    from rich.markup import escape
    from rich.table import Table

    length = SHORT_ID
    while len({letter.id[:length] for letter in letters}) < len(letters):
        length += 1
    found = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("ID", "TIME (UTC)", "TOPIC"):
        found.add_column(heading, no_wrap=True)
    found.add_column("KEY", overflow="fold", max_width=LONGEST_KEY)
    found.add_column("ERROR", overflow="fold")
    for letter in shown:
        said = summary(letter)
        error = f"[red]{escape(said['error'])}[/red] {escape(said['message'])}"
        row = (escape(said["topic"]), escape(said["key"] or "-"), error)
        found.add_row(letter.id[:length], f"{letter.time:%m-%d %H:%M}", *row)
    return found


def _print_whole(whole: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    value, headers = whole.pop("value"), whole.pop("headers")
    console = Console(highlight=False)
    for title, pairs in (("", whole), ("headers", headers)):
        if title:
            console.print(f"\n[bold]{title}[/bold]" + ("" if pairs else "\nnone"))
        grid = Table.grid(padding=(0, 2))
        for name, text in pairs.items():
            grid.add_row(f"[dim]{escape(name)}[/dim]", escape(str(text)))
        console.print(grid)
    console.print("\n[bold]value[/bold]")
    if isinstance(value, str):
        console.print(escape(ascii(value)[1:-1] if not value.isprintable() else value))
    elif isinstance(value, dict) and set(value) == {"hex"}:
        console.print(value["hex"])
    elif value is None:
        console.print("none")
    else:
        console.print_json(data=value)

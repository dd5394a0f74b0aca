"""The diagram of the system, drawn from the catalogue of functions."""

import re

from events.topics import DEAD_LETTERS, TOPICS, bulk, lanes
from functions.catalog import EXPRESS, FUNCTIONS

BEGIN, END = "<!-- diagram -->", "<!-- /diagram -->"
OUTSIDE = {
    "sales": 'shops(["shops, files"])',
    "calendar": 'shops(["shops, files"])',
    "calendar-changes": 'spark["Spark Structured Streaming"]',
    "forecast-requests": 'askers(["HTTP API, CLI, schedule"])',
    "retrain-requests": 'askers(["HTTP API, CLI, schedule"])',
    "promotion-requests": 'people(["HTTP API, CLI"])',
    "maintenance-requests": 'askers(["HTTP API, CLI, schedule"])',
}


def mermaid() -> str:
    """A Mermaid flow chart: functions and what they store, joined by topics.

    Topics with two lanes are drawn once, as are the functions that read one lane each.
    """
    lines = ["flowchart LR"]
    drawn_once = [f for f in FUNCTIONS.values() if f.process != EXPRESS]
    for topic in dict.fromkeys(map(bulk, TOPICS)):
        writers = [f.name for f in drawn_once if topic in f.outputs]
        readers = [f.name for f in drawn_once if topic in f.inputs]
        if topic in ("sales", "calendar"):
            readers = ['spark["Spark Structured Streaming"]']
        ways = "⇉ " if len(lanes(topic)) > 1 else ""
        arrow = f"-. {topic} .->" if topic == DEAD_LETTERS else f"-- {ways}{topic} -->"
        if topic == DEAD_LETTERS:
            writers = ['any(["every reader, on bad input"])']
        for writer in writers or [OUTSIDE[topic]]:
            for reader in readers or ['world(["anyone"])']:
                lines.append(f"    {writer} {arrow} {reader}")
    lines.append('    spark --> postgres[("Postgres")]')
    lines += [f"    {function.name} <--> postgres" for function in drawn_once]
    return "\n".join(lines)


def drawn(text: str) -> str:
    """The text with the current diagram between its marks."""
    block = f"{BEGIN}\n```mermaid\n{mermaid()}\n```\n{END}"
    return re.sub(f"{BEGIN}.*?{END}", lambda _: block, text, flags=re.DOTALL)

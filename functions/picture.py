"""The picture of the system, drawn from the registry of functions.

`python -m functions.picture FILE [--check]` puts it between the file's `picture` marks.
"""

import re
import sys
from pathlib import Path

from events.topics import DEAD_LETTERS, TOPICS
from functions.catalog import FUNCTIONS

BEGIN, END = "<!-- picture -->", "<!-- /picture -->"
OUTSIDE = {
    "sales": 'shops(["shops, files"])',
    "calendar": 'shops(["shops, files"])',
    "retrain-requests": 'askers(["HTTP API, CLI, schedule"])',
    "promotion-requests": 'people(["HTTP API, CLI"])',
}


def mermaid() -> str:
    """A Mermaid flow chart: functions and what they store, joined by topics."""
    lines = ["flowchart LR"]
    for topic in TOPICS:
        writers = [f.name for f in FUNCTIONS.values() if topic in f.outputs]
        readers = [f.name for f in FUNCTIONS.values() if topic in f.inputs]
        if topic in ("sales", "calendar"):
            readers = ['spark["Spark Structured Streaming"]']
        arrow = f"-. {topic} .->" if topic == DEAD_LETTERS else f"-- {topic} -->"
        if topic == DEAD_LETTERS:
            writers = ['any(["every reader, on bad input"])']
        for writer in writers or [OUTSIDE[topic]]:
            for reader in readers or ['world(["anyone"])']:
                lines.append(f"    {writer} {arrow} {reader}")
    lines.append('    spark --> postgres[("Postgres")]')
    lines += [f"    {name} <--> postgres" for name in FUNCTIONS]
    return "\n".join(lines)


def drawn(text: str) -> str:
    """The text with the current picture between its marks."""
    block = f"{BEGIN}\n```mermaid\n{mermaid()}\n```\n{END}"
    return re.sub(f"{BEGIN}.*?{END}", lambda _: block, text, flags=re.DOTALL)


def main() -> None:
    """Draw, or with `--check` say whether the picture is current."""
    path = Path(sys.argv[1])
    text = path.read_text()
    if "--check" in sys.argv and drawn(text) != text:
        sys.exit(f"{path}: the picture is old; run python -m functions.picture {path}")
    path.write_text(drawn(text))


if __name__ == "__main__":
    main()

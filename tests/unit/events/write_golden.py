"""Writes the golden files that are missing: `python -m tests.unit.events.write_golden`.

A file that is there is never changed: another wire format is a new version of its type.
"""

import json
from pathlib import Path

from events.cloudevents import encode
from tests.unit.events.examples import DATA, example

GOLDEN = Path(__file__).parents[1] / "golden"


def write_missing(folder: Path = GOLDEN) -> list[str]:
    """The names of the files that were missing and are there now."""
    written = []
    for data in DATA:
        file = folder / f"{data.TYPE}.json"
        if file.exists():
            continue
        key, value, headers = encode(example(data))
        golden = {
            "key": key.decode(),
            "headers": {name: text.decode() for name, text in headers},
            "value": json.loads(value),
        }
        file.write_text(json.dumps(golden, indent=2, ensure_ascii=False) + "\n")
        written.append(file.name)
    return written


if __name__ == "__main__":
    print("\n".join(write_missing()) or "every type has its golden file")

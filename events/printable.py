"""Text from elsewhere, made safe to show: a terminal can't be steered by it, nor a line broken.

What a producer sends (keys, header names, values, and messages that quote them) may hold
escape sequences, text that runs the other way and characters without a shape. All of these
are shown as escapes; letters of any script stay.
"""

import json
from typing import Any


def one_line(text: str) -> str:
    """The text with everything that is not printable as \\x…, \\u… or \\U…."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def shown_json(value: Any, indent: int | None = None) -> str:
    """A value as JSON that reads back the same and holds nothing unprintable but line ends."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, default=str)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)

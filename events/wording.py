"""Word pydantic's validation errors plainly: what is required, and how to fix it.

Its own messages speak of inputs, strings and patterns; people who send events, requests or
settings know fields and values. Each error type is worded here; others use `OTHERWISE`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

SHOWN = 80  # characters of a bad value shown in a message: enough to recognise it
MAX_PROBLEMS = 20  # reported per document, which can have a hundred thousand
OTHERWISE = "can't be used as it is; the documents of events and of the API say what may stand here"

WORDS = {
    "missing": "is required, but missing: give it",
    "missing_argument": "is required, but missing: give it",
    "none_required": "must be null or left out",
    "string_type": "must be text",
    "string_unicode": "must be text in UTF-8",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "has too many digits; give a smaller number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "date_type": "must be a day like 2015-07-31",
    "date_parsing": "must be a day like 2015-07-31",
    "date_from_datetime_parsing": "must be a day like 2015-07-31",
    "date_from_datetime_inexact": "must be a day like 2015-07-31, without a time",
    "datetime_type": "must be a time like 2015-08-01T12:30:00Z",
    "datetime_parsing": "must be a time like 2015-08-01T12:30:00Z",
    "dict_type": "must be an object: names with values",
    "model_type": "must be an object: fields with values",
    "model_attributes_type": "must be an object: fields with values",
    "dataclass_type": "must be an object: fields with values",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "path_type": "must be the path of a file or folder",
    "extra_forbidden": "is not a field here; leave it out",
    "unexpected_keyword_argument": "is not a field here; leave it out",
    "recursion_loop": "contains itself; send plain data",
}
LIMITS = {
    "greater_than": ("gt", "must be more than {limit}"),
    "greater_than_equal": ("ge", "must be {limit} or more"),
    "less_than": ("lt", "must be less than {limit}"),
    "less_than_equal": ("le", "must be {limit} or less"),
    "string_too_short": ("min_length", "must have {limit} characters or more"),
    "string_too_long": ("max_length", "is too long; use {limit} characters at most"),
}


def in_words(item: Mapping[str, Any]) -> str:
    """Return one of a ValidationError's `errors()` as a sentence whose subject is the field."""
    kind, context = item["type"], item.get("ctx", {})
    if kind in WORDS:
        return WORDS[kind]
    if kind in LIMITS:
        bound, words = LIMITS[kind]
        return words.format(limit=written(context[bound]))
    match kind:
        case "too_short":
            least = context["min_length"]
            return f"has {_entries(context['actual_length'])}; give {written(least)} or more"
        case "too_long":
            most = written(context["max_length"])
            seen = context.get("actual_length")
            return f"has {_entries(seen) if seen else 'too many entries'}; give {most} at most"
        case "literal_error" | "enum":
            return f"must be {context['expected']}"
        case "value_error" | "assertion_error":
            return str(context["error"])
        case "json_invalid":
            return f"Invalid JSON: {context['error']}; send one JSON object in UTF-8"
        case "json_type":
            return "is no JSON; send one JSON object in UTF-8"
    return OTHERWISE


def place(location: Sequence[int | str], whole: str) -> str:
    """Return the path of a value, as `series.0.store`; `whole` if the error has no path."""
    parts = [str(part) for part in location if part != "[key]"]
    return _cut("".join(c if c.isprintable() else ascii(c)[1:-1] for c in ".".join(parts))) or whole


def shown(value: object) -> str:
    """A value as a message repeats it: as JSON has it, text in quotes, and no more than helps."""
    if isinstance(value, str):
        # Shorten before encoding: a value may have a megabyte, of which a message shows little.
        return _cut(repr(value[: SHOWN + 1]), len(value) > SHOWN)
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, bool | int | float | None | list | tuple | dict):
        try:
            return _cut(json.dumps(value, ensure_ascii=False, default=str))
        except (ValueError, TypeError, RecursionError):
            return _cut(repr(value))
    if isinstance(value, bytes | bytearray):
        return shown(bytes(value[: SHOWN + 1]).decode(errors="replace"))
    return _cut(str(value))


def _cut(text: str, longer: bool = False) -> str:
    return text[:SHOWN] + "…" if longer or len(text) > SHOWN else text


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count:,} entries"


def written(value: object) -> str:
    """A limit as people write it: 1,000,000,000, not 1e9 or 1000000000.0."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"{value:,}" if isinstance(value, int | float) else str(value)

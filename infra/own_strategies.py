"""Parse user-defined strategies from the JSON of the setting `strategies`."""

import json
from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import Any

from pydantic import TypeAdapter, ValidationError

from events.payloads import Name
from events.wording import in_words, shown
from functions.forecasting.strategy import KINDS, Strategies, Strategy, table
from functions.forecasting.strategy.kinds import BASELINES, RECENT

_NAME = TypeAdapter[str](Name)
_BY_KIND: dict[str, type[Strategy]] = {kind.kind: kind for kind in KINDS}
_MEASURED = {  # former fields of strategies that are fields of the backtest now
    "n_splits": "SHELFCAST_BACKTEST_FOLDS",
    "interval_level": "SHELFCAST_INTERVAL_LEVEL",
}


def read(own: Mapping[str, Mapping[str, Any]]) -> Strategies:
    """Return built-in and user-defined strategies. ValueError names invalid fields.

    An entry may leave out its kind: its other fields tell.
    """
    return table([_read(name, values) for name, values in own.items()])


def _read(name: str, values: Mapping[str, Any]) -> Strategy:
    _check_name(name, values)
    kind = _kind_of(name, values)
    if kind in ("prophet", "warm-start"):  # the method says no more than the kind does
        values = {field: value for field, value in values.items() if field != "method"}
    adapter = TypeAdapter[Strategy](_BY_KIND[kind])
    try:
        return adapter.validate_json(json.dumps({**values, "kind": kind, "name": name}))
    except ValidationError as error:
        problems = (_problem(name, kind, item) for item in error.errors())
        raise ValueError("; ".join(problems)) from None


def _check_name(name: str, values: Mapping[str, Any]) -> None:
    try:
        _NAME.validate_python(name)
    except ValidationError:
        raise ValueError(
            f"strategy {name!r}: no request can ask for that name; use up to 64 characters "
            "without slashes, control characters and blanks at the ends"
        ) from None
    if "name" in values:
        raise ValueError(
            f"strategy {name!r}: name is {values['name']!r}; leave it out, the key is its name"
        )


def _kind_of(name: str, values: Mapping[str, Any]) -> str:
    if "kind" in values:
        kind = values["kind"]
        if kind not in _BY_KIND:
            raise ValueError(
                f"strategy {name!r}: kind is {kind!r}; there are {', '.join(_BY_KIND)}"
            )
        return str(kind)
    if values.get("members") and values.get("candidates"):
        raise ValueError(
            f"strategy {name!r}: members is {values['members']!r}; it can't have candidates as well"
        )
    method = values.get("method", "prophet")
    if "members" in values:
        return "ensemble"
    if "candidates" in values:
        return "selection"
    for kind, methods in (
        ("prophet", ("prophet",)),
        ("warm-start", ("warm-start",)),
        ("baseline", BASELINES),
        ("recent", RECENT),
    ):
        if method in methods:
            return kind
    known = ("prophet", "warm-start", *BASELINES, *RECENT)
    raise ValueError(f"strategy {name!r}: method is {method!r}; there are {', '.join(known)}")


def _problem(name: str, kind: str, item: Any) -> str:
    field = ".".join(map(str, item["loc"]))
    if item["type"] == "value_error":  # the strategy's own check, which names all there is
        return str(item["ctx"]["error"])
    if item["type"] != "unexpected_keyword_argument":
        return f"strategy {name!r}: {field} is {shown(item['input'])}; it {in_words(item)}"
    start = f"strategy {name!r}: {field} is {item['input']!r}, but"
    if field in _MEASURED:
        return f"{start} all strategies are measured alike; set {_MEASURED[field]}"
    known = [each.name for each in fields(_BY_KIND[kind]) if each.name not in ("name", "kind")]
    close = get_close_matches(field, known, n=1)
    hint = f"Did you mean {close[0]}? " if close else ""
    return f"{start} kind {kind!r} has no such field. {hint}There are {', '.join(known)}"

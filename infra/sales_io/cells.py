"""What a cell of text means, judged by the contracts of sales and of plans themselves.

Each reader takes one text and returns its value, or raises ValueError with the reason.
`Column` applies a reader to a whole column, once for each distinct text: a million rows
have about a thousand distinct dates.
"""

import datetime as dt
import re
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter, ValidationError

from events.errors import SHOWN
from events.payloads import CalendarPlanned, Finite, Payload, SaleRecorded
from events.wording import in_words
from infra.sales_io.source import Texts

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
OPEN = {"1": True, "true": True, "yes": True, "open": True, "y": True, "t": True, "1.0": True}
CLOSED = dict.fromkeys(("0", "false", "no", "closed", "n", "f", "0.0"), False)
UNSAID = -1
MOST_REMEMBERED = 500_000  # distinct texts of one column kept in memory

Reader = Callable[[str], Any]


def _of_contract(payload: type[Payload], field: str) -> TypeAdapter[Any]:
    declared = payload.model_fields[field]
    judged: Any = Annotated[declared.annotation, declared]
    return TypeAdapter(judged, config={"strict": True})


_NAME, _SOLD_DAY, _UNITS = (
    _of_contract(SaleRecorded, field) for field in ("store", "date", "units")
)
_PLANNED_DAY = _of_contract(CalendarPlanned, "date")
_DRIVER: TypeAdapter[float] = TypeAdapter(Finite)


def name(text: str) -> str:
    """A store or a product."""
    if not text:
        raise ValueError("empty; a series needs its name")
    found: str = _judged(_NAME, text)
    return found


def day(text: str, form: str | None = None, planned: bool = False) -> dt.date:
    """A calendar day: ISO, or of the given `strptime` form; no time of day.

    A sale's can't be in the future, a planned one can.
    """
    if not text:
        raise ValueError("empty; every row needs its day")
    if form is None and not ISO_DAY.fullmatch(text):
        raise ValueError("no date like 2015-07-31; name its form with --date-format")
    try:
        if form is None:
            found = dt.date.fromisoformat(text)
        else:
            moment = dt.datetime.strptime(text, form)
            if moment.time() != dt.time():
                raise ValueError("a time of day")
            found = moment.date()
    except ValueError as error:
        raise ValueError(f"no calendar day: {error}") from None
    judged: dt.date = _judged(_PLANNED_DAY if planned else _SOLD_DAY, found)
    return judged


def units(text: str) -> float:
    """What was sold."""
    judged: float = _judged(_UNITS, number(text))
    return judged


def driver(text: str) -> float:
    """A driver's number; NaN for an empty cell, which says nothing about that day."""
    return _judged(_DRIVER, number(text)) if text else float("nan")


def is_open(text: str) -> bool:
    """Whether the store was open."""
    found = (OPEN | CLOSED).get(text.lower())
    if found is None:
        raise ValueError("neither open nor closed; use 1 or 0, true or false")
    return found


def is_planned_open(text: str) -> int:
    """Whether the store will be open: 1 or 0, and -1 for an empty cell, which does not say."""
    return int(is_open(text)) if text else UNSAID


def number(text: str) -> float:
    """A plain decimal number with a point; minus zero is zero."""
    if not text:
        raise ValueError("empty; a number is missing")
    if not NUMBER.fullmatch(text):
        raise ValueError("no number; use digits and a decimal point")
    return float(text) + 0.0


def is_number(text: str) -> bool:
    """Whether `number` takes the text."""
    return NUMBER.fullmatch(text) is not None


def _judged(adapter: TypeAdapter[Any], value: Any) -> Any:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise ValueError("; ".join(map(in_words, error.errors()))) from None


class Column:
    """A reader for whole columns that remembers what it has read."""

    def __init__(self, reader: Reader, dtype: str, blank: Any) -> None:
        self._reader, self._dtype, self._blank = reader, dtype, blank
        self._known: dict[str, tuple[Any, str | None]] = {}

    def read(self, texts: Texts) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """The values, and for each the reason why it is none (None where it is one)."""
        codes, distinct = pd.factorize(texts)
        if len(self._known) > MOST_REMEMBERED:
            self._known.clear()
        judged = [self._judge(text) for text in distinct]
        values = np.empty(len(judged), dtype=self._dtype)
        reasons = np.empty(len(judged), dtype=object)
        for at, (value, reason) in enumerate(judged):
            values[at], reasons[at] = value, reason
        return values[codes], reasons[codes]

    def _judge(self, text: str) -> tuple[Any, str | None]:
        if (known := self._known.get(text)) is not None:
            return known
        try:
            known = (self._reader(text.strip()), None)
        except ValueError as error:
            known = (self._blank, str(error))
        self._known[text] = known
        return known


def shown(text: str) -> str:
    """As much of a bad value as it takes to recognise it."""
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"

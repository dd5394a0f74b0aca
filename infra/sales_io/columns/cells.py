"""What a single cell means. The payload contracts of sales and plans decide what is valid.

Each reader takes one text and returns its value, or raises ValueError with the reason. `Column`
applies a reader to a whole column, once for each distinct text: a million rows have about a
thousand distinct dates.
"""

import datetime as dt
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter, ValidationError

from events.errors import SHOWN
from events.payloads import MAX_UNITS, CalendarPlanned, Finite, Payload, SaleRecorded
from events.wording import in_words
from infra.sales_io.columns.date_rule import DayRule
from infra.sales_io.columns.numbers import Decimal, read_number
from infra.sales_io.columns.series_names import NameRule
from infra.sales_io.columns.vocabulary import CLOSED, OPEN, is_empty, plain_word, yes_or_no

UNSAID = -1
MAX_REMEMBERED = 500_000  # distinct texts of one column kept in memory

Reader = Callable[[str], Any]


def _of_contract(payload: type[Payload], field: str) -> TypeAdapter[Any]:
    declared = payload.model_fields[field]
    valid: Any = Annotated[declared.annotation, declared]
    return TypeAdapter(valid, config={"strict": True})


_NAME, _SOLD_DAY = (_of_contract(SaleRecorded, field) for field in ("store", "date"))
_PLANNED_DAY = _of_contract(CalendarPlanned, "date")
_DRIVER: TypeAdapter[float] = TypeAdapter(Finite)


def name(text: str, rule: NameRule | None = None) -> str:
    """The name of a store or a product."""
    found: str = _valid(_NAME, (rule or NameRule()).read(text), "a name that Shelfcast can't keep")
    return found


def day(text: str, rule: DayRule | None = None, planned: bool = False) -> dt.date:
    """A calendar day, read by its column's rule. A planned day can be in the future."""
    if not text:
        raise ValueError("empty; every row needs its day")
    found = (rule or DayRule()).read(text)
    valid: dt.date = _valid(_PLANNED_DAY if planned else _SOLD_DAY, found)
    return valid


def amount(text: str, decimal: Decimal | None = None) -> float:
    """The units of a row; below zero they are a return."""
    found = number(text, decimal)
    if abs(found) > MAX_UNITS:
        raise ValueError(f"more than {MAX_UNITS:,.0f}, the most units of a day")
    return found


def driver(text: str, decimal: Decimal | None = None) -> float:
    """A driver's number; NaN for an empty cell."""
    if is_empty(text):
        return float("nan")
    valid: float = _valid(_DRIVER, number(text, decimal), "a number that is too large")
    return valid


def flag(text: str) -> float:
    """1 for yes and 0 for no in any language; NaN for an empty cell."""
    if is_empty(text):
        return float("nan")
    found = yes_or_no(text)
    if found is None:
        raise ValueError("neither yes nor no; use 1 or 0, true or false")
    return found


def is_open(text: str) -> bool:
    """Whether the store was open."""
    word = plain_word(text)
    if word in OPEN or word in CLOSED:
        return word in OPEN
    raise ValueError("neither open nor closed; use 1 or 0, true or false")


def is_planned_open(text: str) -> int:
    """Whether the store will be open: 1 or 0, and -1 (UNSAID) for an empty cell."""
    return UNSAID if is_empty(text) else int(is_open(text))


def number(text: str, decimal: Decimal | None = None) -> float:
    """A number of a column with this decimal mark; minus zero becomes zero."""
    if is_empty(text):
        raise ValueError("empty; a number is missing")
    return read_number(text, decimal)


def _valid(adapter: TypeAdapter[Any], value: Any, otherwise: str = "") -> Any:
    """The value if the contract allows it; else ValueError with `otherwise` or its reason."""
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        said = "; ".join(map(in_words, error.errors()))
        raise ValueError(otherwise or said) from None


class Column:
    """Applies a reader to whole columns and remembers the values of texts."""

    def __init__(self, reader: Reader, dtype: str, blank: Any) -> None:
        self._reader, self._dtype, self._blank = reader, dtype, blank
        self._known: dict[str, tuple[Any, str | None]] = {}

    def read(
        self, texts: np.ndarray[Any, np.dtype[np.object_]]
    ) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """The values, and for each the reason why its text has none (None if it has one)."""
        codes, distinct = pd.factorize(texts)
        if len(self._known) > MAX_REMEMBERED:
            self._known.clear()
        valid = [self._read(text) for text in distinct]
        values = np.empty(len(valid), dtype=self._dtype)
        reasons = np.empty(len(valid), dtype=object)
        for at, (value, reason) in enumerate(valid):
            values[at], reasons[at] = value, reason
        return values[codes], reasons[codes]

    def _read(self, text: str) -> tuple[Any, str | None]:
        if (known := self._known.get(text)) is not None:
            return known
        try:
            known = (self._reader(text.strip()), None)
        except ValueError as error:
            known = (self._blank, str(error))
        self._known[text] = known
        return known


def shown(text: str) -> str:
    """The start of a bad value, enough to recognise it."""
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"

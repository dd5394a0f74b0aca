"""The first reading of a file, which decides how each column is read.

A broken file is refused here. All values of a column decide on its decimal mark, its form of days
and its kind of driver, so every row has the same drivers; and progress knows the number of rows.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from events.clock import utc_today
from events.payloads import LATEST_DAY, MAX_DRIVERS
from infra.errors import BadInput
from infra.sales_io.columns.date_form_choice import DateColumn
from infra.sales_io.columns.date_rule import DayRule
from infra.sales_io.columns.driver_kinds import DriverColumn, DriverRule
from infra.sales_io.columns.layout import ColumnChoice, Layout, choose_layout, snake_case
from infra.sales_io.columns.numbers import MARK, Decimal, NumberColumn, read_number
from infra.sales_io.columns.series_names import NameColumn, NameRule
from infra.sales_io.tables.encodings import UTF8
from infra.sales_io.tables.opening import open_source
from infra.sales_io.tables.source import Source, TextChunk

MAX_KNOWN = 500_000  # distinct texts of a column that are kept in memory
AHEAD = 1  # days that a store may be ahead of UTC

Counted = Callable[[int], None]
Choose = Callable[[Sequence[str], ColumnChoice], Layout]  # for sales or for a calendar


@dataclass(frozen=True, slots=True)
class Reading:
    """How each column is read, as its values or a person decided.

    `notes` tell a person what they might not expect.
    """

    day: DayRule = field(default_factory=DayRule)
    names: dict[str, NameRule] = field(default_factory=dict)
    decimals: dict[str, Decimal] = field(default_factory=dict)
    drivers: dict[str, DriverRule] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SurveyedFile:
    """A surveyed file. `labels` has the words of each driver's column that is of words."""

    source: Source
    layout: Layout
    rows: int
    labels: dict[str, tuple[str, ...]]
    reading: Reading = field(default_factory=Reading)

    @property
    def drivers(self) -> tuple[str, ...]:
        """The names of the drivers, in the order of their columns."""
        names: list[str] = []
        for column, name in self.layout.drivers.items():
            labels = self.labels.get(column)
            names += [name] if labels is None else [label_driver(name, it) for it in labels]
        return tuple(dict.fromkeys(names))


def survey(
    path: Path,
    choice: ColumnChoice | None = None,
    *,
    choose: Choose = choose_layout,
    encoding: str = UTF8,
    delimiter: str | None = None,
    counted: Counted | None = None,
) -> SurveyedFile:
    """Read the whole file once; BadInput if it or the choice of columns can't be used.

    If the values of a column allow two readings, BadInput names the option that decides. `counted`
    is called with the number of rows so far.
    """
    choice = choice or ColumnChoice()
    source = open_source(path, encoding, delimiter, choice.sheet)
    try:
        layout = choose(source.header, choice)
        columns = _Columns(source, layout, choice)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    rows = headers = 0
    for chunk in source.chunks(layout.columns):
        rows += len(chunk.lines) + len(chunk.misshapen)
        headers += chunk.headers
        columns.look(chunk)
        if counted is not None:
            counted(rows)
    if rows == 0:
        raise BadInput(f"{path}: a header and no rows")
    try:
        reading = columns.decide(headers)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    labels = {c: rule.labels for c, rule in reading.drivers.items() if rule.labels is not None}
    surveyed = SurveyedFile(source, layout, rows, labels, reading)
    if len(surveyed.drivers) > MAX_DRIVERS:
        raise BadInput(
            f"{path}: --driver-columns: the words make {len(surveyed.drivers)} drivers; "
            f"at most {MAX_DRIVERS}"
        )
    return surveyed


class _Columns:
    """What is known so far about each column that is read."""

    def __init__(self, source: Source, layout: Layout, choice: ColumnChoice) -> None:
        self._source, self._layout, self._choice = source, layout, choice
        rule = NameRule(slash=choice.replace_slash, shorten=choice.shorten_names)
        self._names = {
            column: NameColumn(choice.names_as_written, rule)
            for column in (layout.store, layout.product)
            if column is not None
        }
        self._dates = DateColumn(DayRule.named(choice.date_format, choice.time_zone))
        self._units = NumberColumn()
        self._drivers = {column: DriverColumn() for column in layout.drivers}
        self._known: dict[str, set[str]] = {column: set() for column in layout.columns}

    def look(self, chunk: TextChunk) -> None:
        """Take note of the texts of a chunk that are new."""
        for column, names in self._names.items():
            for text in self._new(column, chunk):
                names.look(text)
        for text in self._new(self._layout.date, chunk):
            self._dates.look(text)
        if self._layout.units is not None:
            for text in self._new(self._layout.units, chunk):
                self._units.look(text)
        for column, driver in self._drivers.items():
            codes, distinct = pd.factorize(chunk.columns[column])
            counts = np.bincount(codes, minlength=len(distinct)).tolist()
            driver.look(zip(distinct, counts, strict=True), self._known[column])
            self._remember(column, distinct)

    def decide(self, headers: int) -> Reading:
        """How each column is read."""
        notes = [*self._source.notes]
        if headers:
            notes.append(f"{headers} repeated header line{'s' * (headers > 1)} left out")
        sold = self._layout.units is not None
        latest = utc_today() + dt.timedelta(days=AHEAD) if sold else LATEST_DAY
        day, said = self._dates.decide(self._layout.date, latest)
        notes += [f"{self._layout.date}: {said}"] if said else []
        names = {}
        for column, found in self._names.items():
            names[column], said = found.decide(column)
            notes += [f"{column}: {said}"] if said else []
        drivers = {
            column: found.decide(column, self._layout.labels.get(column, ()))
            for column, found in self._drivers.items()
        }
        numbers = {
            column: found.numbers
            for column, found in self._drivers.items()
            if drivers[column] == DriverRule()
        }
        if self._layout.units is not None:
            numbers[self._layout.units] = self._units
        decimals = {column: self._decimal(column, found) for column, found in numbers.items()}
        notes += [
            f"{column}: decimal comma, {example} is {read_number(example, 'comma'):.12g}"
            for column, decimal in decimals.items()
            if decimal == "comma" and (example := _example(numbers[column]))
        ]
        return Reading(day, names, decimals, drivers, tuple(notes))

    def _decimal(self, column: str, found: NumberColumn) -> Decimal:
        if len(found.currencies) > 1:
            some = " and ".join(list(found.currencies.values())[:2])
            raise BadInput(
                f"{column}: amounts in {len(found.currencies)} currencies, like {some}; convert "
                "them into one"
            )
        if column in self._source.typed:
            return "point"
        if self._choice.decimal is not None:
            return self._choice.decimal
        if found.is_mixed:
            point, comma = found.examples["point"], found.examples["comma"]
            raise BadInput(
                f"{column}: some numbers have a decimal point ({point}), others a decimal comma "
                f"({comma}); write them alike, or give --decimal point or comma and the others "
                "are rejected"
            )
        if (decimal := found.decimal) is not None:
            return decimal
        example = found.open_example
        as_point, as_comma = (f"{read_number(example, decimal):.12g}" for decimal in MARK)
        raise BadInput(
            f"{column}: numbers like {example} have two readings, and too few values of the column "
            f"decide; give --decimal comma ({example} is {as_comma}) or --decimal point "
            f"({as_point})"
        )

    def _new(self, column: str, chunk: TextChunk) -> Iterator[str]:
        known = self._known[column]
        distinct = pd.unique(chunk.columns[column])
        yield from (text for text in distinct if text not in known)
        self._remember(column, distinct)

    def _remember(self, column: str, texts: Any) -> None:
        known = self._known[column]
        if len(known) > MAX_KNOWN:
            known.clear()
        known.update(texts)


def _example(found: NumberColumn) -> str:
    return found.open_example or found.examples.get("comma", "")


def label_driver(name: str, label: str) -> str:
    """The driver's name of one word in a column of words."""
    return f"{name}_{snake_case(label)}"

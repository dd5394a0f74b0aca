"""A look over the whole of a file before any of it is published.

So a broken file is refused, progress knows its end, and drivers are the same in every row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from events.payloads import MOST_DRIVERS
from infra.sales_io import cells
from infra.sales_io.errors import BadInput
from infra.sales_io.layout import ColumnChoice, Layout, choose_layout, snake_case
from infra.sales_io.source import UTF8, Source, TextChunk, open_source

MOST_LABELS = 20  # different words in a driver's column; beyond, it is a column of numbers

Counted = Callable[[int], None]
Look = Callable[[Layout, TextChunk], None]
Choose = Callable[[Sequence[str], ColumnChoice], Layout]  # of sales, or of a calendar


@dataclass(frozen=True, slots=True)
class SurveyedFile:
    """A file that was surveyed. `labels` has the words of each driver column made of words."""

    source: Source
    layout: Layout
    rows: int
    labels: dict[str, tuple[str, ...]]

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
    look: Look | None = None,
) -> SurveyedFile:
    """Look over the whole file; BadInput when it or the choice of columns can't be used.

    `look` is shown every part of it.
    """
    source = open_source(path, encoding, delimiter)
    try:
        layout = choose(source.header, choice or ColumnChoice())
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    rows = 0
    texts: dict[str, set[str]] = {column: set() for column in layout.drivers}
    for chunk in source.chunks(layout.columns):
        rows += len(chunk.lines) + len(chunk.misshapen)
        for column, found in texts.items():
            if len(found) <= MOST_LABELS + 1:
                found |= {text.strip() for text in pd.unique(chunk.columns[column])}
        if look is not None:
            look(layout, chunk)
        if counted is not None:
            counted(rows)
    if rows == 0:
        raise BadInput(f"{path}: a header and no rows")
    labels = {
        column: words
        for column, found in texts.items()
        if (words := _labels(found.union(layout.labels.get(column, ())))) is not None
    }
    surveyed = SurveyedFile(source, layout, rows, labels)
    if len(surveyed.drivers) > MOST_DRIVERS:
        raise BadInput(
            f"{path}: --driver-columns: the labels make {len(surveyed.drivers)} drivers; "
            f"at most {MOST_DRIVERS}"
        )
    return surveyed


def _labels(texts: set[str]) -> tuple[str, ...] | None:
    """The words of a driver's column; None for a column of numbers."""
    words = texts - {""}
    if len(words) > MOST_LABELS or all(cells.is_number(word) for word in words):
        return None
    return tuple(sorted(word for word in words if word != "0" and snake_case(word)))


def label_driver(name: str, label: str) -> str:
    """The driver of one word of a column of words."""
    return f"{name}_{snake_case(label)}"

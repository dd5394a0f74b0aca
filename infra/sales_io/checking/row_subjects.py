"""The store, product and day that each row is about."""

from functools import partial

import numpy as np

from infra.sales_io.checking.row_problems import RowProblems, Values
from infra.sales_io.checking.survey import Reading
from infra.sales_io.columns import cells
from infra.sales_io.columns.layout import TOTAL, Layout
from infra.sales_io.tables.source import Texts

EPOCH = 719_163  # the ordinal of 1970-01-01
ALL = ""  # in a calendar: every store, every product


class RowSubjects:
    """Reads the columns of store, product and date."""

    def __init__(self, layout: Layout, reading: Reading) -> None:
        self._layout, planned = layout, layout.units is None
        day = partial(cells.day, rule=reading.day, planned=planned)
        self._names = {
            column: cells.Column(partial(cells.name, rule=reading.names.get(column)), "object", "")
            for column in (layout.store, layout.product)
            if column is not None
        }
        self._days = cells.Column(lambda text: day(text).toordinal(), "int64", EPOCH)
        self._product = ALL if planned else TOTAL

    def read(self, problems: RowProblems) -> tuple[Texts, Texts, Values]:
        """The stores, products and days (as ordinals) of the rows; notes what can't be read."""
        layout = self._layout
        stores = self._named(problems, layout.store, ALL)
        products = self._named(problems, layout.product, self._product)
        return stores, products, problems.read(self._days, layout.date)

    def _named(self, problems: RowProblems, column: str | None, otherwise: str) -> Texts:
        if column is None:
            return np.full(len(problems.chunk.lines), otherwise, "object")
        return problems.read(self._names[column], column)

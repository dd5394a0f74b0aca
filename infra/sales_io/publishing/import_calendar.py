"""For whom a calendar's plans are, and which drivers they name, before any is published."""

import numpy as np
import pandas as pd

from infra.sales_io.checking.days_seen import DaysSeen
from infra.sales_io.checking.rows import read_rows
from infra.sales_io.checking.survey import SurveyedFile
from infra.sales_io.publishing.event_records import FIXED

Scope = tuple[str, str]  # store and product, '' for all


def planned_scopes(file: SurveyedFile) -> dict[frozenset[str], list[Scope]]:
    """The scopes of the file's good rows, by the drivers that their rows say anything of."""
    said: dict[Scope, set[str]] = {}
    for chunk in read_rows(file, DaysSeen(), None):
        drivers = [name for name in chunk.frame.columns if name not in FIXED]
        codes, scopes = pd.factorize(pd.MultiIndex.from_frame(chunk.frame[["store", "product"]]))
        given = np.zeros((len(scopes), len(drivers)), np.bool_)
        np.logical_or.at(given, codes, chunk.frame[drivers].notna().to_numpy())
        for (store, product), row in zip(scopes, given, strict=True):
            of_scope = said.setdefault((str(store), str(product)), set())
            of_scope.update(name for name, so in zip(drivers, row, strict=True) if so)
    found: dict[frozenset[str], list[Scope]] = {}
    for scope, names in said.items():
        found.setdefault(frozenset(names), []).append(scope)
    return found

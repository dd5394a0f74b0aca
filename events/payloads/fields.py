"""What fields of events are made of: names, days, numbers, and their bounds."""

import datetime as dt
import re
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema

from events import names
from events.clock import utc_today

EARLIEST_DAY = dt.date(1900, 1, 1)
LATEST_DAY = dt.date(2200, 1, 1)
MAX_INTEGER = 2**31 - 1  # of a column of Postgres
MAX_DRIVERS = 64
MAX_SERIES = 5000  # named one by one; they fit into an event
MAX_DAYS_OLD = 36_600  # a century
MAX_HORIZON = 90  # days; a model from 120 days says little beyond a quarter
DEFAULT_HORIZON = 7  # days: the coming week
EXPRESS_SERIES = 16  # that a run has at most to go on the express lane: what a person waits for
Name = Annotated[str, AfterValidator(names.name), WithJsonSchema(names.NAME_SCHEMA)]
KeptName = Annotated[str, AfterValidator(names.kept_name), WithJsonSchema(names.NAME_SCHEMA)]
RunId = Annotated[str, AfterValidator(names.run_id), WithJsonSchema(names.RUN_ID_SCHEMA)]
Text = Annotated[str, AfterValidator(names.one_line_text), WithJsonSchema(names.TEXT_SCHEMA)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Drivers = Annotated[dict[Name, Finite], Field(max_length=MAX_DRIVERS)]
Version = Annotated[int, Field(ge=1, le=MAX_INTEGER)]
Policy = Literal["always", "if-better", "never"]
PromotionAction = Literal["promote", "rollback"]
Lane = Literal["bulk", "express"]


def _written_as_a_day(value: object, info: ValidationInfo) -> object:
    # Pydantic would read the string "20150731" as seconds since 1970.
    if info.mode != "json" or not isinstance(value, str):
        return value
    return _day(value)


@lru_cache(4096)  # sales of many series share few days
def _day(text: str) -> dt.date:
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) is None:
        raise ValueError("a day is written as YYYY-MM-DD")
    return dt.date.fromisoformat(text)


Day = Annotated[dt.date, BeforeValidator(_written_as_a_day)]


@lru_cache(4096)  # a day that was accepted stays acceptable; a refusal is not kept
def sold_by_tomorrow(day: dt.date) -> dt.date:
    """A day of sales: at most the tomorrow of UTC; ValueError else."""
    # A store ahead of UTC may already live in UTC's tomorrow; nobody lives beyond it.
    if day > (latest := utc_today() + dt.timedelta(days=1)):
        raise ValueError(f"a sale's date can't be after {latest}; send the store's calendar day")
    if day < EARLIEST_DAY:
        raise ValueError(f"a sale's date can't be before {EARLIEST_DAY}")
    return day


@lru_cache(4096)
def imaginable(day: dt.date) -> dt.date:
    """A day between the earliest and the latest that are taken; ValueError else."""
    if not EARLIEST_DAY <= day <= LATEST_DAY:
        raise ValueError(f"must be a day from {EARLIEST_DAY} to {LATEST_DAY}")
    return day


ImaginableDay = Annotated[Day, AfterValidator(imaginable)]

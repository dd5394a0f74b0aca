"""The tables that are kept from events: which topic's events are the rows of which table.

A column of a table is the field of that name of the topic's payload. What a key leaves unset
means all, and is '' in the table, where a name has at least one character.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
import pyarrow as pa
from sqlalchemy import Boolean, Date, DateTime, Double, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from events.payloads import CalendarPlanned, Payload, SaleRecorded, SalesRemoved
from infra.postgres.schema import calendar, daily_sales, sales_removals

ALL = ""  # in a key: every store, every product
EVENT_ID, RECORDED_AT = "event_id", "recorded_at"  # the event's own, whatever it says
_JSONB_VERSION = b"\x01"  # with which Postgres' binary form of a jsonb value starts
ARROW_TYPES: dict[type[Any], pa.DataType] = {
    Text: pa.string(),
    Date: pa.date32(),
    Double: pa.float64(),
    Boolean: pa.bool_(),
    JSONB: pa.binary(),
    DateTime: pa.timestamp("us", "UTC"),
}


@dataclass(frozen=True)
class Projection:
    """A table and the events that it is kept from: those of one type, on that type's topic."""

    payload: type[Payload]
    table: Table

    @property
    def topic(self) -> str:
        """Where the events are."""
        return self.payload.TOPIC

    @property
    def group(self) -> str:
        """Who dead letters say has read them."""
        return f"{self.topic}-sink"

    @cached_property
    def schema(self) -> pa.Schema:
        """The table's columns in Arrow, without those that Postgres fills in."""
        filled = [column for column in self.table.columns if column.server_default is None]
        return pa.schema([(c.name, ARROW_TYPES[type(c.type)]) for c in filled])

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The columns of the primary key."""
        return tuple(column.name for column in self.table.primary_key)

    def column(self, name: str, values: Sequence[Any]) -> Any:
        """The column in Arrow of what events say in a field; an error of Arrow or a ValueError or
        TypeError for a value that it does not take.
        """
        kind = self.schema.field(name).type
        if pa.types.is_binary(kind):
            return pa.array([_JSONB_VERSION + orjson.dumps(value) for value in values], kind)
        column: Any = pa.array(values, kind)
        return column.fill_null(ALL) if name in self.keys and column.null_count else column


SALES = Projection(SaleRecorded, daily_sales)
CALENDAR = Projection(CalendarPlanned, calendar)
KEPT = {kept.topic: kept for kept in (SALES, CALENDAR)}
REMOVALS = Projection(SalesRemoved, sales_removals)
# Rare events that share a topic with those it is there for.
BESIDE = {REMOVALS.payload: REMOVALS}

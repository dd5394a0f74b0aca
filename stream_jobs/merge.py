"""Rows into their table: a binary COPY and one merging statement in one transaction.

Many rows at once are mostly a history that is new: they are first tried by COPY into the table
itself, a third of the work. Any key that is there already, or twice among them, undoes it, and
the rows are merged.

For each key the newest event wins, by its time and then its id, whatever the order
and however often events come. Rows are merged in the order of the primary key, so that
merges at the same time never wait for each other in a circle.
An outage (Postgres away, starting, full, or a lost race) is waited out for as long as it
lasts. Rows that Postgres refuses for their own sake are found by halving and handed back.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from typing import TypeVar

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
import stamina

from stream_jobs.removals import merge_removals, merge_sales, none_was_taken_back
from stream_jobs.tables import REMOVALS, SALES, Projection

log = logging.getLogger(__name__)

# Of fewer rows nobody notices the difference, and they are as often corrections as not.
MIN_COPIED = 1000
# Batches that are merged unasked after one that was not new: the next are mostly like it, and a
# COPY that is undone leaves dead rows.
MERGED_AFTER_CLASH = 10
FIRST_WAIT, MAX_WAIT, JITTER = 0.1, 15.0, 1.0  # seconds between tries in an outage
# libpq: a server that vanished without a word counts as away after this long.
PATIENCE = {"connect_timeout": "10", "tcp_user_timeout": "30000"}
# SQLSTATE classes. https://www.postgresql.org/docs/current/errcodes-appendix.html
ROW_AT_FAULT = ("22", "23", "54")  # data exception, constraint, limit of a row or index
PASSING = ("08", "40", "53", "55", "57", "58", "25006")  # 25006: a standby during a failover


def merge_statement(kept: Projection, table: str, staging: str) -> str:
    """The statement that merges what is in `staging` into `table`, the newest event winning."""
    keys, columns = ", ".join(kept.keys), ", ".join(kept.schema.names)
    values = [name for name in kept.schema.names if name not in kept.keys]
    changes = ", ".join(f"{name} = excluded.{name}" for name in values)
    return f"""
        INSERT INTO {table} AS kept ({columns})
        SELECT DISTINCT ON ({keys}) {columns}
        FROM {staging}
        ORDER BY {keys}, recorded_at DESC, event_id DESC
        ON CONFLICT ({keys}) DO UPDATE SET {changes}
        WHERE (excluded.recorded_at, excluded.event_id) > (kept.recorded_at, kept.event_id)
    """  # noqa: S608 - names of our own schema


def _merge_alone(cursor: adbc.Cursor, merging: str, _: str) -> None:
    cursor.execute(merging)


MERGES = {SALES: merge_sales, REMOVALS: merge_removals}
# The tables that histories are loaded into, and what must hold for rows to go by COPY alone.
COPIES = {SALES: none_was_taken_back}
T = TypeVar("T")


@dataclass(frozen=True)
class Refused:
    """A row that Postgres does not take: its number among those given, and Postgres' words."""

    row: int
    message: str


@cache
def merged_table(kept: Projection, database: str) -> "MergedTable":
    """The table through this process's own connection, kept from batch to batch."""
    return MergedTable(kept, database)


class MergedTable:
    """A table over one connection, opened when needed and again after it was lost."""

    def __init__(self, kept: Projection, database: str) -> None:
        self._address = _with_patience(database, kept.group)
        self._connection: adbc.Connection | None = None
        self._staging = f"{kept.table.name}_staging"
        self._create_staging = (
            f"CREATE TEMPORARY TABLE {self._staging} (LIKE {kept.table.name} INCLUDING DEFAULTS)"
            " ON COMMIT DELETE ROWS"
        )
        self._merging = merge_statement(kept, kept.table.name, f"pg_temp.{self._staging}")
        self._steps = MERGES.get(kept, _merge_alone)
        self._kept = kept
        self._may_copy = COPIES.get(kept)
        self._merged_unasked = 0

    def merge(self, rows: pa.Table) -> list[Refused]:
        """Merge the rows, each part durable when this returns; what Postgres refuses."""
        if not rows.num_rows or self._is_copied(rows):
            return []
        return self._merge(rows, 0)

    def close(self) -> None:
        """Let go of the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _is_copied(self, rows: pa.Table) -> bool:
        """Whether the rows were all new, and are in the table now."""
        if self._may_copy is None or rows.num_rows < MIN_COPIED:
            return False
        if self._merged_unasked:
            self._merged_unasked -= 1
            return False
        # Sorted, the key's index grows page by page, and no two at once wait in a circle.
        ordered = rows.sort_by([(name, "ascending") for name in self._kept.keys])
        try:
            return self._through_outages(partial(self._copy, ordered))
        except adbc.DatabaseError as error:
            if not _state(error).startswith(ROW_AT_FAULT):
                raise
            self._merged_unasked = MERGED_AFTER_CLASH
            return False

    def _copy(self, rows: pa.Table, cursor: adbc.Cursor) -> bool:
        if self._may_copy is None or not self._may_copy(cursor):
            return False
        cursor.adbc_ingest(self._kept.table.name, rows, mode="append")
        return True

    def _stage_and_merge(self, rows: pa.Table, cursor: adbc.Cursor) -> None:
        cursor.adbc_ingest(self._staging, rows, mode="append", db_schema_name="pg_temp")
        self._steps(cursor, self._merging, f"pg_temp.{self._staging}")

    def _merge(self, rows: pa.Table, first: int) -> list[Refused]:
        try:
            self._through_outages(partial(self._stage_and_merge, rows))
        except adbc.DatabaseError as error:
            if not _state(error).startswith(ROW_AT_FAULT):
                raise
            if rows.num_rows == 1:
                return [Refused(first, _message(error))]
            half = rows.num_rows // 2
            return self._merge(rows[:half], first) + self._merge(rows[half:], first + half)
        return []

    def _through_outages(self, step: Callable[[adbc.Cursor], T]) -> T:
        """The step in a transaction, again until no outage is in its way."""
        for attempt in stamina.retry_context(
            on=is_outage,
            attempts=None,
            timeout=None,
            wait_initial=FIRST_WAIT,
            wait_max=MAX_WAIT,
            wait_jitter=JITTER,
        ):
            with attempt:
                try:
                    with self._transaction() as cursor:
                        done = step(cursor)
                    return done
                except adbc.Error as error:
                    if is_outage(error):
                        log.warning("outage, trying again: %s", _message(error))
                    raise
        raise AssertionError("tries have no end")

    @contextmanager
    def _transaction(self) -> Iterator[adbc.Cursor]:
        """A transaction; after any error its connection is given up, and with it what it did."""
        try:
            if self._connection is None:
                self._connection = adbc.connect(self._address, autocommit=True)
                with self._connection.cursor() as cursor:
                    cursor.execute(self._create_staging)
            with self._connection.cursor() as cursor:
                cursor.execute("BEGIN")
                yield cursor
                cursor.execute("COMMIT")
        except BaseException:  # interrupted too: an open transaction must not be gone on with
            with suppress(adbc.Error):
                self.close()
            raise


def is_outage(error: Exception) -> bool:
    """Whether the same merge may well work later."""
    if not isinstance(error, adbc.Error):
        return False
    state = _state(error)
    # Without a state nobody answered, or the server turned the connection away.
    return state.startswith(PASSING) if state else isinstance(error, adbc.OperationalError)


def _state(error: adbc.Error) -> str:
    return error.sqlstate or ""


def _message(error: adbc.Error) -> str:
    details = dict(error.details or ())
    said = details.get(b"PG_DIAG_MESSAGE_PRIMARY") or details.get("PG_DIAG_MESSAGE_PRIMARY")
    if said is None:
        return " ".join(str(error).split())
    return f"{said.decode(errors='replace')} (SQLSTATE {_state(error)})"


def _with_patience(database: str, name: str) -> str:
    wanted = PATIENCE | {"application_name": name}
    options = "&".join(f"{name}={value}" for name, value in wanted.items() if name not in database)
    return f"{database}{'&' if '?' in database else '?'}{options}"

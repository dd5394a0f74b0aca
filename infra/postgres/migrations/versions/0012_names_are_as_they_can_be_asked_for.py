"""Names that were stored before they were looked at closely become what can be asked for

A name of letters and marks apart (NFD), with odd blanks, signs that nobody sees, or dots alone
could be forecast and not asked for, and its shop's newer sales came in under the name as it is
kept now. So sales and plans join those of that name, of two of a day the newest, and models,
forecasts and their history go with them where that name has none; where it has, they stay as they
are, and the log names them.
"""

import logging
import unicodedata
from typing import Any

import sqlalchemy as sa
from alembic import op

from events.names import ALL_DOTS, BLANK_LETTERS, UNSEEN, name

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

log = logging.getLogger(__name__)
Series = tuple[str, str]

BY_DAY = ("daily_sales", "calendar", "removed_sales")
# Of a series, and none of a name that is free.
OF_MODELS = ("model_versions", "training_results", "pruned_models", "alias_history")
WITH_THEM = ("model_aliases", "served_forecasts", "forecasts")
NAMED = (*BY_DAY, "sales_removals", *OF_MODELS)

OLD = "store = :old_store AND product = :old_product"
NEW = "store = :store AND product = :product"
RENAME = f"UPDATE {{table}} SET store = :store, product = :product WHERE {OLD}"
# Of two rows of a day the older one goes.
OF_TWO = """
DELETE FROM {table} AS one USING {table} AS other
WHERE one.date = other.date
  AND (one.recorded_at, one.event_id) {than} (other.recorded_at, other.event_id)
  AND one.store = :{one}store AND one.product = :{one}product
  AND other.store = :{other}store AND other.product = :{other}product
"""


def mended(text: str) -> str:
    """The name as it is kept now; unchanged where there is no such."""
    tries = [text, text + "_"] if text in ALL_DOTS else [text, _seen(text)]
    for each in tries:
        try:
            return name(each)
        except ValueError:
            continue  # the next one
    return text  # '' stands for all stores or products; one too long stays


def _seen(text: str) -> str:
    letters = unicodedata.normalize("NFC", text).replace("/", "-")
    kept = (c for c in letters if unicodedata.category(c) not in UNSEEN and c not in BLANK_LETTERS)
    return "".join(kept).strip()


def upgrade() -> None:
    connection = op.get_bind()
    series: set[Series] = set()
    for table in NAMED:
        found = connection.execute(sa.text(f"SELECT DISTINCT store, product FROM {table}"))
        series |= {(row[0], row[1]) for row in found if None not in row}
    odd = sorted(pair for pair in series if pair != _mended(pair))
    if odd:
        op.execute("ALTER TABLE alias_history DISABLE TRIGGER append_only")
    for pair in odd:
        _rename(connection, pair, _mended(pair))
    if odd:
        op.execute("ALTER TABLE alias_history ENABLE TRIGGER append_only")
    for column in ("store", "product"):
        asked = connection.execute(sa.text(f"SELECT DISTINCT {column} FROM training_runs"))
        for (old,) in asked.all():
            if old is not None and (new := mended(old)) != old:
                connection.execute(
                    sa.text(f"UPDATE training_runs SET {column} = :new WHERE {column} = :old"),
                    {"new": new, "old": old},
                )


def _mended(pair: Series) -> Series:
    return mended(pair[0]), mended(pair[1])


def _rename(connection: sa.Connection, old: Series, new: Series) -> None:
    names = dict(zip(("old_store", "old_product", "store", "product"), (*old, *new)))

    def run(statement: str) -> sa.CursorResult[Any]:
        return connection.execute(sa.text(statement), names)

    for table in BY_DAY:
        run(OF_TWO.format(table=table, than="<=", one="old_", other=""))
        run(OF_TWO.format(table=table, than="<", one="", other="old_"))
        run(RENAME.format(table=table))
    run(RENAME.format(table="sales_removals"))
    if any(run(f"SELECT 1 FROM {table} WHERE {NEW} LIMIT 1").first() for table in OF_MODELS):
        log.warning("models of %r stay under that name: %r has some of its own", old, new)
        return
    for table in (*OF_MODELS, *WITH_THEM):
        run(RENAME.format(table=table))
    log.warning("%r is now %r, as it can be asked for", old, new)


def downgrade() -> None:
    """The names of before are not known any more, and nothing needs them."""

"""What functions are told once plans are in the calendar: of which series and days.

One task's plans are a few events, whatever their number. One that a repeated task sends again
has the same id, and asks for the same forecasts.
"""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from events.envelope import derive_id, first_event
from events.log import Record
from events.payloads import MAX_SCOPES, CalendarChanged, ScopeRef
from events.publisher import to_record
from stream_jobs.tables import ALL

SOURCE = "shelfcast/calendar-sink"


def calendar_changes(rows: pa.Table, read: pa.RecordBatch) -> list[Record]:
    """The events for merged rows of the calendar; `read` begins with the first record of them."""
    if not rows.num_rows:
        return []
    days: Any = pc.min_max(rows.column("date"))
    pairs = rows.select(["store", "product"]).group_by(["store", "product"]).aggregate([])
    scopes = sorted(zip(*(column.to_pylist() for column in pairs.columns), strict=True))
    if (ALL, ALL) in scopes:
        scopes = [(ALL, ALL)]
    first = read.slice(0, 1).to_pylist()[0]
    records = []
    for at in range(0, len(scopes), MAX_SCOPES):
        change_id = f"calendar:{first['partition']}:{first['offset']}:{at // MAX_SCOPES}"
        changed = CalendarChanged(
            change_id=change_id,
            scopes=tuple(
                ScopeRef(store=store or None, product=product or None)
                for store, product in scopes[at : at + MAX_SCOPES]
            ),
            first_day=days["min"].as_py(),
            last_day=days["max"].as_py(),
        )
        event_id = derive_id(changed.TYPE, change_id)
        records.append(to_record(first_event(changed, SOURCE, event_id=event_id)))
    return records

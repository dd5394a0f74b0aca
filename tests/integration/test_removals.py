"""Sales and removals into a real Postgres, in any order: what holds is what the events say."""

import datetime as dt
from collections.abc import Iterator, Sequence

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from events.cloudevents import encode
from events.envelope import Event, first_event
from events.payloads import SaleRecorded, SalesRemoved
from functions.retention import REMOVALS_KEPT, Retention, Table, limits
from infra.postgres.migrate import migrate
from infra.postgres.storage import PostgresStorage
from stream_jobs import merge
from stream_jobs.merge import MergedTable
from stream_jobs.removals import SHARED
from stream_jobs.sink import persist_into
from stream_jobs.tables import Projection
from tests.unit.stream_jobs.records import batch

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
FIRST = dt.date(2026, 2, 1)
STORES, DAYS, IMPORTS = ("1", "2"), tuple(FIRST + dt.timedelta(n) for n in range(3)), ("x", "y")
TABLES = "daily_sales, sales_removals, removed_sales"
REMOVALS: tuple[Table, ...] = ("sales_removals", "removed_sales")

Said = Event[SaleRecorded] | Event[SalesRemoved]
Days = dict[tuple[str, dt.date], float]


class Sink:
    """What a task of the job does, into a database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.tables: dict[Projection, MergedTable] = {}

    def read(self, events: Sequence[Said], at_once: int = 100) -> None:
        """Merge the events in their order, so many records at a time."""
        parts = [events[at : at + at_once] for at in range(0, len(events), at_once)]
        for part in parts:
            records = batch(*[(value, headers) for _, value, headers in map(encode, part)])
            assert list(persist_into(self._table, iter([records]))) == []

    def _table(self, kept: Projection) -> MergedTable:
        return self.tables.setdefault(kept, MergedTable(kept, self.url))

    def days(self) -> Days:
        """Units of each day there is."""
        with psycopg.connect(self.url) as connection:
            rows = connection.execute("SELECT store, date, units FROM daily_sales").fetchall()
        return {(store, day): units for store, day, units in rows}

    def empty(self) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(f"TRUNCATE {TABLES}".encode())

    def close(self) -> None:
        for table in self.tables.values():
            table.close()


@pytest.fixture(scope="module")
def shared(servers, migrated: str) -> Iterator[Sink]:
    """One for all examples of a property."""
    name = "test_removals"
    with psycopg.connect(servers.database, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {migrated}".encode())
    url = f"{servers.database.rsplit('/', 1)[0]}/{name}"
    migrate(url)
    sink = Sink(url)
    yield sink
    sink.close()


@pytest.fixture
def sink(shared: Sink) -> Sink:
    shared.empty()
    return shared


def sold(
    store: str = "1",
    day: dt.date = FIRST,
    units: float = 1,
    minutes: int = 0,
    import_id: str | None = None,
    event_id: str | None = None,
) -> Event[SaleRecorded]:
    sale = SaleRecorded(store=store, product="milk", date=day, units=units, import_id=import_id)
    time = NOON + dt.timedelta(minutes=minutes)
    return first_event(
        sale, "till", event_id=event_id or f"{store}{day}{units}{minutes}", time=time
    )


def removed(
    store: str | None = "1",
    minutes: int = 5,
    import_id: str | None = None,
    days: tuple[dt.date | None, dt.date | None] = (None, None),
    event_id: str | None = None,
) -> Event[SalesRemoved]:
    series = {} if store is None else {"store": store, "product": "milk"}
    data = SalesRemoved(
        **series, first_day=days[0], last_day=days[1], import_id=import_id, requested_by="test"
    )
    time = NOON + dt.timedelta(minutes=minutes)
    return first_event(data, "test", event_id=event_id or f"removed-{minutes}", time=time)


def expected(events: Sequence[Said]) -> Days:
    """The newest sale of each day, unless a later removal covers it."""
    newest: dict[tuple[str, dt.date], Event[SaleRecorded]] = {}
    for event in events:
        if isinstance(event.data, SaleRecorded):
            key = (event.data.store, event.data.date)
            known = newest.get(key)
            if known is None or (event.time, event.id) > (known.time, known.id):
                newest[key] = event
    removals = [event for event in events if isinstance(event.data, SalesRemoved)]
    return {
        key: sale.data.units
        for key, sale in newest.items()
        if not any(_covers(removal, sale) for removal in removals)
    }


def _covers(removal: Event[SalesRemoved], sale: Event[SaleRecorded]) -> bool:
    what = removal.data
    if what.import_id is not None:
        concerned = what.import_id == sale.data.import_id
    else:
        concerned = (
            what.store == sale.data.store
            and (what.first_day or dt.date.min) <= sale.data.date
            and sale.data.date <= (what.last_day or dt.date.max)
        )
    return concerned and (sale.time, sale.id) < (removal.time, removal.id)


def test_a_series_or_some_of_its_days_are_taken_back_and_others_stay(sink: Sink) -> None:
    sink.read([sold(store, day) for store in STORES for day in DAYS])
    sink.read([removed("1", days=(DAYS[1], None), event_id="a")])
    assert sorted(sink.days()) == [("1", DAYS[0]), *(("2", day) for day in DAYS)]
    sink.read([removed("2", event_id="b")])
    assert sorted(sink.days()) == [("1", DAYS[0])]


def test_an_old_sale_that_is_read_again_does_not_come_back_and_a_new_one_does(sink: Sink) -> None:
    old, gone, new = sold(minutes=0), removed(minutes=5), sold(units=7, minutes=9)
    sink.read([old, gone, old], at_once=1)
    assert sink.days() == {}
    sink.read([new, old, gone], at_once=1)
    assert sink.days() == {("1", FIRST): 7}


def test_what_an_import_overwrote_does_not_come_back(sink: Sink) -> None:
    before, wrong = sold(units=5), sold(units=3.49, minutes=1, import_id="x")
    other_day = sold(day=DAYS[1], units=6)
    sink.read([before, other_day, wrong, removed(None, import_id="x"), before], at_once=1)
    assert sink.days() == {("1", DAYS[1]): 6}


def test_an_import_is_taken_back_though_its_removal_is_read_first(sink: Sink) -> None:
    before, wrong = sold(units=5), sold(units=3.49, minutes=1, import_id="x")
    sink.read([before, removed(None, import_id="x"), wrong, before], at_once=1)
    assert sink.days() == {}


def test_a_removal_that_is_said_again_takes_back_no_more_than_at_first(sink: Sink) -> None:
    first, again = removed(minutes=5, event_id="a"), removed(minutes=9, event_id="a")
    sink.read([first, sold(minutes=7, units=2), again], at_once=1)
    assert sink.days() == {("1", FIRST): 2}
    sink.empty()
    sink.read([sold(minutes=7, units=2), again, first])
    assert sink.days() == {("1", FIRST): 2}


ids = st.sampled_from(["a", "b", "c", "d"])
minutes = st.integers(0, 3)
sales = st.builds(
    sold,
    st.sampled_from(STORES),
    st.sampled_from(DAYS),
    st.integers(1, 99).map(float),
    minutes,
    st.none() | st.sampled_from(IMPORTS),
    ids,
)
spans = st.tuples(*[st.none() | st.sampled_from(DAYS)] * 2).filter(
    lambda days: None in days or days[0] <= days[1]
)
removals = st.builds(
    removed, st.sampled_from(STORES), minutes, st.none(), spans, ids.map("r{}".format)
) | st.builds(
    removed,
    st.none(),
    minutes,
    st.sampled_from(IMPORTS),
    st.just((None, None)),
    ids.map("r{}".format),
)


@given(
    st.lists(sales, max_size=12, unique_by=lambda e: (e.data.store, e.data.date, e.time, e.id)),
    st.lists(removals, max_size=4, unique_by=lambda e: e.id),
    st.data(),
)
@settings(max_examples=100)
def test_the_order_the_batches_and_repeats_change_nothing(
    shared: Sink, some: list[Said], taken_back: list[Said], data: st.DataObject
) -> None:
    shared.empty()
    events = [*some, *taken_back]
    repeats = data.draw(st.lists(st.sampled_from(events), max_size=5)) if events else []
    order = data.draw(st.permutations([*events, *repeats]))
    with pytest.MonkeyPatch.context() as patch:
        if data.draw(st.booleans(), label="new rows by COPY, however few"):
            patch.setattr(merge, "MIN_COPIED", 1)
            patch.setattr(merge, "MERGED_AFTER_CLASH", 0)
        shared.read(order, at_once=data.draw(st.integers(1, 6)))
    assert shared.days() == expected(events)


def aged(sink: Sink, table: str, days: int) -> None:
    """As if the rows had last decided something so many days ago."""
    with psycopg.connect(sink.url) as connection:
        asked = sql.SQL("UPDATE {} SET decided_at = decided_at - make_interval(days => %s)")
        connection.execute(asked.format(sql.Identifier(table)), [days])


def ages(sink: Sink, table: str) -> list[int]:
    with psycopg.connect(sink.url) as connection:
        asked = sql.SQL("SELECT extract(day FROM now() - decided_at)::int FROM {} ORDER BY 1")
        return [age for (age,) in connection.execute(asked.format(sql.Identifier(table)))]


async def pruned(sink: Sink) -> dict[str, int]:
    """Rows of removals that go, as was told before."""
    storage = PostgresStorage(sink.url)
    to = limits(Retention(), dt.datetime.now(dt.UTC))
    told = {each.table: each.rows for each in await storage.prunable(to)}
    gone = {}
    for table in REMOVALS:
        step = await storage.prune(table, to, None, 100)
        assert step is not None
        assert step.complete
        gone[table] = step.rows
    await storage.close()
    assert gone == {table: told[table] for table in REMOVALS}
    return gone


async def test_what_has_no_removals_is_pruned_while_sales_are_merged(sink: Sink) -> None:
    storage = PostgresStorage(sink.url)
    to = limits(Retention(), dt.datetime.now(dt.UTC))
    with psycopg.connect(sink.url) as merge:
        merge.execute(SHARED.encode())
        assert await storage.prune("forecasts", to, None, 100) is not None
        assert await storage.prune("sales_removals", to, None, 100) is None
    assert await storage.prune("sales_removals", to, None, 100) is not None
    await storage.close()


async def test_a_removal_goes_once_nobody_can_send_again_what_it_held_back(sink: Sink) -> None:
    sink.read([sold(minutes=0), sold("2", import_id="x"), removed(), removed(None, 6, "x")])
    for table in REMOVALS:
        aged(sink, table, REMOVALS_KEPT.days - 1)
    assert await pruned(sink) == {"sales_removals": 0, "removed_sales": 0}
    for table in REMOVALS:
        aged(sink, table, 2)
    assert await pruned(sink) == {"sales_removals": 2, "removed_sales": 1}


async def test_a_removal_stays_for_as_long_as_a_sale_that_it_held_back_late_may_come_again(
    sink: Sink,
) -> None:
    old, late = sold(minutes=0), sold("2", minutes=1)
    wrong = sold("2", minutes=2, import_id="x")
    sink.read([wrong, removed(), removed(None, 6, "x")])
    for table in REMOVALS:
        aged(sink, table, REMOVALS_KEPT.days - 1)
    sink.read([old])
    assert ages(sink, "sales_removals") == [0, REMOVALS_KEPT.days - 1]
    sink.read([wrong])
    assert ages(sink, "sales_removals") == [0, 0]
    aged(sink, "removed_sales", REMOVALS_KEPT.days - 1)
    sink.read([late])
    assert ages(sink, "removed_sales") == [0]
    assert sink.days() == {}

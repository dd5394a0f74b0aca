"""The job `python -m stream_jobs.sales` between a real Kafka and a real Postgres."""

import asyncio
import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from confluent_kafka import Producer as Librdkafka

from events.dead_letters import DeadLetter, waiting
from events.envelope import Event, derive_id, first_event
from events.kafka import KafkaProducer, partition_of, read_topic
from events.log import Record
from events.payloads import CalendarPlanned, Payload, SaleRecorded, SalesRemoved
from events.publisher import to_record
from events.topics import TOPICS
from infra.kafka.topics import provision
from infra.local import jars, process, stack
from infra.local.java import java_home
from infra.local.state import read_state
from infra.postgres.migrate import migrate
from infra.settings import Settings
from tests.integration.damage import damage, overwritten, unknown_codec, wrong_length

PROJECT = Path(__file__).parents[3]
NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
DAY = dt.date(2026, 2, 28)


# What hangs has to end some day, on however busy a machine; nothing else here is timed.
pytestmark = pytest.mark.timeout(1800)


def wait_until(holds: Callable[[], Any]) -> Any:
    """Whatever `holds` gives once it is true."""
    while not (found := holds()):
        time.sleep(0.1)
    return found


class Job:
    """The job as a process of its own, which can be killed and started again."""

    def __init__(self, settings: Settings, home: Path) -> None:
        self.settings, self.home = settings, home
        self.log = home / "job.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        ready = self.home / "sales.ready"
        ready.unlink(missing_ok=True)
        own = {
            "PYTHONPATH": str(PROJECT),
            "SHELFCAST_HOME": str(self.home),
            "SHELFCAST_DATABASE_URL": self.settings.database,
            "SHELFCAST_KAFKA_BOOTSTRAP": self.settings.kafka_bootstrap,
            "SHELFCAST_JARS": str(jars.folder()),
            "SHELFCAST_READY_FILE": str(ready),
            "JAVA_HOME": str(java_home(self.home)),
        }
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "stream_jobs.sales"],
                env={**os.environ, **own},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        wait_until(lambda: ready.exists() or self._ended())
        assert ready.exists(), self.log.read_text()

    def end(self, which: signal.Signals) -> int:
        """Send the signal to the job alone, wait for all of its family; the exit code."""
        assert self.process is not None
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(which)
        code = self.process.wait()
        _, alive = psutil.wait_procs(family, 300)
        for member in alive:
            member.kill()
        self.process = None
        assert not alive, f"left behind: {alive}"
        return code

    def logged(self, text: str) -> int:
        return self.log.read_text().count(text)

    def _ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None


class System:
    """A Kafka, a Postgres and the job, with what the tests ask of them."""

    def __init__(self, settings: Settings, home: Path) -> None:
        self.settings, self.home = settings, home
        self.job = Job(settings, home)

    def publish(self, *records: Event[Payload] | Record) -> None:
        async def send() -> None:
            producer = KafkaProducer(self.settings.kafka)
            try:
                await producer.send([r if isinstance(r, Record) else to_record(r) for r in records])
            finally:
                await producer.close()

        asyncio.run(send())

    def rows(self, store: str) -> dict[dt.date, tuple[float, str]]:
        query = "SELECT date, units, event_id FROM daily_sales WHERE store = %s ORDER BY date"
        with psycopg.connect(self.settings.database) as connection:
            return {day: (u, e) for day, u, e in connection.execute(query, [store]).fetchall()}

    def plans(self, product: str) -> list[tuple[Any, ...]]:
        query = (
            "SELECT store, date, open, drivers, event_id, recorded_at FROM calendar"
            " WHERE product = %s ORDER BY store, date"
        )
        with psycopg.connect(self.settings.database) as connection:
            return connection.execute(query, [product]).fetchall()

    def letters(self) -> list[DeadLetter]:
        return waiting(asyncio.run(read_topic(self.settings.kafka, "dead-letters")))

    def settle(self, series: str, day: int) -> None:
        """Wait until all that was sent of the series so far has been merged."""
        # Order holds within a series, so whatever was sent before this day came before it.
        marker = sale(series, 0, day=DAY - dt.timedelta(days=day))
        self.publish(marker)
        wait_until(lambda: expected([marker]).items() <= self.rows(series).items())

    def stop_server(self, name: str) -> None:
        record = read_state(self.home).processes[name]
        which = signal.SIGINT if name == "postgres" else signal.SIGTERM
        process.stop(record, which, 30)

    def start_servers(self) -> None:
        started = Settings(_env_file=None, home=self.home, database_url=None, kafka_bootstrap=None)
        again = stack.up(started, names=("postgres", "kafka"))
        assert (again.database, again.kafka) == (self.settings.database, self.settings.kafka)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    home = tmp_path_factory.mktemp("sales-job")
    with stack.running(home, ("postgres", "kafka")) as settings:
        migrate(settings.database)
        provision(settings.kafka)
        system = System(settings, home)
        try:
            system.job.start()
            yield system
        finally:
            if system.job.process is not None:
                system.job.end(signal.SIGTERM)


def sale(
    store: str,
    units: float,
    event_id: str | None = None,
    minutes: int = 0,
    day: dt.date = DAY,
    product: str = "milk",
    import_id: str | None = None,
) -> Event[Payload]:
    data = SaleRecorded(store=store, product=product, date=day, units=units, import_id=import_id)
    event_id = event_id or derive_id(store, product, str(day), str(units), str(minutes))
    time_ = NOON + dt.timedelta(minutes=minutes)
    return first_event(data, "test", event_id=event_id, time=time_)


def removed(minutes: int = 5, **said: Any) -> Event[Payload]:
    data = SalesRemoved(requested_by="test", **said)
    time_ = NOON + dt.timedelta(minutes=minutes)
    return first_event(data, "test", event_id=f"removed-{minutes}-{data.key}", time=time_)


def plan(
    product: str,
    store: str | None = None,
    event_id: str = "a",
    minutes: int = 0,
    date: dt.date = dt.date(2030, 1, 1),
    **said: Any,
) -> Event[Payload]:
    data = CalendarPlanned(store=store, product=product, date=date, **said)
    return first_event(data, "test", event_id=event_id, time=NOON + dt.timedelta(minutes=minutes))


def days(store: str, count: int) -> list[Event[Payload]]:
    return [sale(store, n, day=DAY - dt.timedelta(days=n)) for n in range(count)]


def expected(events: Sequence[Event[Payload]]) -> dict[dt.date, tuple[float, str]]:
    return {e.data.date: (e.data.units, e.id) for e in events if isinstance(e.data, SaleRecorded)}


def test_a_sale_becomes_a_row(system: System) -> None:
    data = SaleRecorded(
        store="one", product="milk", date=DAY, units=3.5, open=True, drivers={"promo": 1.0}
    )
    event = first_event(data, "test", time=NOON)
    system.publish(event)
    query = (
        "SELECT product, date, units, open, drivers, event_id, recorded_at FROM daily_sales"
        " WHERE store = 'one'"
    )
    with psycopg.connect(system.settings.database, autocommit=True) as connection:
        row = wait_until(lambda: connection.execute(query).fetchone())
    assert row == ("milk", DAY, 3.5, True, {"promo": 1}, event.id, NOON)


def test_the_newest_event_of_a_day_wins_in_whatever_order_and_however_often_they_come(
    system: System,
) -> None:
    first, correction = sale("late", 1, minutes=0), sale("late", 2, minutes=5)
    system.publish(correction, first, first, correction)
    system.settle("late", day=1)
    assert system.rows("late")[DAY] == (2, correction.id)
    newest = sale("late", 3, minutes=9)
    system.publish(newest)
    system.settle("late", day=2)
    system.publish(first, newest, correction)
    system.settle("late", day=3)
    assert system.rows("late")[DAY] == (3, newest.id)


def test_of_two_events_of_the_same_time_the_greater_id_wins(system: System) -> None:
    system.publish(sale("tied", 1, "a"), sale("tied", 2, "c"), sale("tied", 3, "b"))
    system.settle("tied", day=1)
    assert system.rows("tied")[DAY] == (2, "c")
    system.publish(sale("tied", 3, "b"))
    system.settle("tied", day=2)
    assert system.rows("tied")[DAY] == (2, "c")


def test_a_day_that_was_taken_back_stays_so_until_it_is_sold_anew(system: System) -> None:
    old, new = sale("gone", 1), sale("gone", 7, minutes=9)
    taken = removed(store="gone", product="milk", first_day=DAY, last_day=DAY)
    system.publish(taken, old, old)
    system.settle("gone", day=1)
    assert DAY not in system.rows("gone")
    system.publish(new, taken, old)
    system.settle("gone", day=2)
    assert system.rows("gone")[DAY] == (7, new.id)


def test_an_import_that_was_taken_back_leaves_nothing_though_it_is_read_again(
    system: System,
) -> None:
    before, wrong = sale("swapped", 5), sale("swapped", 3, minutes=1, import_id="import-1")
    system.publish(before, wrong)
    system.settle("swapped", day=1)
    assert system.rows("swapped")[DAY] == (3, wrong.id)
    system.publish(removed(import_id="import-1"))
    wait_until(lambda: DAY not in system.rows("swapped"))
    system.publish(before, wrong)
    system.settle("swapped", day=2)
    assert DAY not in system.rows("swapped")


def test_a_plan_becomes_a_row_of_the_calendar(system: System) -> None:
    closed, promoted = plan("flour", "7", "c", open=False), plan("flour", drivers={"promo": 0.5})
    system.publish(closed, promoted)
    rows = wait_until(lambda: found if len(found := system.plans("flour")) == 2 else None)
    day = dt.date(2030, 1, 1)
    assert rows == [("", day, None, {"promo": 0.5}, "a", NOON), ("7", day, False, {}, "c", NOON)]


def test_the_newest_plan_of_a_day_wins_in_whatever_order_and_however_often_they_come(
    system: System,
) -> None:
    old = plan("salt", event_id="z", drivers={"promo": 1})
    tied = plan("salt", event_id="a", minutes=5, drivers={"promo": 2})
    newest = plan("salt", event_id="b", minutes=5, open=True)
    for number, order in enumerate([(newest, old), (tied, newest, old, tied)]):
        # Order holds within a key: with this one's row all that was sent before is merged.
        marker = plan("salt", event_id="marker", date=dt.date(2031, 1, 1 + number))
        system.publish(*order, marker)
        wait_until(lambda: len(system.plans("salt")) == 2 + number)  # noqa: B023 - called at once
        assert system.plans("salt")[0][2:5] == (True, {}, "b")


def test_a_record_that_is_no_plan_becomes_a_dead_letter_of_its_topic(system: System) -> None:
    good, bad = plan("eggs", "1"), to_record(plan("eggs", "2"))
    poison = Record("calendar", bad.key, b'{"date": "soon"}', bad.headers)
    system.publish(poison, good)
    wait_until(lambda: system.plans("eggs"))

    def found() -> list[DeadLetter]:
        return [letter for letter in system.letters() if letter.topic == "calendar"]

    (letter,) = wait_until(found)
    assert (letter.value, letter.group, letter.error) == (
        b'{"date": "soon"}',
        "calendar-sink",
        "InvalidPayload",
    )
    assert "date" in letter.message


def test_a_poisoned_record_becomes_a_dead_letter_as_it_came_and_harms_no_other(
    system: System,
) -> None:
    good = days("poison", 50)
    records = [to_record(event) for event in good]
    key, headers = records[0].key, records[0].headers
    nul = to_record(sale("poison", 1, "nul\0id", product="refused"))
    wrong = to_record(sale("poison", 1, product="refused"))
    wrong_value = (wrong.value or b"").replace(b'"units":1.0', b'"units":"many"')
    poison = [
        Record("sales", key, b"\xff\x00 no JSON", headers),
        Record("sales", None, None, []),
        Record("sales", key, b"x" * 900_000, [("note", b"\xfe")]),
        Record("sales", wrong.key, wrong_value, wrong.headers),
        nul,
    ]
    system.publish(*records[:25], *poison, *records[25:])
    wait_until(lambda: system.rows("poison") == expected(good))

    def of_sales() -> list[DeadLetter]:
        return [letter for letter in system.letters() if letter.topic == "sales"]

    letters = wait_until(lambda: found if len(found := of_sales()) == 5 else None)
    kept = {(letter.key, letter.value, tuple(letter.headers)) for letter in letters}
    assert kept == {(bad.key, bad.value, tuple(bad.headers)) for bad in poison}
    by_value = {letter.value: letter for letter in letters}
    assert "units" in by_value[wrong_value].message
    assert "'many'" in by_value[wrong_value].message
    assert by_value[nul.value].error == "Refusal"
    assert "Postgres refuses" in by_value[nul.value].message
    assert all(letter.group == "sales-sink" for letter in letters)


def test_records_of_other_clients_large_aborted_or_ahead_end_nothing(system: System) -> None:
    def client(codec: str, **options: str) -> Librdkafka:
        return Librdkafka(
            {
                "bootstrap.servers": system.settings.kafka_bootstrap,
                "compression.type": codec,
                "message.max.bytes": 100_000_000,
                **options,
            }
        )

    codecs = ("gzip", "snappy", "lz4", "zstd")
    for codec in codecs:
        producer, good = client(codec), to_record(sale("foreign", 1, product=codec))
        producer.produce("sales", good.value, good.key, headers=list(good.headers))
        if codec != "snappy":  # which does not make a megabyte of so much
            large = b"x" * 8_000_000
            producer.produce("sales", large, b"large", headers=[("codec", codec.encode())])
        assert producer.flush(60) == 0
    till = client("none", **{"transactional.id": "till"})
    till.init_transactions(60)
    till.begin_transaction()
    aborted = to_record(sale("foreign", 777, product="aborted"))
    till.produce("sales", aborted.value, aborted.key, headers=list(aborted.headers))
    till.flush(60)
    till.abort_transaction(60)
    ahead = to_record(sale("foreign", 999, product="ahead"))
    headers = dict(ahead.headers) | {"ce_time": b"2999-01-01t00:00:00z"}
    system.publish(Record("sales", ahead.key, ahead.value, list(headers.items())))
    right = sale("foreign", 10, product="ahead")
    system.publish(right)

    def products() -> dict[str, float]:
        query = "SELECT product, units FROM daily_sales WHERE store = 'foreign'"
        with psycopg.connect(system.settings.database) as connection:
            return dict(connection.execute(query).fetchall())

    wait_until(lambda: products() == {**dict.fromkeys(codecs, 1.0), "ahead": 10.0})
    large = wait_until(
        lambda: (
            found if len(found := [x for x in system.letters() if x.key == b"large"]) == 3 else None
        )
    )
    assert all("of 8,000,000 bytes" in str(letter.cut) for letter in large)
    # A letter comes after the rows of its batch.
    of_ahead = wait_until(lambda: [x.error for x in system.letters() if x.key == ahead.key])
    assert of_ahead == ["ClockAhead"]


def test_damaged_batches_are_passed_and_named_and_every_sound_sale_is_kept(system: System) -> None:
    damaged = {"torn-crc": overwritten, "torn-codec": unknown_codec, "torn-length": wrong_length}
    sound = {f"sound-{n}": days(f"sound-{n}", 10) for n in range(12)}  # in every partition

    def publish(first: int, end: int) -> None:
        system.publish(*(event for events in sound.values() for event in events[first:end]))

    def merged(end: int) -> bool:
        return all(system.rows(name) == expected(events[:end]) for name, events in sound.items())

    passing = "damaged records, reading around them"
    begun = system.job.logged(passing)
    assert system.job.end(signal.SIGTERM) == 0
    known = {letter.id for letter in system.letters()}
    publish(0, 5)
    for number, (store, how) in enumerate(damaged.items(), 5):
        system.publish(*days(store, 3))
        publish(number, number + 1)
        damage(system.home, "sales", store.encode(), how)
    system.job.start()
    wait_until(lambda: system.job.logged(passing) > begun)
    system.job.end(signal.SIGKILL)  # before, while or after it reads around them
    system.job.start()
    wait_until(lambda: merged(8))
    publish(8, 9)
    wait_until(lambda: merged(9))
    assert system.job.end(signal.SIGTERM) == 0
    system.job.start()
    publish(9, 10)
    wait_until(lambda: merged(10))

    letters = [letter for letter in system.letters() if letter.id not in known]
    assert [(x.topic, x.group, x.error) for x in letters] == 3 * [
        ("sales", "sales-sink", "TornLog")
    ]
    for store in damaged:
        assert system.rows(store) == {}
        number = partition_of(to_record(sale(store, 1)).key, TOPICS["sales"].partitions)
        of_it = [x for x in letters if x.partition == number]
        said = [f"offsets {x.offset:,} to {x.offset + 2:,} of sales/{number}" for x in of_it]
        assert said, store
        assert all(what in x.message for what, x in zip(said, of_it, strict=True))
        assert all("send them again" in x.message for x in of_it)


def test_a_kill_in_the_middle_loses_and_doubles_nothing(system: System) -> None:
    events = [event for n in range(40) for event in days(f"killed-{n}", 500)]
    query = "SELECT count(*) FROM daily_sales WHERE store LIKE 'killed-%'"
    with psycopg.connect(system.settings.database, autocommit=True) as connection:

        def count() -> int:
            row = connection.execute(query).fetchone()
            assert row is not None
            return int(row[0])

        system.publish(*events)
        wait_until(count)
        system.job.end(signal.SIGKILL)
        system.job.start()
        wait_until(lambda: count() == len(events))
    assert system.rows("killed-7") == expected(days("killed-7", 500))


def test_sigterm_ends_cleanly_and_a_lost_commit_file_changes_nothing(system: System) -> None:
    before = days("commit", 20)
    system.publish(*before)
    wait_until(lambda: system.rows("commit") == expected(before))
    assert system.job.end(signal.SIGTERM) == 0
    assert [path.name for path in (system.home / "spark").iterdir()] == ["lock"]

    commits = system.home / "checkpoints/sales/commits"
    newest = max(
        (path for path in commits.iterdir() if path.name.isdigit()), key=lambda p: int(p.name)
    )
    newest.unlink()
    (commits / f".{newest.name}.crc").unlink(missing_ok=True)
    meanwhile = days("meanwhile", 20)
    system.publish(*meanwhile)
    letters = len(system.letters())
    system.job.start()
    wait_until(lambda: system.rows("meanwhile") == expected(meanwhile))
    assert system.rows("commit") == expected(before)
    assert len(system.letters()) == letters


def test_an_outage_of_postgres_is_waited_out(system: System) -> None:
    outages = system.job.logged("stream_jobs.merge: outage, trying again")
    system.stop_server("postgres")
    events = days("no-postgres", 30)
    system.publish(*events)
    wait_until(lambda: system.job.logged("stream_jobs.merge: outage, trying again") > outages + 2)
    system.start_servers()
    wait_until(lambda: system.rows("no-postgres") == expected(events))


def test_sigterm_ends_the_job_though_it_waits_with_a_damaged_batch_for_postgres(
    system: System,
) -> None:
    assert system.job.end(signal.SIGTERM) == 0
    sound = days("sound-too", 10)
    system.publish(*sound)
    system.publish(*days("torn-too", 3))
    damage(system.home, "sales", b"torn-too", overwritten)
    waits = "stream_jobs.merge: outage, trying again"
    begun = system.job.logged("stream_jobs.damage: reading")
    system.stop_server("postgres")
    system.job.start()
    wait_until(lambda: system.job.logged("stream_jobs.damage: reading") > begun)
    seen = system.job.logged(waits)
    wait_until(lambda: system.job.logged(waits) > seen)
    assert system.job.end(signal.SIGTERM) == 0
    system.start_servers()
    system.job.start()
    wait_until(lambda: system.rows("sound-too") == expected(sound))


def test_an_outage_of_kafka_is_waited_out_within_the_same_process(system: System) -> None:
    system.stop_server("kafka")
    wait_until(lambda: system.job.logged("outage of Kafka, starting again"))
    system.start_servers()
    events = days("no-kafka", 30)
    system.publish(*events)
    wait_until(lambda: system.rows("no-kafka") == expected(events))
    assert system.job.end(signal.SIGTERM) == 0

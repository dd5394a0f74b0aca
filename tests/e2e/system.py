"""Ways to reach into a running stack, and to wait for what it does."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import httpx
import psutil
import psycopg

from events.envelope import Event, first_event
from events.kafka import KafkaProducer, read_topic
from events.log import Received, Record
from events.payloads import Payload, SaleRecorded
from events.publisher import to_record
from events.topics import lanes
from infra.local import process, stack
from infra.local.state import read_state
from infra.local.status import status
from infra.settings import Settings

LAST_DAY = date(2024, 6, 30)


@dataclass
class System:
    """The running stack as a test uses it."""

    settings: Settings

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.settings.http_port}{path}", timeout=30)

    def post(self, path: str, body: object) -> httpx.Response:
        url = f"http://127.0.0.1:{self.settings.http_port}{path}"
        return httpx.post(url, json=body, timeout=30)

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What a statement finds in the database; no rows while the database is away."""
        try:
            with psycopg.connect(self.settings.database) as connection:
                return connection.execute(statement, parameters).fetchall()
        except psycopg.OperationalError:
            return []

    def send(self, records: Sequence[Record]) -> None:
        async def send() -> None:
            producer = KafkaProducer(self.settings.kafka)
            try:
                await producer.send(records)
            finally:
                await producer.close()

        asyncio.run(send())

    def publish(self, events: Sequence[Event[Payload]]) -> None:
        self.send([to_record(event) for event in events])

    def topic(self, name: str) -> list[Received]:
        """What a topic holds, on all its lanes."""
        return [
            record
            for lane in lanes(name)
            for record in asyncio.run(read_topic(self.settings.kafka, lane))
        ]

    def ids(self, topic: str, run_id: str) -> set[str]:
        """The ids of a run's events on a topic."""
        return {
            dict(record.headers)["ce_id"].decode()
            for record in self.topic(topic)
            if dict(record.headers).get("ce_correlationid", b"").decode() == run_id
        }

    def shop(self, series: int = 2, days: int = 60, is_open: bool = True) -> str:
        """A new store with steady sales of some products, persisted; its name. One that is
        closed on every day can't be trained.
        """
        store = f"store-{uuid.uuid4().hex[:8]}"
        self.sell(store, series, days, is_open)
        return store

    def sell(self, store: str, series: int, days: int, is_open: bool = True) -> None:
        """Steady sales of a store, persisted; they replace what there was of these days."""
        self.publish(
            [
                sale(
                    store,
                    f"product-{n}",
                    LAST_DAY - timedelta(days=day),
                    50.0 + 7 * day % 13 if is_open else 0.0,
                    open=is_open,
                )
                for n in range(series)
                for day in range(days)
            ]
        )
        count = "SELECT count(*) FROM daily_sales WHERE store = %s AND open = %s"
        wait(lambda: self.rows(count, store, is_open) == [(series * days,)])

    def retrain(self, store: str, **wishes: object) -> str:
        answer = self.post("/retrain", {"store": store, **wishes})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["run_id"])

    def run(self, run_id: str) -> dict[str, Any]:
        """A run as the API tells it; empty while nobody knows it or the API is away."""
        try:
            answer = self.get(f"/runs/{run_id}")
        except httpx.TransportError:
            return {}
        return dict(answer.json()) if answer.status_code == 200 else {}

    def ended(self, run_id: str) -> dict[str, Any]:
        """The run once it has ended."""
        wait(lambda: self.run(run_id).get("state") in ("completed", "cancelled"))
        return self.run(run_id)

    def forecast(self, store: str, product: str) -> dict[str, Any]:
        """The forecast, once there is one."""
        path = f"/forecasts/{store}/{product}"
        wait(lambda: self.get(path).status_code == 200)
        return dict(self.get(path).json())

    def kill_server(self, name: str) -> None:
        """`kill -9` of one of the stack's processes; returns when it is dead."""
        main = psutil.Process(read_state(self.settings.home).processes[name].pid)
        main.kill()
        main.wait()

    def members(self, name: str) -> list[psutil.Process]:
        """The processes of one of the stack's parts."""
        return process.family(read_state(self.settings.home).processes[name])

    def kill_member(self, name: str, title: str) -> psutil.Process:
        """`kill -9` of the first process of a part whose command has the title in it, once there
        is one; returns when it is dead.
        """
        found: list[psutil.Process] = []

        def one_is_killed() -> bool:
            for member in self.members(name):
                with contextlib.suppress(psutil.NoSuchProcess):  # it ended meanwhile
                    if title in " ".join(member.cmdline()):
                        member.kill()
                        found.append(member)
                        return True
            return False

        wait(one_is_killed)
        wait(lambda: not process.runs(found[0]))
        return found[0]

    def states(self) -> dict[str, str]:
        """What `shelfcast status` says of each part."""
        return {part.name: part.state for part in status(self.settings)}

    def kill_process(self, name: str) -> None:
        """`kill -9` of the replica that functions run in, once there is one."""
        wait(lambda: self._killed(name))

    def _killed(self, name: str) -> bool:
        host = psutil.Process(read_state(self.settings.home).processes["ray"].pid)
        title = f"ray::ServeReplica:shelfcast:{name}"
        for child in host.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # it ended meanwhile
                if " ".join(child.cmdline()).startswith(title):
                    child.kill()
                    return True
        return False

    def up(self) -> None:
        """What `shelfcast up` does."""
        self.settings = stack.up(Settings(_env_file=None, home=self.settings.home))


def wait(until: Callable[[], bool]) -> None:
    """Until it holds. What never does is ended by the guard of `conftest.GUARD`, and by no clock
    that a busy machine could lose against.
    """
    while not until():
        time.sleep(0.2)


def sale(store: str, product: str, day: date, units: float, **more: Any) -> Event[SaleRecorded]:
    data = SaleRecorded(store=store, product=product, date=day, units=units, **more)
    return first_event(data, "test")

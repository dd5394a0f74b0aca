"""During a roll-out two versions of a function are members of one consumer group.

The newer version is this one with a field more in every payload, which is what may be added within
a version of a type. The older is this one. What was there before both are the golden records.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

from events.clock import utc_now
from events.cluster import Cluster
from events.kafka import KafkaProducer, read_topic
from events.log import Received, Record
from events.topics import DEAD_LETTERS, lanes
from functions.catalog import FUNCTIONS
from infra.kafka.topics import provision
from infra.postgres.storage import PostgresStorage
from infra.settings import Settings

GOLDEN = Path(__file__).parents[1] / "unit/golden/shelfcast.retrain.requested.v1.json"
PRODUCTS = [f"bread-{n}" for n in range(24)]
PLANNER = FUNCTIONS["planner"]
LONGEST = 120.0  # seconds; a machine that is busy takes ten

# A planner in a process of its own. Told to end, it reads what both versions have published, and
# says how many events that were, and what they have in the field that is new.
MEMBER = """
import asyncio, sys
import pydantic
from events import payloads

if sys.argv[1] == "newer":
    for name, old in list(vars(payloads).items()):
        if old in payloads.PAYLOADS:
            new = pydantic.create_model(name, __base__=old, added_later=(int, 7))
            setattr(payloads, name, new)
            payloads.BY_TYPE[old.TYPE] = new
    payloads.PAYLOADS = tuple(payloads.BY_TYPE.values())

from events.cloudevents import decode
from events.kafka import read_topic
from events.topics import lanes
from infra.hosts.function_host import FunctionHost
from infra.settings import Settings

async def main():
    settings = Settings()
    host = FunctionHost("planner", settings)
    await asyncio.to_thread(sys.stdin.read)
    host.check()
    handled = host._subscriber.health.handled
    await host.stop()
    shards = [r for t in lanes("training-shards") for r in await read_topic(settings.kafka, t)]
    events = [decode(r.value, r.headers) for r in shards]
    print(handled, *[getattr(event.data, "added_later", "-") for event in events])

asyncio.run(main())
"""


@dataclass
class Told:
    """What a member said at its end."""

    handled: int
    added_later: list[str]


@asynccontextmanager
async def member(
    version: str, settings: Settings, database: str, told: dict[str, Told]
) -> AsyncIterator[None]:
    """A member of the planner's group for the length of the block; then what it says."""
    where = {
        "SHELFCAST_KAFKA_BOOTSTRAP": str(settings.kafka_bootstrap),
        "SHELFCAST_DATABASE_URL": database,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        MEMBER,
        version,
        env=os.environ | where,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield
    finally:
        said, _ = await process.communicate(b"")  # which closes what it waits for
    handled, *added = said.decode().split()
    told[version] = Told(int(handled), added)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Returns when it holds; TimeoutError long after it should have."""
    async with asyncio.timeout(LONGEST):
        while not await holds():  # noqa: ASYNC110 - a broker tells of no event
            await asyncio.sleep(0.2)


async def _members(cluster: Cluster, wanted: int) -> None:
    """Returns when so many members share the group's partitions."""
    admin = AIOKafkaAdminClient(**cluster.aiokafka)
    await admin.start()
    try:

        async def has_them() -> bool:
            try:
                (answer,) = await admin.describe_consumer_groups([PLANNER.group])
            except GroupCoordinatorNotAvailableError:
                return False  # a broker that is new makes the topic of offsets first
            (group,) = answer.groups
            return group[2] == "Stable" and len(group[5]) == wanted

        await until(has_them)
    finally:
        await admin.close()


async def _sales(database: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.executemany(
        "INSERT INTO daily_sales (store, product, date, units, open, drivers, event_id,"
        " recorded_at) VALUES ('7', $1, $2, 5, true, '{}', 'e', $3)",
        [
            (product, date(2015, 7, 31) - timedelta(days=n), utc_now())
            for product in PRODUCTS
            for n in range(200)
        ],
    )
    await connection.close()


def request(product: str, run_id: str, newer: bool) -> Record:
    """The golden record as it was written once, or as a later version writes it."""
    golden = json.loads(GOLDEN.read_text())
    value = golden["value"] | {"store": "7", "product": product, "failed_in": None}
    value["strategy"] = "windowed"
    headers = golden["headers"] | {"ce_id": run_id}
    if newer:
        value |= {"added_later": 8}
        headers |= {"ce_addedlater": "x"}
    key = f"7/{product}".encode()
    return Record(
        "retrain-requests",
        key,
        json.dumps(value).encode(),
        [(name, text.encode()) for name, text in headers.items()],
    )


async def _shards(cluster: Cluster, runs: set[str]) -> list[Received]:
    found = [r for topic in lanes("training-shards") for r in await read_topic(cluster, topic)]
    return [record for record in found if _run(record) in runs]


def _run(record: Received) -> str:
    assert record.value is not None
    return str(json.loads(record.value)["run_id"])


async def test_two_versions_of_a_function_share_a_group_and_read_each_other(
    servers: Settings, database: str
):
    cluster = servers.kafka
    await asyncio.to_thread(provision, cluster)
    await _sales(database)
    runs = {f"upgrade-{n}": product for n, product in enumerate(PRODUCTS)}
    told: dict[str, Told] = {}
    producer = KafkaProducer(cluster)
    storage = PostgresStorage(database)

    async with (
        member("older", servers, database, told),
        member("newer", servers, database, told),
    ):
        await _members(cluster, 2)
        await producer.send(
            [request(each, run, newer=n % 2 == 1) for n, (run, each) in enumerate(runs.items())]
        )

        async def all_planned() -> bool:
            return len(await _shards(cluster, set(runs))) >= len(runs)

        await until(all_planned)
    shards = await _shards(cluster, set(runs))
    letters = await read_topic(cluster, DEAD_LETTERS)
    plans = [await storage.plan(run) for run in runs]
    await producer.close()
    await storage.close()

    assert all(plan is not None and plan.as_of == date(2015, 8, 1) for plan in plans)
    assert sorted(map(_run, shards)) == sorted(runs)  # each planned once, whoever did it
    assert not [each for each in letters if each.value and b"upgrade-" in each.value]
    assert told["older"].handled > 0
    assert told["newer"].handled > 0
    by_newer = [each for each in shards if b'"added_later":7' in (each.value or b"")]
    assert 0 < len(by_newer) < len(shards)
    # The older version reads what the newer wrote, and does not see the field; the newer reads
    # what the older wrote, and takes the field's default.
    assert set(told["older"].added_later) == {"-"}
    assert set(told["newer"].added_later) == {"7"}
    assert len(told["older"].added_later) >= len(shards)

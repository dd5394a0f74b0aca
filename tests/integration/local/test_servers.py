import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from infra.local import ports, postgres, stack
from infra.local.postgres import PostgresNotInitialised
from infra.local.process import find, runs
from infra.local.service import ServiceFailed
from infra.local.state import StackBusy, changing, read_state, write_state
from infra.local.status import SERVERS, status
from infra.settings import Settings

TOPIC = "kept"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    for name in ("SHELFCAST_DATABASE_URL", "SHELFCAST_KAFKA_BOOTSTRAP", "SHELFCAST_HTTP_PORT"):
        monkeypatch.delenv(name, raising=False)
    settings = Settings(_env_file=None, home=tmp_path / "a home")
    yield settings
    stack.down(settings)
    postgres.discard(settings.home)


def up(settings: Settings) -> Settings:
    return stack.up(settings, names=SERVERS)


def pid(settings: Settings, name: str) -> int:
    return read_state(settings.home).processes[name].pid


def kill(settings: Settings, name: str) -> None:
    record = read_state(settings.home).processes[name]
    psutil.Process(record.pid).kill()
    while find(record):
        pass


async def write(running: Settings, value: str) -> None:
    connection = await asyncpg.connect(running.database)
    await connection.execute("CREATE TABLE IF NOT EXISTS kept (value text)")
    await connection.execute("INSERT INTO kept VALUES ($1)", value)
    await connection.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=running.kafka_bootstrap)
    await admin.start()
    if TOPIC not in await admin.list_topics():
        await admin.create_topics([NewTopic(TOPIC, 1, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=running.kafka_bootstrap, acks="all") as producer:
        await producer.send_and_wait(TOPIC, value.encode(), partition=0)


async def read(running: Settings) -> tuple[list[str], list[str]]:
    connection = await asyncpg.connect(running.database)
    rows = [row["value"] for row in await connection.fetch("SELECT value FROM kept ORDER BY 1")]
    await connection.close()
    async with AIOKafkaConsumer(bootstrap_servers=running.kafka_bootstrap) as consumer:
        partition = TopicPartition(TOPIC, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        values: list[str] = []
        while await consumer.position(partition) < end:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                values += [record.value.decode() for record in records]
    return rows, values


def test_what_was_written_is_there_after_a_kill_and_after_a_stop(settings: Settings) -> None:
    running = up(settings)
    asyncio.run(write(running, "1"))

    for name in SERVERS:
        kill(settings, name)
    assert [part.state for part in status(running)][:2] == ["stopped", "stopped"]
    running = up(settings)
    assert asyncio.run(read(running)) == (["1"], ["1"])

    asyncio.run(write(running, "2"))
    stack.down(settings)
    running = up(settings)
    assert asyncio.run(read(running)) == (["1", "2"], ["1", "2"])


def test_up_again_starts_only_what_is_dead(settings: Settings) -> None:
    first = up(settings)
    before = {name: pid(settings, name) for name in SERVERS}

    assert up(settings) == first
    assert {name: pid(settings, name) for name in SERVERS} == before

    kill(settings, "postgres")
    assert up(settings) == first
    assert pid(settings, "kafka") == before["kafka"]
    assert pid(settings, "postgres") != before["postgres"]


def test_down_leaves_no_process(settings: Settings) -> None:
    up(settings)
    mains = [psutil.Process(pid(settings, name)) for name in SERVERS]
    family = mains + [child for main in mains for child in main.children(recursive=True)]
    assert len(family) > 3

    assert stack.down(settings) == []

    assert not any(runs(member) for member in family)
    assert [part.state for part in status(settings)] == ["stopped"] * 4


def test_the_password_is_random_asked_for_and_kept_from_others(settings: Settings) -> None:
    running = up(settings)

    with pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(asyncpg.connect(running.database, password="guessed"))

    for name in ("stack.env", "postgres.password"):
        assert stat.S_IMODE((settings.home / name).stat().st_mode) == 0o600


def test_a_lost_password_is_told_before_the_server_is_started(settings: Settings) -> None:
    up(settings)
    stack.down(settings)
    (settings.home / "postgres.password").unlink()

    with pytest.raises(PostgresNotInitialised, match=r"postgres\.password is gone"):
        up(settings)


def test_a_port_taken_since_is_replaced_for_both_servers(settings: Settings) -> None:
    asyncio.run(write(up(settings), "1"))
    stack.down(settings)
    state = read_state(settings.home)
    state.ports = {name: ports.choose(None, set(state.ports.values())) for name in state.ports}
    write_state(settings.home, state)

    assert asyncio.run(read(up(settings))) == (["1"], ["1"])


def test_a_postgres_lock_whose_pid_went_to_another_process_is_cleared(settings: Settings) -> None:
    up(settings)
    kill(settings, "postgres")
    lock = (settings.home / "postgres").resolve() / "data/postmaster.pid"
    lines = lock.read_text().splitlines(keepends=True)
    lock.write_text("".join([f"{pid(settings, 'kafka')}\n", *lines[1:]]))

    up(settings)

    assert [part.state for part in status(settings)][:2] == ["ready", "ready"]


def test_a_server_that_ends_at_once_is_named_with_its_log(settings: Settings) -> None:
    up(settings)
    stack.down(settings)
    data = (settings.home / "postgres").resolve() / "data"
    (data / "PG_VERSION").write_text("9.1\n")

    with pytest.raises(ServiceFailed, match="postgres ended before it was ready") as failure:
        up(settings)
    assert "9.1" in str(failure.value)

    (data / "PG_VERSION").write_text("18\n")
    assert up(settings).kafka


def test_a_server_placed_elsewhere_is_not_started(settings: Settings) -> None:
    with stack.running(settings.home / "other", names=("postgres",)) as other:
        running = up(settings.model_copy(update={"database_url": other.database_url}))

        assert running.database == other.database
        assert set(read_state(settings.home).processes) == {"kafka"}


def test_a_second_up_at_the_same_time_is_refused(settings: Settings) -> None:
    with changing(settings.home), pytest.raises(StackBusy, match=f"pid {os.getpid()}"):
        up(settings)

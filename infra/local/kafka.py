"""One Kafka node, broker and controller in one JVM, run from its jars.

It listens on the loopback address alone, without authentication: whoever has an account on
the machine can reach it. Its data stay in `<home>/kafka` and outlive a kill. Topics are
made by `infra.kafka.topics`, never by a client's mistyped name.
"""

import asyncio
import os
import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from infra.local import class_archive, jars, ports
from infra.local.java import java_home
from infra.local.service import Service

LOGGING = Path(__file__).with_name("kafka-log4j2.properties")
# A small heap needs no threads to collect it. With UsePerfData, as without a tmpdir of its own, the
# JVM would write into the folder for everybody's temporary files.
JVM = ("-XX:+UseSerialGC", "-XX:-UsePerfData")
DAY_MS = 24 * 60 * 60 * 1000

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "BROKER",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",  # one machine: no late members to wait for
    # After a kill the node may only register again once its last session has run out.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "log.retention.ms": str(30 * DAY_MS),  # for topics without this setting
    "log.cleaner.dedupe.buffer.size": str(16 << 20),  # the default is a quarter of the heap
}


class KafkaNotFormatted(Exception):
    """Kafka's storage could not be prepared."""


def service(home: Path, port: int, controller_port: int) -> Service:
    """The node, its storage formatted and its configuration written."""
    folder = home / "kafka"
    folder.mkdir(parents=True, exist_ok=True)
    java = java_home(home) / "bin/java"
    class_path = os.pathsep.join(str(jar) for jar in jars.class_path("kafka"))
    scratch = folder / "tmp"
    scratch.mkdir(exist_ok=True)
    flags = [
        *JVM,
        *class_archive.options("kafka"),
        f"-Djava.io.tmpdir={scratch.absolute()}",
        f"-Dlog4j2.configurationFile={LOGGING.as_uri()}",
    ]
    run = [str(java), *flags, "-cp", class_path]
    properties = folder / "server.properties"
    properties.write_text(_properties(folder / "data", port, controller_port), encoding="ascii")
    if not (folder / "data/meta.properties").exists():
        _format(run, folder, properties)
    return Service(
        name="kafka",
        command=[*run[:1], "-Xms128m", "-Xmx512m", *run[1:], "kafka.Kafka", str(properties)],
        folder=folder,
        address=f"{ports.LOOPBACK}:{port}",
    )


def is_ready(bootstrap: str) -> bool:
    """Whether the broker answers and counts itself as a member of its cluster."""
    if not ports.accepts(int(bootstrap.rpartition(":")[2])):
        return False
    return asyncio.run(_has_a_broker(bootstrap))


async def _has_a_broker(bootstrap: str) -> bool:
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5_000)
    try:
        await admin.start()
        return bool((await admin.describe_cluster())["brokers"])
    except (KafkaError, OSError):
        return False
    finally:
        await admin.close()


def _format(run: list[str], folder: Path, properties: Path) -> None:
    identity = folder / "cluster.id"
    if not identity.exists():  # kept, so that a format that was cut short is repeated alike
        identity.write_text(urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="))
    tool = ["kafka.tools.StorageTool", "format", "--standalone", "--ignore-formatted"]
    done = subprocess.run(
        [*run, *tool, f"--cluster-id={identity.read_text()}", "-c", str(properties)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise KafkaNotFormatted(
            f"Kafka could not format {folder / 'data'}: {(done.stderr or done.stdout).strip()}"
        )


def _properties(data: Path, port: int, controller_port: int) -> str:
    if "," in str(data):
        raise KafkaNotFormatted(
            f"Kafka splits its data folder's name at commas, and {data} has one: "
            "set SHELFCAST_HOME to a folder without"
        )
    settings = SETTINGS | {
        "listeners": f"BROKER://{ports.LOOPBACK}:{port},"
        f"CONTROLLER://{ports.LOOPBACK}:{controller_port}",
        "advertised.listeners": f"BROKER://{ports.LOOPBACK}:{port}",
        "controller.quorum.bootstrap.servers": f"{ports.LOOPBACK}:{controller_port}",
        "log.dirs": str(data.absolute()),
    }
    return "".join(f"{key}={_escaped(value)}\n" for key, value in settings.items())


def _escaped(value: str) -> str:
    """The value as a Java properties file holds it: ASCII, UTF-16 units escaped."""
    units = value.replace("\\", "\\\\").encode("utf-16-be")
    codes = [int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2)]
    return "".join(chr(code) if code < 128 else f"\\u{code:04x}" for code in codes)

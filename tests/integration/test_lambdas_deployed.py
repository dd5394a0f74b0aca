"""`serverless.yml` deployed to a stand-in of AWS (MiniStack): rules fire, events are on Kafka."""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from events.cluster import Cluster
from events.dead_letters import dead_letter
from events.errors import InvalidPayload
from events.kafka import KafkaProducer, read_topic
from events.log import Received
from infra.aws import emulator
from infra.hosts.schedules import schedules
from infra.kafka.topics import provision
from infra.local import ports
from infra.settings import Settings
from tests.deploy import osls
from tests.unit.hosts.lambda_world import post_v2

MAX_WAIT = 240.0  # a rule fires within a minute, on a machine that does nothing else
CALL = (
    "import boto3, json, sys; service, operation, more = sys.argv[1:]; "
    "told = getattr(boto3.client(service), operation)(**json.loads(more)); "
    "told |= {k: v.read().decode() for k, v in told.items() if hasattr(v, 'read')}; "
    "print(json.dumps(told, default=str))"
)


@dataclass(frozen=True)
class Aws:
    """The stand-in."""

    environ: dict[str, str]

    def call(self, service: str, operation: str, **more: Any) -> dict[str, Any]:
        """A call by AWS's own client."""
        told = subprocess.run(
            [emulator.FOLDER / "bin" / "python", "-c", CALL, service, operation, json.dumps(more)],
            capture_output=True,
            text=True,
            check=False,
            env=self.environ,
        )
        assert told.returncode == 0, told.stderr
        return dict(json.loads(told.stdout))

    def invoke(self, function: str, event: object) -> Any:
        """The function's answer."""
        name = f"shelfcast-dev-{function}"
        told = self.call("lambda", "invoke", FunctionName=name, Payload=json.dumps(event))
        assert "FunctionError" not in told, told
        return json.loads(told["Payload"])


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    osls.require()
    program = emulator.FOLDER / "bin" / "ministack"
    if not program.exists():
        pytest.skip("MiniStack is not installed: `make test-lambda` does it, by Python 3.13")
    folder = tmp_path_factory.mktemp("aws")
    port = ports.choose(None, set())
    known = {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }
    own = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": "eu-central-1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{folder}/no-docker",
    }
    with (folder / "ministack.log").open("wb") as log:
        process = subprocess.Popen(
            [program], env=known | own, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    try:
        until = time.monotonic() + MAX_WAIT
        while not _answers(port):
            assert process.poll() is None, (folder / "ministack.log").read_text()
            assert time.monotonic() < until, (folder / "ministack.log").read_text()
            time.sleep(0.1)
        yield Aws(known)
    finally:
        process.terminate()  # it ends the functions' processes as well
        process.wait()


def _answers(port: int) -> bool:
    with suppress(URLError, ConnectionError), urlopen(f"http://127.0.0.1:{port}/health"):
        return True
    return False


@pytest.fixture(scope="module")
def deployed(
    aws: Aws, servers: Settings, tmp_path_factory: pytest.TempPathFactory, lambda_zip: Path
) -> Aws:
    """Everything in `serverless.yml`; the retrain's rule fires every minute."""
    provision(servers.kafka)
    aws.call(
        "ssm",
        "put_parameter",
        Name="/shelfcast/dev/kafka_bootstrap",
        Type="String",
        Value=servers.kafka.bootstrap,
    )
    folder = osls.project(tmp_path_factory.mktemp("osls"), lambda_zip)
    often = ["--param", "retrain_rule=rate(1 minute)"]
    told = osls.osls(folder, ["deploy", "--stage", "dev", *often], **aws.environ)
    assert told.returncode == 0, told.stdout + told.stderr
    return aws


async def test_a_rule_fires_and_its_event_is_on_kafka(deployed: Aws, servers: Settings):
    (tick,) = (each for each in schedules(Settings(_env_file=None)) if each.name == "schedule")
    first = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=2)
    until = time.monotonic() + MAX_WAIT
    fired: set[str] = set()
    while not fired and time.monotonic() < until:
        await asyncio.sleep(0.5)
        minutes = int((datetime.now(UTC) - first).total_seconds() // 60)
        may_be = {tick.event(first + timedelta(minutes=n)).id for n in range(minutes + 1)}
        fired = may_be & await _ids(servers.kafka, "retrain-requests")

    assert fired, "the event of no minute since the deployment is on Kafka"


async def test_a_request_is_on_kafka(deployed: Aws, servers: Settings):
    body = {"store": "1", "product": "rye", "run_id": "asked-of-aws"}
    told = deployed.invoke("retrainHttp", post_v2(body))

    assert told["statusCode"] == 202
    assert "asked-of-aws" in await _ids(servers.kafka, "retrain-requests-express")


async def test_the_alarm_tells_the_topic(deployed: Aws, servers: Settings):
    deployed.invoke("deadLetterAlarm", {})  # what other tests left
    (topic,) = [
        each["TopicArn"]
        for each in deployed.call("sns", "list_topics")["Topics"]
        if each["TopicArn"].endswith(":shelfcast-dev-alarms")
    ]
    queue = deployed.call("sqs", "create_queue", QueueName="told")["QueueUrl"]
    wanted = ["QueueArn"]
    known = deployed.call("sqs", "get_queue_attributes", QueueUrl=queue, AttributeNames=wanted)
    arn = known["Attributes"]["QueueArn"]
    deployed.call("sns", "subscribe", TopicArn=topic, Protocol="sqs", Endpoint=arn)
    producer = KafkaProducer(servers.kafka)
    record = Received("calendar-changes", b"1", b"{}", [], 0, 20_000_000)
    await producer.send([dead_letter(record, "shelfcast-test", InvalidPayload("no"), 1)])
    await producer.close()

    found = deployed.invoke("deadLetterAlarm", {})
    (message,) = deployed.call("sqs", "receive_message", QueueUrl=queue)["Messages"]

    assert found == {"letters": {"calendar-changes": 1}}
    assert json.loads(message["Body"])["Subject"] == "Shelfcast: 1 new dead letter"


async def _ids(kafka: Cluster, topic: str) -> set[str]:
    headers = [header for record in await read_topic(kafka, topic) for header in record.headers]
    return {value.decode() for name, value in headers if name == "ce_id"}

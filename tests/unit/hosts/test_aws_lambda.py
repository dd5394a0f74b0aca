import asyncio
import base64
import json
import logging
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiokafka.errors import TopicAuthorizationFailedError

from events.broker_refusals import BrokerRefuses
from events.dead_letters import DeadLetter, dead_letter, waiting
from events.errors import InvalidPayload, PublishTimeout
from events.log import Received
from events.topics import DEAD_LETTERS
from infra.hosts import aws_lambda, lambda_alarm
from infra.hosts.aws_lambda import BrokerAway, NoTick
from infra.hosts.lambda_http import NoRequest
from infra.hosts.lambda_settings import BadSetting
from infra.hosts.ticks import ticks
from infra.settings import Settings
from tests.unit.hosts.lambda_world import (
    ALARM_TOPIC,
    BROKER,
    Context,
    World,
    post_v1,
    post_v2,
    tick,
)

PROJECT = Path(__file__).parents[3]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEAVY = {"pandas", "numpy", "ray", "prophet", "sqlalchemy", "pyarrow", "asyncpg", "psycopg"}
OWN_WORK = {"boto3", "botocore", "fastapi", "croniter", "functions.api.views"}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("SHELFCAST_KAFKA_BOOTSTRAP", BROKER)
    monkeypatch.setenv("SHELFCAST_LAMBDA_ALARM_TOPIC", ALARM_TOPIC)
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    monkeypatch.setattr(lambda_alarm, "POLL_SECONDS", 0.001)  # of a log that has nothing more
    return World(tmp_path)


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("schedule", "retrain-requests"),
        ("forecast_schedule", "forecast-requests"),
        ("prune_schedule", "maintenance-requests"),
    ],
)
def test_a_tick_is_the_event_that_the_other_clock_publishes(world: World, name: str, topic: str):
    said = world.host.tick(name, tick(), Context())

    (event,) = world.events(topic)
    (other,) = (each for each in ticks(Settings(_env_file=None)) if each.name == name)
    assert event == other.event(datetime(2026, 11, 23, 4, tzinfo=UTC))
    assert said == {"published": event.id}
    assert str(world.made_with) == BROKER


def test_a_tick_that_lambda_tries_again_is_the_same_request(world: World, monkeypatch):
    for root in ("1-5759e988-bd862e3fe1be46a994272793", "1-5759e988-000000000000000000000001"):
        monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={root};Parent=53995c3f42cd8ad8;Sampled=1")
        world.host.tick("schedule", tick(), Context())

    first, second = world.log.records("retrain-requests")
    assert (first.key, first.value, first.headers) == (second.key, second.value, second.headers)


def test_a_rule_that_fires_within_the_minute_names_the_minute(world: World):
    for time in ("2026-11-23T04:00:00Z", "2026-11-23T04:00:42Z", "2026-11-23T05:00:07.5+01:00"):
        world.host.tick("schedule", tick(time), Context())

    assert len({event.id for event in world.events("retrain-requests")}) == 1


@pytest.mark.parametrize("time", [None, "", "soon", 7, "2026-11-23T04:00:00"])
def test_an_event_without_a_time_is_no_tick(world: World, time: object):
    with pytest.raises(NoTick, match="is not a time with a zone; a rule's event has one"):
        world.host.tick("schedule", tick(time), Context())
    assert not world.log.partitions


def test_a_schedule_that_is_off_asks_for_nothing(world: World, monkeypatch, caplog):
    monkeypatch.setenv("SHELFCAST_SCHEDULE", "")

    assert world.host.tick("schedule", tick(), Context()) == {"published": None}
    assert "SHELFCAST_SCHEDULE is empty" in caplog.text
    assert not world.log.partitions


def test_a_broker_that_is_away_is_an_error_that_names_it_and_what_to_look_at(world: World):
    world.log.away = PublishTimeout("Kafka acknowledged nothing for 18 s")

    with pytest.raises(BrokerAway, match=rf"Kafka at {BROKER} is away.*security group.*for 18 s"):
        world.host.tick("schedule", tick(), Context())

    world.log.away = None
    assert world.host.tick("schedule", tick(), Context())["published"]


@pytest.mark.parametrize(
    "error", [BrokerRefuses("no such user"), TopicAuthorizationFailedError("retrain-requests")]
)
def test_a_broker_that_refuses_the_user_is_told_apart_from_one_that_is_away(world: World, error):
    world.log.away = error

    with pytest.raises(BrokerAway, match=r"does not let this user do that.*name and password"):
        world.host.tick("schedule", tick(), Context())


def test_what_is_sent_has_less_time_than_the_function(world: World):
    world.host.tick("schedule", tick(), Context(seconds=20))

    assert world.send_seconds == 12


def test_a_work_that_hangs_ends_before_the_function_does(world: World, monkeypatch):
    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(aws_lambda, "_published", hang)
    monkeypatch.setattr(aws_lambda, "CLOSING_SECONDS", 0)
    with pytest.raises(BrokerAway, match="TimeoutError: no answer in"):
        world.host.tick("schedule", tick(), Context(seconds=0.1))


@pytest.mark.parametrize("post", [post_v1, post_v2])
def test_a_request_over_http_is_the_request_of_the_api(world: World, post):
    answer = world.host.retrain(
        post({"store": "1", "product": "rye bread", "run_id": "run-1", "reason": "new prices"}),
        Context(),
    )

    assert answer["statusCode"] == 202
    assert answer["headers"]["Content-Type"] == "application/json"
    assert json.loads(answer["body"]) == {"run_id": "run-1", "url": "/runs/run-1"}
    (event,) = world.events("retrain-requests-express")
    assert (event.id, event.source, event.data.requested_by) == ("run-1", "shelfcast/api", "api")
    assert (event.data.store, event.data.product) == ("1", "rye bread")


@pytest.mark.parametrize(
    "header",
    [
        {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"},
        {"X-Amzn-Trace-Id": f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent=53995c3f42cd8ad8;Sampled=1"},
        {"X-Amzn-Trace-Id": f"Self=1-0-0;Root=1-{TRACE[:8]}-{TRACE[8:]}"},
    ],
)
@pytest.mark.parametrize("post", [post_v1, post_v2])
def test_a_request_stays_in_the_trace_of_its_caller(world: World, post, header):
    world.host.retrain(post({"all": True}, **header), Context())

    (event,) = world.events("retrain-requests")
    assert event.traceparent.split("-")[1] == TRACE
    assert world.host.lines.invocation.trace_id == TRACE


def test_a_trace_header_that_is_none_is_passed_over(world: World):
    given = {"traceparent": "00-xyz", "x-amzn-trace-id": "Root=soon"}
    world.host.retrain(post_v2({"all": True}, **given), Context())

    (event,) = world.events("retrain-requests")
    assert world.host.lines.invocation.trace_id is None
    assert event.traceparent.startswith("00-")


def test_a_body_may_come_in_base64(world: World):
    event = post_v2(base64.b64encode(b'{"all": true}').decode()) | {"isBase64Encoded": True}

    assert world.host.retrain(event, Context())["statusCode"] == 202


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            {"all": True, "horizon": 91},
            {"field": "horizon", "message": "must be 90 or less", "value": "91", "fix": None},
        ),
        (
            {"series": [{"store": "1"}]},
            {
                "field": "series.0.product",
                "message": "is required, but missing: give it",
                "value": None,
                "fix": None,
            },
        ),
    ],
)
def test_a_body_that_is_none_is_a_422_in_the_words_of_the_api(world: World, body, told):
    answer = world.host.retrain(post_v2(body), Context())

    assert answer["statusCode"] == 422
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    problem = json.loads(answer["body"])
    assert problem["errors"] == [told]
    assert (problem["type"], problem["status"]) == ("/docs#invalid-request", 422)
    assert not world.log.partitions


@pytest.mark.parametrize(
    ("event", "status", "told"),
    [
        (post_v2("{"), 422, "Invalid JSON: EOF while parsing"),
        (post_v2({"all": True, "storr": "1"}), 422, "is not a field here; there are store"),
        (post_v2({"all": True, "strategy": "magic"}), 422, "known are: "),
        (post_v2({"all": True}) | {"headers": {}}, 415, "content-type: '' is not taken; send appl"),
        (post_v2(" " * 1_000_001), 413, "body: 1,000,001 bytes; send 1,000,000 at most"),
        (post_v1("") | {"httpMethod": "GET"}, 405, "method: GET is not taken by this path; use"),
    ],
)
def test_a_request_that_is_refused_is_told_why(world: World, event, status: int, told: str):
    answer = world.host.retrain(event, Context())

    assert answer["statusCode"] == status
    assert told in answer["body"]
    assert not world.log.partitions


def test_a_request_that_may_have_arrived_can_be_repeated_as_the_same_run(world: World):
    world.log.away = PublishTimeout("Kafka acknowledged nothing for 18 s")
    answer = world.host.retrain(post_v2({"all": True}), Context())

    assert answer["statusCode"] == 503
    assert answer["headers"]["Retry-After"] == "5"
    detail = json.loads(answer["body"])["detail"]
    assert detail.startswith("Kafka did not acknowledge the request (PublishTimeout(")
    run_id = detail.split("'")[3]

    world.log.away = None
    assert world.host.retrain(post_v2({"all": True, "run_id": run_id}), Context())["statusCode"]
    assert [event.id for event in world.events("retrain-requests")] == [run_id]


def test_an_event_that_is_no_request_says_how_to_send_one(world: World):
    with pytest.raises(NoRequest, match="invoke the function by its URL"):
        world.host.retrain(tick(), Context())


def put_letter(world: World, topic: str, offset: int, message: str = "units: must be 0") -> str:
    record = Received(topic, b"1/milk", b"{}", [], 0, offset)
    letter = dead_letter(record, "shelfcast-planner", InvalidPayload(message), 1)
    world.log.append(letter)
    return letter.key.decode()


def test_new_dead_letters_are_told_of_by_topic_and_only_once(world: World):
    for offset in range(3):
        put_letter(world, "retrain-requests", offset)
    put_letter(world, "calendar-changes", 0, "no \x1b[31mred")

    looks = [world.host.alarm(Context()) for _ in range(2)]

    assert looks == [{"letters": {"retrain-requests": 3, "calendar-changes": 1}}, {"letters": {}}]
    (said,) = world.stores.told
    assert said["TopicArn"] == ALARM_TOPIC
    assert said["Subject"] == "Shelfcast: 4 new dead letters"
    assert "retrain-requests: 3, the last for InvalidPayload: units: must be 0" in said["Message"]
    assert "\x1b" not in said["Message"]
    assert json.loads(said["MessageAttributes"]["topics"]["StringValue"]) == looks[0]["letters"]
    assert said["MessageAttributes"]["letters"]["StringValue"] == "4"


def test_a_letter_that_was_replayed_meanwhile_is_not_told_of(world: World):
    put_letter(world, "retrain-requests", 0)
    letters: list[DeadLetter] = waiting(world.log.records(DEAD_LETTERS))
    world.log.append(letters[0].tombstone())

    assert world.host.alarm(Context()) == {"letters": {}}
    assert world.stores.told == []


def test_letters_that_nobody_could_be_told_of_are_told_of_by_the_next_look(world: World):
    put_letter(world, "retrain-requests", 0)
    world.stores.sns_away = RuntimeError("SNS is away")
    with pytest.raises(RuntimeError, match="SNS is away"):
        world.host.alarm(Context())

    world.stores.sns_away = None
    assert world.host.alarm(Context()) == {"letters": {"retrain-requests": 1}}
    assert len(world.stores.told) == 1


def test_a_broker_that_is_away_from_the_alarm_is_an_error(world: World):
    world.log.away = ConnectionRefusedError(111, "refused")
    with pytest.raises(BrokerAway, match="ConnectionRefusedError"):
        world.host.alarm(Context())


def test_an_alarm_without_a_topic_to_tell_says_so(world: World, monkeypatch):
    monkeypatch.delenv("SHELFCAST_LAMBDA_ALARM_TOPIC")
    with pytest.raises(BadSetting, match="SHELFCAST_LAMBDA_ALARM_TOPIC is not set"):
        world.host.alarm(Context())


def test_a_line_of_the_log_is_json_with_the_invocation_and_the_event(world: World, caplog):
    caplog.set_level(logging.INFO, "shelfcast.lambda")
    world.host.tick("schedule", tick(), Context())

    record = caplog.records[-1]
    said = json.loads(world.host.lines.format(record))
    (event,) = world.events("retrain-requests")
    assert said["event_id"] == event.id
    assert said["topic"] == "retrain-requests"
    assert said["request_id"] == Context.aws_request_id
    assert said["function"] == Context.function_name
    assert (said["level"], said["logger"]) == ("INFO", "shelfcast.lambda")
    assert said["timestamp"].endswith("Z")


def test_a_line_of_an_error_has_its_class_and_its_stack(world: World):
    try:
        raise BrokerAway("it is")
    except BrokerAway:
        record = logging.LogRecord("x", 40, "f", 1, "failed: %s", ("a\nb",), sys.exc_info())
    line = world.host.lines.format(record)

    assert "\n" not in line
    said = json.loads(line)
    assert (said["message"], said["error"]) == ("failed: a\nb", "BrokerAway")
    assert "BrokerAway: it is" in said["stack"]


def test_a_lambda_imports_nothing_heavy_and_nothing_before_it_is_asked_for():
    script = "import sys, infra.hosts.aws_lambda; print(*sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=PROJECT
    )
    assert not (HEAVY | OWN_WORK) & set(told.stdout.split())


def test_a_request_over_http_imports_nothing_heavy_either():
    script = (
        "import sys; from infra.hosts import aws_lambda as host; import functions.api.retraining, "
        "functions.api.faults, functions.forecasting.strategy; print(*sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=PROJECT
    )
    assert not (HEAVY | {"fastapi", "starlette"}) & set(told.stdout.split())

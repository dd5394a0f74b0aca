"""Functions of the zip under Lambda's own runtime client: answers, errors, and starts that fail."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lambda_runtime import SECONDS, TRACE, LambdaRuntime
from tests.unit.hosts.lambda_world import post_v2, tick

NOBODY = "127.0.0.1:1"  # a port that nothing listens on
TRACE_ID = "5759e988bd862e3fe1be46a994272793"


@pytest.fixture
def silent() -> Iterator[str]:
    """A broker that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_an_answer_reaches_the_runtime(lambdas: LambdaRuntime):
    with lambdas.function(
        "retrain_tick", SHELFCAST_KAFKA_BOOTSTRAP=NOBODY, SHELFCAST_SCHEDULE=""
    ) as retrain:
        told = [retrain.invoke(tick()) for _ in range(2)]

    assert [each.ok for each in told] == [True, True]
    assert told[0].said == {"published": None}


def test_a_request_that_is_refused_is_an_answer_and_no_error(lambdas: LambdaRuntime):
    with lambdas.function("retrain_http", SHELFCAST_KAFKA_BOOTSTRAP=NOBODY) as retrain:
        told = retrain.invoke(post_v2({"all": True, "horizon": 91}))

    assert told.ok
    assert told.said["statusCode"] == 422
    assert json.loads(told.said["body"])["errors"][0]["field"] == "horizon"


@pytest.mark.parametrize("handler", ["retrain_tick", "dead_letter_alarm"])
def test_a_broker_that_is_away_is_an_error_with_what_to_look_at(
    lambdas: LambdaRuntime, handler: str
):
    with lambdas.function(
        handler, SHELFCAST_KAFKA_BOOTSTRAP=NOBODY, SHELFCAST_LAMBDA_ALARM_TOPIC="arn:aws:sns:a:1:b"
    ) as function:
        told = function.invoke(tick())

    assert not told.ok
    assert told.said["errorType"] == "BrokerAway"
    assert f"Kafka at {NOBODY} is away" in told.said["errorMessage"]
    assert "security group" in told.said["errorMessage"]
    assert told.said["stackTrace"]


def test_a_broker_that_is_away_from_a_request_is_a_503(lambdas: LambdaRuntime):
    with lambdas.function("retrain_http", SHELFCAST_KAFKA_BOOTSTRAP=NOBODY) as retrain:
        told = retrain.invoke(post_v2({"all": True}))

    assert (told.ok, told.said["statusCode"]) == (True, 503)


def test_a_broker_that_says_nothing_is_an_error_before_the_time_is_up(
    lambdas: LambdaRuntime, silent: str
):
    with lambdas.function("retrain_tick", SHELFCAST_KAFKA_BOOTSTRAP=silent) as retrain:
        told = retrain.invoke(tick(), SECONDS)

    assert told.said["errorType"] == "BrokerAway"
    assert "acknowledged nothing for 1" in told.said["errorMessage"]


def test_a_function_that_failed_takes_the_next_event(lambdas: LambdaRuntime):
    with lambdas.function(
        "retrain_tick", SHELFCAST_KAFKA_BOOTSTRAP=NOBODY, SHELFCAST_SCHEDULE=""
    ) as retrain:
        told = [retrain.invoke(event) for event in ({}, [], tick())]

    assert [each.ok for each in told] == [False, False, True]
    assert told[0].said["errorType"] == "NoTick"


def test_a_wrong_setting_is_an_error_that_names_it(lambdas: LambdaRuntime):
    with lambdas.function(
        "retrain_tick", SHELFCAST_KAFKA_BOOTSTRAP=NOBODY, SHELFCAST_KAFKA_SECURITY="TLS"
    ) as retrain:
        told = retrain.invoke(tick())

    assert told.said["errorType"] == "BadSetting"
    assert "SHELFCAST_KAFKA_SECURITY" in told.said["errorMessage"]


def test_lines_of_the_log_are_json_with_invocation_and_trace(lambdas: LambdaRuntime):
    with lambdas.function("retrain_http", SHELFCAST_KAFKA_BOOTSTRAP=NOBODY) as retrain:
        retrain.invoke(post_v2({"all": True}, **{"x-amzn-trace-id": TRACE}))
        lines = retrain.lines

    of_a_request = [line for line in lines if line.get("trace_id") == TRACE_ID]
    assert of_a_request
    assert {line["function"] for line in of_a_request} == {"shelfcast-test"}
    assert len({line["request_id"] for line in of_a_request}) == 1


@pytest.mark.parametrize(
    ("handler", "kind", "told"),
    [
        ("infra.hosts.aws_lambda.no_tick", "Runtime.HandlerNotFound", "no_tick"),
        ("infra.hosts.azure.tick", "Runtime.ImportModuleError", "infra.hosts.azure"),
    ],
)
def test_a_handler_that_is_not_there_fails_the_start(
    lambdas: LambdaRuntime, handler: str, kind: str, told: str
):
    with lambdas.process(handler) as function:
        failed = function.start()

    assert failed is not None
    assert failed.said["errorType"] == kind
    assert told in failed.said["errorMessage"]


def test_a_zip_that_lacks_a_package_fails_the_start_and_names_it(
    lambdas: LambdaRuntime, tmp_path: Path
):
    for entry in lambdas.code.iterdir():
        (tmp_path / entry.name).symlink_to(entry)
    broken = tmp_path / "events"
    broken.unlink()
    broken.mkdir()
    for entry in (lambdas.code / "events").iterdir():
        if entry.name not in ("cluster.py", "__pycache__"):
            (broken / entry.name).symlink_to(entry)

    with lambdas.process("infra.hosts.aws_lambda.retrain_tick", tmp_path) as function:
        failed = function.start()

    assert failed is not None
    assert failed.said["errorType"] == "Runtime.ImportModuleError"
    assert "events.cluster" in failed.said["errorMessage"]

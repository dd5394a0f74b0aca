"""`serverless.yml`, packaged as it would be deployed: what AWS is asked for, and no more."""

import importlib
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.aws import package
from infra.hosts.lambda_settings import PREFIX, LambdaSettings
from infra.settings import Settings
from tests.deploy import osls
from tests.deploy.osls import Packaged
from tests.deploy.tools import PROJECT, run

IN_A_VPC = ("--param", "subnets=subnet-0a,subnet-0b", "--param", "security_groups=sg-0a")
TICKS = {"Retrain": "schedule", "RollForward": "forecast_schedule", "Prune": "prune_schedule"}
# AWS takes no other resource for the network interfaces of functions in a VPC.
MAY_BE_ANY = "ec2:"
W_BUCKET, W_NO_SUBNETS = "W3005", "W1033"  # osls's own; "" of a branch that is not taken


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, lambda_zip: Path) -> Path:
    osls.require()
    return osls.project(tmp_path_factory.mktemp("osls"), lambda_zip)


@pytest.fixture(scope="module")
def dev(folder: Path) -> Packaged:
    return osls.package(folder, "dev")


@pytest.fixture(scope="module")
def prod(folder: Path) -> Packaged:
    return osls.package(folder, "prod", *IN_A_VPC, "--param", "alarm_email=ops@example.org")


def test_the_template_of_each_stage_is_one_that_cloudformation_takes(dev, prod):
    run("cfn-lint", ["-i", W_BUCKET, W_NO_SUBNETS, "--", dev.file, prod.file])


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("    reservedConcurrency: 5", "    reservedConcurency: 5", "unrecognized property"),
        ("alarm_rule: rate(5 minutes)", "alarm_rule: each 5 minutes", "schedule"),
    ],
)
def test_a_slip_in_serverless_yml_is_refused(tmp_path: Path, lambda_zip: Path, right, wrong, told):
    osls.require()
    folder = osls.project(tmp_path, lambda_zip)
    file = folder / "serverless.yml"
    text = file.read_text()
    assert right in text
    file.write_text(text.replace(right, wrong))

    refused = osls.osls(folder, ["package", "--package", "out"])

    assert refused.returncode != 0
    assert told in refused.stdout + refused.stderr


def test_every_handler_is_in_the_zip_and_can_be_called(dev: Packaged, lambda_zip: Path):
    names = set(zipfile.ZipFile(lambda_zip).namelist())
    handlers = {f["Handler"] for f in dev.of_type("AWS::Lambda::Function").values()}

    assert len(handlers) == 5
    for handler in handlers:
        module, _, name = handler.rpartition(".")
        assert f"{module.replace('.', '/')}.py" in names
        assert callable(getattr(importlib.import_module(module), name))


def test_the_functions_run_what_the_zip_is_built_for(dev: Packaged):
    for function in dev.of_type("AWS::Lambda::Function").values():
        assert function["Runtime"] == f"python{package.PYTHON}"
        assert function["Architectures"] == [package.PLATFORM.partition("-")[0]]


def test_every_variable_is_a_setting(dev: Packaged):
    known = {
        PREFIX + name.upper() for name in {*Settings.model_fields, *LambdaSettings.model_fields}
    }
    for function in dev.of_type("AWS::Lambda::Function").values():
        assert set(function["Environment"]["Variables"]) <= known


def test_no_variable_is_secret_and_each_stage_reads_its_own(dev: Packaged, prod: Packaged):
    for stage, packaged in (("dev", dev), ("prod", prod)):
        for function in packaged.of_type("AWS::Lambda::Function").values():
            variables = function["Environment"]["Variables"]
            assert variables["SHELFCAST_LAMBDA_PARAMETERS"] == f"/shelfcast/{stage}"
            assert not [name for name in variables if "PASSWORD" in name or "URL" in name]


@pytest.mark.parametrize(("function", "setting"), TICKS.items())
def test_a_tick_has_the_schedule_that_other_clocks_have(dev: Packaged, function, setting):
    """And its rule fires by it: a tick's id is made of the one, its time of the other."""
    schedule = Settings.model_fields[setting].default
    deployed = dev.of_type("AWS::Lambda::Function")[f"{function}LambdaFunction"]
    rule = _rule_of(dev, f"{function}LambdaFunction")

    assert deployed["Environment"]["Variables"][PREFIX + setting.upper()] == schedule
    assert rule["State"] == "ENABLED"
    assert rule["ScheduleExpression"] == _as_a_rule(schedule)


def test_a_tick_that_fails_is_tried_again_and_then_kept(dev: Packaged):
    kept = {"Fn::GetAtt": ["FailedTicks", "Arn"]}
    for function in TICKS:
        tries = dev.of_type("AWS::Lambda::EventInvokeConfig")[f"{function}LambdaEvConf"]
        (target,) = _rule_of(dev, f"{function}LambdaFunction")["Targets"]

        assert tries["MaximumRetryAttempts"] == 2
        assert tries["DestinationConfig"]["OnFailure"]["Destination"] == kept
        assert target["RetryPolicy"]["MaximumRetryAttempts"] == 10
        assert target["DeadLetterConfig"]["Arn"] == kept


def test_whoever_asks_over_http_signs_with_a_name(dev: Packaged):
    (url,) = dev.of_type("AWS::Lambda::Url").values()

    assert url["AuthType"] == "AWS_IAM"
    callers = dev.of_type("AWS::Lambda::Permission").values()
    assert {each["Principal"] for each in callers} == {"events.amazonaws.com"}


def test_each_function_has_a_role_of_its_own(dev: Packaged):
    roles = [f["Role"]["Fn::GetAtt"][0] for f in dev.of_type("AWS::Lambda::Function").values()]

    assert len(roles) == len(set(roles)) == 5
    assert set(roles) == set(dev.of_type("AWS::IAM::Role"))


def test_no_role_may_do_anything_or_to_anything(prod: Packaged):
    statements = list(_allowed(prod))

    assert len(statements) > 10
    for name, statement in statements:
        actions = _listed(statement["Action"])
        assert not [action for action in actions if "*" in action], name
        for resource in _listed(statement["Resource"]):
            if resource == "*":
                assert all(action.startswith(MAY_BE_ANY) for action in actions), name


def test_a_role_writes_the_log_of_its_own_function_alone(dev: Packaged):
    for name, function in dev.of_type("AWS::Lambda::Function").items():
        (role,) = [function["Role"]["Fn::GetAtt"][0]]
        logs = [
            json.dumps(statement["Resource"])
            for of, statement in _allowed(dev)
            if of == role and _listed(statement["Action"])[0].startswith("logs:")
        ]
        assert len(logs) == 1, name
        assert f"/aws/lambda/{function['FunctionName']}:*" in logs[0]


def test_only_the_alarm_may_tell_and_only_ticks_may_be_kept(dev: Packaged):
    may: dict[str, set[str]] = {}
    for role, statement in _allowed(dev):
        for action in _listed(statement["Action"]):
            may.setdefault(action, set()).add(role)

    assert may["sns:Publish"] == {"DeadLetterAlarmRole"}
    assert may["sqs:SendMessage"] == {f"{function}Role" for function in TICKS}


def test_every_log_ends_and_nothing_that_is_kept_is_open(dev: Packaged, prod: Packaged):
    assert {g["RetentionInDays"] for g in dev.of_type("AWS::Logs::LogGroup").values()} == {14}
    assert {g["RetentionInDays"] for g in prod.of_type("AWS::Logs::LogGroup").values()} == {90}
    (queue,) = dev.of_type("AWS::SQS::Queue").values()
    assert queue["SqsManagedSseEnabled"] is True


def test_the_lock_of_what_deploys_has_digests_and_no_address():
    text = (PROJECT / "infra/aws/package-lock.json").read_text()
    packages = json.loads(text)["packages"]

    assert "://" not in text
    assert all("integrity" in each for name, each in packages.items() if name)
    wanted = json.loads((PROJECT / "infra/aws/package.json").read_text())["devDependencies"]
    for name, version in wanted.items():
        assert packages[f"node_modules/{name}"]["version"] == version


def _rule_of(packaged: Packaged, function: str) -> dict[str, Any]:
    (rule,) = (
        rule
        for rule in packaged.of_type("AWS::Events::Rule").values()
        if rule["Targets"][0]["Arn"] == {"Fn::GetAtt": [function, "Arn"]}
    )
    return rule


def _as_a_rule(schedule: str) -> str:
    """A cron expression as EventBridge writes it: with a year, and `?` for the day not named."""
    minute, hour, day, month, weekday = schedule.split()
    if weekday == "*":
        return f"cron({minute} {hour} {day} {month} ? *)"
    names = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
    named = re.sub(r"\d", lambda number: names[int(number[0])], weekday)
    return f"cron({minute} {hour} ? {month} {named} *)"


def _allowed(packaged: Packaged) -> Iterator[tuple[str, dict[str, Any]]]:
    """What roles and policies allow; both sides of a condition."""
    documents: list[tuple[str, Any]] = []
    for name, role in packaged.of_type("AWS::IAM::Role").items():
        documents += [(name, policy["PolicyDocument"]) for policy in role["Policies"]]
    for name, policy in packaged.of_type("AWS::IAM::ManagedPolicy").items():
        documents.append((name, policy["PolicyDocument"]))
    for name, document in documents:
        for statement in document["Statement"]:
            plain = statement["Fn::If"][1] if "Fn::If" in statement else statement
            assert plain["Effect"] == "Allow"
            yield name, plain


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

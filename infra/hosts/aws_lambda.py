"""The Lambda host: the same callables as elsewhere, fed by EventBridge and by HTTP.

A tick or a request becomes an event on Kafka; nothing else is done here, and no database is
asked. A tick's event has the id that `infra.hosts.cron` would give it, so a tick that Lambda
tries again, or that another clock sees too, is one request. Whatever goes wrong is raised, which
makes Lambda try again and then put the tick where failed ones are kept; over HTTP it is an answer.

Each invocation has connections of its own, since those of a frozen container are dead when it
thaws, and gives up in MAX_SHARE of its time, so that it is never cut short without a word.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import ValidationError

from events.broker_refusals import BrokerRefuses
from events.cluster import Cluster
from events.envelope import Event
from events.errors import Refusal
from events.kafka import KafkaConsumer, KafkaProducer
from events.log import Consumer, Producer
from events.payloads import Payload
from events.publisher import Publisher, to_record
from events.topics import DEAD_LETTERS
from infra.hosts import lambda_alarm, lambda_http
from infra.hosts.lambda_logs import Invocation, JsonLines, write_json_lines
from infra.hosts.lambda_settings import (
    PREFIX,
    BadSetting,
    ClientOf,
    LambdaSettings,
    StoredSettings,
    aws_client,
)
from infra.hosts.ticks import ticks
from infra.kafka.outages import NOT_ALLOWED, is_kafka_outage
from infra.settings import Settings

if TYPE_CHECKING:
    from functions.api.problem_document import Refused

log = logging.getLogger("shelfcast.lambda")

MAX_SHARE = 0.6  # of the time left; the rest is for closing connections and the answer
CLOSING_SECONDS = 5.0  # that a producer whose broker is silent takes to close
AWAY = (
    f"is away. Should it stay so, look at {PREFIX}KAFKA_BOOTSTRAP, at {PREFIX}KAFKA_SECURITY, and "
    "at the function's subnets and security group"
)
REFUSED = (
    "does not let this user do that. Look at the user's name and password, and at what it may do: "
    "`shelfcast credentials` brings that up to date"
)
TRACE = "_X_AMZN_TRACE_ID"  # where Lambda says which trace an invocation is part of


class NoTick(ValueError):
    """An event that no schedule's rule sends."""


class BrokerAway(Exception):
    """Kafka took nothing, or refused the user; the same again later does no harm."""


class Context(Protocol):
    """What Lambda says of an invocation."""

    aws_request_id: str
    function_name: str

    def get_remaining_time_in_millis(self) -> int:
        """Until Lambda ends it."""


class LambdaHost:
    """The functions; everything outside is handed in."""

    def __init__(
        self,
        settings: StoredSettings,
        producer: Callable[[Cluster, float], Producer] = KafkaProducer,
        consumer: Callable[[Cluster, str, list[str]], Consumer] = KafkaConsumer,
        client: ClientOf = aws_client,
    ) -> None:
        self._settings = settings
        self._producer, self._consumer, self._client = producer, consumer, client
        self.lines = JsonLines()

    def tick(self, name: str, event: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """A schedule's tick: its event is published. `name` is the schedule's setting."""
        self._begin(context, None)
        at = _time_of(event)
        settings = self._settings()
        schedule = next((each for each in ticks(settings) if each.name == name), None)
        if schedule is None:
            log.warning("%s%s is empty: nobody asks for this tick", PREFIX, name.upper())
            return {"published": None}
        request = schedule.event(at)
        self._publish(request, settings, context)
        return {"published": request.id}

    def retrain(self, event: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """A request over HTTP to retrain: 202 once Kafka has it."""
        from functions.api.problem_document import INVALID, Refused  # not for those that only tick

        request = lambda_http.request_of(event)
        trace = lambda_http.trace_of_request(request.headers)
        self._begin(context, trace)
        try:
            accepted = self._asked(request, trace, context)
        except Refused as refused:
            return _told(refused, request.path)
        except Refusal as refusal:
            return _told(Refused(INVALID, refusal), request.path)
        return lambda_http.answer(202, accepted, {})

    def _asked(
        self, request: lambda_http.HttpRequest, trace: str | None, context: Context
    ) -> dict[str, Any]:
        """What is answered once Kafka has the request; Refused or Refusal for one that it is not
        to have, or may not have.
        """
        from functions.api import faults
        from functions.api.retraining import retrain_event
        from functions.api.views import Accepted, RetrainBody
        from functions.known_strategy import known_strategy

        if request.method != "POST":
            raise faults.wrong_method(request.method, "POST")
        faults.check_type(request.headers.get("content-type", ""))
        if len(request.body) > faults.MAX_BYTES:
            raise faults.too_large(f"{len(request.body):,}")
        try:
            body = RetrainBody.model_validate_json(request.body)
        except ValidationError as error:
            raise faults.invalid_body(RetrainBody, error) from None
        settings = self._settings()
        known_strategy(body.strategy, settings.strategy_table)
        asked = retrain_event(body, trace)
        try:
            self._publish(asked, settings, context)
        except BrokerAway as error:
            cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
            again = faults.repeat_with("run_id", asked.id, "one run")
            raise faults.not_acknowledged(cause, again) from error
        return Accepted(run_id=asked.id, url=f"/runs/{asked.id}").model_dump()

    def alarm(self, context: Context) -> dict[str, Any]:
        """A look at the dead letters: SNS is told how many are new, if any are."""
        self._begin(context, None)
        settings = self._settings()
        topic = LambdaSettings(_env_file=None).lambda_alarm_topic
        if topic is None:
            raise BadSetting(f"{PREFIX}LAMBDA_ALARM_TOPIC is not set: set it to an SNS topic's ARN")
        seconds = _seconds(context)
        consumer = self._consumer(settings.kafka, lambda_alarm.GROUP, [DEAD_LETTERS])
        found = self._run(self._look(consumer, topic, seconds), seconds, settings)
        log.info("looked at dead letters", extra={"letters": found})
        return {"letters": found}

    async def _look(self, consumer: Consumer, topic: str, seconds: float) -> dict[str, int]:
        now = asyncio.get_running_loop().time
        until = now() + seconds / 2  # the other half is for the alarm and the commit
        try:
            await consumer.start()
            found = await lambda_alarm.look(consumer, lambda: now() < until)
            if found.letters:
                said = lambda_alarm.alarm(found)
                await asyncio.to_thread(self._tell, topic, said)
            if found.read:
                await consumer.commit(found.read)
        finally:
            await consumer.close()
        return found.topics

    def _tell(self, topic: str, said: Mapping[str, Any]) -> None:
        self._client("sns").publish(TopicArn=topic, **said)

    def _publish(self, event: Event[Payload], settings: Settings, context: Context) -> None:
        seconds = _seconds(context)
        producer = self._producer(settings.kafka, seconds)
        self._run(_published(producer, event), seconds + CLOSING_SECONDS, settings)
        log.info(
            "published %s for %s",
            event.data.TYPE,
            event.data.subject,
            extra={"event_id": event.id, "topic": to_record(event).topic},
        )

    def _run(self, work: Any, seconds: float, settings: Settings) -> Any:
        try:
            return asyncio.run(_in_time(work, seconds))
        except Exception as error:
            if not is_kafka_outage(error):
                raise
            self._settings.forget()
            said = " ".join(str(error).split()) or f"no answer in {seconds:.0f} s"
            refused = isinstance(error, (BrokerRefuses, *NOT_ALLOWED))
            raise BrokerAway(
                f"Kafka at {settings.kafka} {REFUSED if refused else AWAY}; the same is asked for "
                f"again by the next try. It said: {type(error).__name__}: {said}"
            ) from error

    def _begin(self, context: Context, trace: str | None) -> None:
        aws = os.environ.get(TRACE)
        trace = trace or lambda_http.trace_of_aws(aws)
        self.lines.invocation = Invocation(
            context.aws_request_id, context.function_name, trace and trace.split("-")[1], aws
        )


async def _published(producer: Producer, event: Event[Payload]) -> None:
    try:
        await Publisher(producer).publish([event])
    finally:
        await producer.close()


async def _in_time(work: Any, seconds: float) -> Any:
    async with asyncio.timeout(seconds):
        return await work


def _seconds(context: Context) -> float:
    return context.get_remaining_time_in_millis() / 1000 * MAX_SHARE


def _time_of(event: Mapping[str, Any]) -> datetime:
    """The minute that a scheduled event of EventBridge names: a rule fires within it."""
    text = event.get("time")
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise NoTick(
            f"time: {text!r} is not a time with a zone; a rule's event has one. By hand, invoke it "
            'with {"time": "2026-11-23T04:00:00Z"}'
        )
    return at.astimezone(UTC).replace(second=0, microsecond=0)


def _told(refused: "Refused", path: str) -> dict[str, Any]:
    log.warning("refused: %s", refused, extra={"status": refused.kind.status})
    return lambda_http.answer(refused.kind.status, refused.document(path), refused.all_headers)


_HOST = LambdaHost(StoredSettings())
if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    write_json_lines(_HOST.lines)


def retrain_tick(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """The full retrain's schedule."""
    return _HOST.tick("schedule", event, context)


def roll_forward_tick(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """The roll-forward's schedule."""
    return _HOST.tick("forecast_schedule", event, context)


def prune_tick(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """The pruning's schedule."""
    return _HOST.tick("prune_schedule", event, context)


def retrain_http(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """POST of what to retrain."""
    return _HOST.retrain(event, context)


def dead_letter_alarm(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """A look at the dead letters; what the event says does not matter."""
    return _HOST.alarm(context)

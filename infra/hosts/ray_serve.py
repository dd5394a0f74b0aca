"""The Ray Serve host: a deployment per process of the catalogue, the HTTP API as the ingress.

`python -m infra.hosts.ray_serve` starts Ray (or joins the cluster that the settings
name), deploys everything as one application, and runs the schedules' clock until SIGTERM. It
monitors the Ray that it started: if that is lost, it ends the rest of it, and exits.
"""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

# light_serve has to be the first to import Serve.
from infra.hosts.light_serve import PRELOADED

# isort: split
import psutil
import ray
from fastapi import FastAPI
from ray import serve
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy
from ray.serve.schema import LoggingConfig

from events.clock import utc_now
from events.kafka import KafkaProducer
from events.publisher import Publisher
from functions.catalog import EXPRESS, FUNCTIONS, Function, processes
from infra.access import user_of
from infra.current import NotCurrent, require_current
from infra.hosts.cron import next_tick, run_clock
from infra.hosts.function_host import FunctionHost, workers_of
from infra.hosts.lag_policy import LagPolicy
from infra.hosts.ray_node import (
    end_node,
    end_processes,
    has_a_controller,
    has_a_node,
    keep_replica_on_loopback,
    start_node,
)
from infra.hosts.ray_watch import NodeLost, Questioner, is_healthy, watch
from infra.hosts.schedules import schedules
from infra.local import logs
from infra.log_lines import write_logs
from infra.metrics.counts import counts
from infra.observing import observer
from infra.outages import is_outage
from infra.reaching import CredentialRefused
from infra.settings import CredentialsMissing, Settings, load_settings

log = logging.getLogger("shelfcast")

APP = "shelfcast"
API_SEND_SECONDS = 5.0  # the longest that a caller waits for Kafka
API_CONNECTIONS = 10
CLOCK_CONNECTIONS = 1
PROBE_SECONDS = 2.0
CUT_LOGS_EVERY = 60.0  # seconds
SCALED = "trainer"  # the process whose number of replicas follows the lag
UPSCALE_SECONDS = 2.0  # lag that lasts longer is more than one replica can handle


class FunctionReplica:
    """The functions of one process, each with its FunctionHost, as a Serve replica.

    `others` are deployments that are wanted too; Serve starts what is bound to an ingress.
    """

    def __init__(self, names: Sequence[str], settings: Settings, *others: Any) -> None:
        if settings.ray_is_closed:
            keep_replica_on_loopback()
        write_logs(settings.log_format, logging.WARNING)
        # Serve calls this with the replica's event loop running, which the consumers need.
        self._hosts = {name: FunctionHost(name, settings) for name in names}

    async def health(self) -> dict[str, dict[str, Any]]:
        """Return each function's status, for the API's readiness."""
        states = await asyncio.gather(*(host.health() for host in self._hosts.values()))
        return dict(zip(self._hosts, states, strict=True))

    def check_health(self) -> None:
        """Called by Serve; raising three times in a row replaces the replica."""
        for host in self._hosts.values():
            host.check()

    async def __del__(self) -> None:
        """Awaited by Serve when the replica is to stop."""
        await asyncio.gather(*(host.stop() for host in self._hosts.values()))


def application(settings: Settings) -> serve.Application:
    """The whole system as one Serve application.

    In the shared layout the API lives with the express lane: both are idle most of the time.
    """
    places = processes(settings.process_layout)
    with_api = places.pop(EXPRESS) if settings.process_layout == "shared" else ()
    replicas = [
        _deployment(FunctionReplica, name, functions, settings).bind(_names(functions), settings)
        for name, functions in places.items()
    ]
    ingress = serve.ingress(lambda: _api(settings))(FunctionReplica)
    api = _deployment(ingress, EXPRESS if with_api else "api", with_api, settings)
    return api.options(max_ongoing_requests=100).bind(_names(with_api), settings, *replicas)


def _names(functions: Sequence[Function]) -> list[str]:
    return [each.name for each in functions]


def _deployment(
    replica: type[FunctionReplica], name: str, functions: Sequence[Function], settings: Settings
) -> serve.Deployment:
    return serve.deployment(
        replica,
        name=name,
        ray_actor_options={"num_cpus": sum(workers_of(each, settings) for each in functions)},
        health_check_period_s=5,
        graceful_shutdown_wait_loop_s=0.5,
        **_replicas(name, functions, settings),
    )


def _replicas(name: str, functions: Sequence[Function], settings: Settings) -> dict[str, Any]:
    """Return the replica settings: a fixed number, or for trainers bounds and the lag policy."""
    if name != SCALED:
        return {"num_replicas": settings.replicas_of(name)}
    fewest, most = settings.trainer_replicas_min, settings.trainer_replicas_max
    if fewest == most:
        return {"num_replicas": most}
    [function] = functions
    policy = AutoscalingPolicy(
        policy_function=LagPolicy,
        policy_kwargs={
            # Serve accepts only JSON values here.
            "cluster": asdict(settings.of(user_of(function.name)).kafka),
            "group": function.group,
            "topics": list(function.inputs),
            "per_replica": function.max_batch,
        },
    )
    return {
        "autoscaling_config": AutoscalingConfig(
            min_replicas=fewest,
            max_replicas=most,
            initial_replicas=fewest,
            upscale_delay_s=UPSCALE_SECONDS,
            downscale_delay_s=settings.trainer_idle_seconds,
            policy=policy,
        )
    }


def _api(settings: Settings) -> FastAPI:
    from functions.api import create_app
    from infra.metrics.asked import Asked
    from infra.metrics.exposition import text
    from infra.postgres.caching_storage import CachingStorage

    if settings.ray_is_closed:
        keep_replica_on_loopback()

    own = settings.of("api")
    storage = CachingStorage(own.database, API_CONNECTIONS)
    producer = KafkaProducer(own.kafka, API_SEND_SECONDS)
    observing = observer(settings, [])

    async def health() -> dict[str, dict[str, Any]]:
        probes = (
            _probe(process, _names(functions), settings)
            for process, functions in processes(settings.process_layout).items()
        )
        return {
            name: state for probe in await asyncio.gather(*probes) for name, state in probe.items()
        }

    asked = Asked(own.database, own.kafka, health)

    async def metrics() -> bytes:
        said = await asked.text()
        if settings.metrics_port == 0:
            said += await asyncio.to_thread(text, counts(settings.home))
        return said

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asked.close()
        await producer.close()
        await storage.close()

    app = create_app(
        storage,
        Publisher(producer, observing),
        health,
        is_outage,
        settings.strategy_table,
        settings.retention,
        (settings.http_host, *settings.http_hosts),
        metrics,
    )
    app.router.lifespan_context = lifespan
    return app


async def _probe(
    process: str, names: Sequence[str], settings: Settings
) -> dict[str, dict[str, Any]]:
    """Return the state of each function of a process."""
    if process == SCALED and settings.trainer_replicas_min == 0:
        # A call to a deployment without replicas would wait for one.
        status = await asyncio.to_thread(serve.status)
        if not status.applications[APP].deployments[process].replica_states:
            return {name: {"state": "idle"} for name in names}
    handle = serve.get_deployment_handle(process, APP)
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            states: dict[str, dict[str, Any]] = await handle.health.remote()
    except (TimeoutError, ray.exceptions.RayError) as error:
        return {name: {"state": "unreachable", "trouble": repr(error)} for name in names}
    return states


def start(settings: Settings) -> dict[str, psutil.Process]:
    """Start Ray and Serve, and deploy; returns when every replica runs.

    What is returned are the processes of the node by name, none if it is a cluster that is joined.
    """
    node = {}
    if settings.ray_address is None:
        node = start_node(settings.home, PRELOADED, settings.ray_port)
    else:
        ray.init(address=settings.ray_address, configure_logging=False)
    serve.start(
        proxy_location="HeadOnly",
        http_options={"host": settings.http_host, "port": settings.http_port or 8000},
    )
    # No line for each request: a client that waits for a run sends many.
    quiet = LoggingConfig(enable_access_log=False)
    serve.run(application(settings), name=APP, logging_config=quiet)
    return node


def stop(settings: Settings) -> None:
    """Stop what `start` started, replicas first."""
    if settings.ray_address is None:
        if ray.is_initialized():
            serve.shutdown()
        end_node(settings.home)
    else:
        serve.delete(APP)
        ray.shutdown()


async def _serve_until_stopped(settings: Settings, node: Mapping[str, psutil.Process]) -> None:
    from infra.postgres.storage import PostgresStorage

    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    own = settings.of("clock")
    producer = KafkaProducer(own.kafka)
    storage = PostgresStorage(own.database, CLOCK_CONNECTIONS)
    clocks = Publisher(producer, observer(settings, []))
    clock = asyncio.create_task(run_clock(schedules(settings), clocks, storage))
    sign = os.environ.get("SHELFCAST_READY_FILE")
    api = partial(is_healthy, settings.http_host, settings.http_port or 8000)
    questioner = Questioner([has_a_node, has_a_controller, api])
    watching = asyncio.create_task(watch(node, questioner, Path(sign) if sign else None))
    log.info("ready on http://%s:%s", settings.http_host, settings.http_port)
    cutting = asyncio.create_task(_cut_logs(settings.home / "logs"))
    tasks = [clock, watching, cutting, asyncio.create_task(stopped.wait())]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    await producer.close()
    await storage.close()
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _cut_logs(folder: Path) -> None:
    """Rotate the logs of the whole stack: no other part sees all of them."""
    while True:
        try:
            for file in await asyncio.to_thread(logs.cut, folder):
                log.info("%s had become too large: what it held is in %s.1", file, file)
        except OSError as error:
            log.warning("can't cut the logs in %s: %s", folder, error)
        await asyncio.sleep(CUT_LOGS_EVERY)


def _end(*_: object) -> None:
    raise SystemExit(0)


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = load_settings()
    write_logs(settings.log_format)
    for schedule in schedules(settings):
        next_tick(schedule, utc_now())  # report an invalid schedule before anything starts
    try:
        inputs = {topic for each in FUNCTIONS.values() for topic in each.inputs}
        require_current(settings.of("api"), inputs)
    except (NotCurrent, CredentialRefused, CredentialsMissing) as error:
        raise SystemExit(f"shelfcast: {error}") from None
    signal.signal(signal.SIGTERM, _end)
    try:
        node = start(settings)
        asyncio.run(_serve_until_stopped(settings, node))
    except Exception as error:
        # No clean shutdown after a loss: Serve, Ray and their exit handlers would wait for it.
        if settings.ray_address is not None:
            raise
        log.error("%s", error, exc_info=None if isinstance(error, NodeLost) else error)
        log.error("ending what is left; `shelfcast up` starts it again")
        end_processes(settings.home)
        logging.shutdown()
        os._exit(1)
    finally:
        stop(settings)


if __name__ == "__main__":
    main()

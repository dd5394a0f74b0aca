"""The catalogue of functions, from which hosts, docs and the system diagram are made.

Each function that handles runs is listed twice, once per lane: the same code in two consumer
groups. The functions of the express lane share a process, since they get few events. A function's
module is imported when it is built, so a process loads only what it runs.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from events.envelope import Event
from events.payloads import EXPRESS_SERIES, Payload, Policy
from events.topics import on_lane
from functions.forecasting.backtest import DEFAULT, Backtest
from functions.forecasting.strategy import Strategies, table
from functions.retention import Retention

if TYPE_CHECKING:
    from functions.forecasting.engines.engine import Engine
    from functions.ports import Storage
    from infra.settings import Layout

Handler = Callable[[Sequence[Event[Payload]]], Awaitable[Sequence[Event[Payload]]]]


@dataclass(frozen=True)
class Dependencies:
    """What functions are built from; `versions` are those of the training libraries.

    `engine` may be None for functions that do not fit models.
    """

    storage: "Storage"
    engine: "Engine | None"
    versions: Mapping[str, str]
    shard_series: int
    shard_rows: int
    strategies: Strategies = field(default_factory=table)
    backtest: Backtest = DEFAULT
    policy: Policy = "if-better"
    express_series: int = EXPRESS_SERIES
    retention: Retention = field(default_factory=Retention)


@dataclass(frozen=True)
class Function:
    """A function: the topics it reads and writes, and what it needs to run.

    `max_batch` is the largest number of events in a batch. `fits` says that it fits models, so a
    host gives it the cores that the engine uses. `process` names the process it runs in; see
    `processes` for the layouts.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    build: Callable[[Dependencies], Handler]
    process: str
    max_batch: int = 500
    fits: bool = False

    @property
    def group(self) -> str:
        """Its Kafka consumer group."""
        return f"shelfcast-{self.name}"


EXPRESS = "express"
BULK = "bulk"


def _planner(d: Dependencies) -> Handler:
    from functions.planner import Planner

    return Planner(
        d.storage, d.shard_series, d.shard_rows, d.strategies, d.policy, d.express_series
    )


def _trainer(d: Dependencies) -> Handler:
    from functions.trainer import Trainer

    if d.engine is None:
        raise ValueError("engine: is None, and the trainer fits; give it one")
    return Trainer(d.storage, d.engine, d.versions, d.strategies, d.backtest)


def _registry(d: Dependencies) -> Handler:
    from functions.registry import Registry

    return Registry(d.storage)


def _forecaster(d: Dependencies) -> Handler:
    from functions.forecaster import Forecaster

    return Forecaster(d.storage)


def _refresher(d: Dependencies) -> Handler:
    from functions.refresher import Refresher

    return Refresher(d.storage, d.express_series)


def _pruner(d: Dependencies) -> Handler:
    from functions.pruner import Pruner

    return Pruner(d.storage, d.retention)


_BULK = (
    Function(
        "planner",
        inputs=("retrain-requests",),
        outputs=("training-shards", "training-shards-express", "runs"),
        build=_planner,
        process="planner",
    ),
    Function(
        "trainer",
        inputs=("training-shards",),
        outputs=("training-results",),
        build=_trainer,
        max_batch=2,  # shards; few keep results flowing, but with 1 every fifth poll was 0.4 s late
        fits=True,
        process="trainer",
    ),
    Function(
        "registry",
        inputs=("training-results", "promotion-requests", "dead-letters"),
        outputs=(
            *("model-promotions", "model-promotions-express"),
            *("forecast-shards", "forecast-shards-express", "runs"),
        ),
        build=_registry,
        process="registry",
    ),
    Function(
        "refresher",
        inputs=("forecast-requests", "calendar-changes"),
        outputs=("forecast-shards", "forecast-shards-express"),
        build=_refresher,
        process="forecaster",
    ),
    Function(
        "forecaster",
        inputs=("forecast-shards",),
        outputs=("forecasts",),
        build=_forecaster,
        max_batch=256,  # a shard has up to a hundred series, each of which is an event to publish
        process="forecaster",
    ),
)

# No run passes through these, so they have one lane.
_APART = (
    Function(
        "pruner",
        inputs=("maintenance-requests",),
        outputs=("runs", "maintenance"),
        build=_pruner,
        process="registry",
        max_batch=20,  # waiting requests; one pruning answers all of them
    ),
)


def _on_express_lane(function: Function) -> Function:
    """Return the function reading its inputs from the express lane, where they have one."""
    lanes = {topic: on_lane(topic, "express") for topic in function.inputs}
    return replace(
        function,
        name=f"{EXPRESS}-{function.name}",
        inputs=tuple(express for topic, express in lanes.items() if express != topic),
        outputs=tuple(dict.fromkeys(on_lane(topic, "express") for topic in function.outputs)),
        process=EXPRESS,
    )


FUNCTIONS: dict[str, Function] = {
    function.name: function for function in (*_BULK, *_APART, *map(_on_express_lane, _BULK))
}


def processes(layout: "Layout" = "shared") -> dict[str, tuple[Function, ...]]:
    """The functions that share a process, by its name.

    `spread` gives each function of the bulk lane a process, wherever in a cluster that is.
    `shared` puts those that fit nothing into one, since a process costs more to start than they
    take; the trainer keeps its own, so that no heartbeat waits while Python fits.
    """
    places: dict[str, list[Function]] = {}
    for function in FUNCTIONS.values():
        alone = layout == "spread" or function.fits or function.process == EXPRESS
        places.setdefault(function.process if alone else BULK, []).append(function)
    return {name: tuple(functions) for name, functions in places.items()}

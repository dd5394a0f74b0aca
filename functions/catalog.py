"""The registry of functions: hosts, docs and the picture of the system come from it.

Each function that runs pass through is there twice, once for each lane: the same code in
two consumer groups. The express ones share a process, since few events come their way.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from events.envelope import Event
from events.payloads import EXPRESS_SERIES, Payload, Policy
from events.topics import on_lane
from functions.forecaster import Forecaster
from functions.forecasting.engine import Engine
from functions.forecasting.strategy import Strategies, table
from functions.planner import Planner
from functions.pruner import Pruner
from functions.refresher import Refresher
from functions.registry import Registry
from functions.retention import Retention
from functions.storage import Storage
from functions.trainer import Trainer

Handler = Callable[[Sequence[Event[Payload]]], Awaitable[Sequence[Event[Payload]]]]


@dataclass(frozen=True)
class Dependencies:
    """What functions are made from. `versions` are those of the libraries that train."""

    storage: Storage
    engine: Engine
    versions: Mapping[str, str]
    shard_series: int
    shard_rows: int
    strategies: Strategies = field(default_factory=table)
    policy: Policy = "if-better"
    express_series: int = EXPRESS_SERIES
    retention: Retention = field(default_factory=Retention)


@dataclass(frozen=True)
class Function:
    """One function: what it reads and writes, and what it takes to run.

    `most` is the largest batch of events it is given; `fits` says that it fits models, so
    a host gives it the cores that the engine keeps busy. Functions of one `process` run
    side by side in it.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    build: Callable[[Dependencies], Handler]
    process: str
    most: int = 500
    fits: bool = False

    @property
    def group(self) -> str:
        """Its Kafka consumer group."""
        return f"shelfcast-{self.name}"


EXPRESS = "express"

_BULK = (
    Function(
        "planner",
        inputs=("retrain-requests",),
        outputs=("training-shards", "training-shards-express", "runs"),
        build=lambda d: Planner(
            d.storage, d.shard_series, d.shard_rows, d.strategies, d.policy, d.express_series
        ),
        process="planner",
    ),
    Function(
        "trainer",
        inputs=("training-shards",),
        outputs=("training-results",),
        build=lambda d: Trainer(d.storage, d.engine, d.versions, d.strategies),
        most=2,  # shards: few, so that results flow on while the next are trained
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
        build=lambda d: Registry(d.storage),
        process="registry",
    ),
    Function(
        "refresher",
        inputs=("forecast-requests", "calendar-changes"),
        outputs=("forecast-shards", "forecast-shards-express"),
        build=lambda d: Refresher(d.storage, d.express_series),
        process="forecaster",
    ),
    Function(
        "forecaster",
        inputs=("forecast-shards",),
        outputs=("forecasts",),
        build=lambda d: Forecaster(d.storage),
        most=256,  # a shard has up to a hundred series, each of which is an event to publish
        process="forecaster",
    ),
)

# No run passes through these, so they have one lane.
_APART = (
    Function(
        "pruner",
        inputs=("maintenance-requests",),
        outputs=("runs", "maintenance"),
        build=lambda d: Pruner(d.storage, d.retention),
        process="registry",
        most=20,  # requests that wait together: one pruning does for all of them
    ),
)


def _on_express_lane(function: Function) -> Function:
    """The function with the inputs that have an express lane, from that lane."""
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


def processes() -> dict[str, tuple[Function, ...]]:
    """The functions that share a process, by its name."""
    names = dict.fromkeys(function.process for function in FUNCTIONS.values())
    return {
        name: tuple(each for each in FUNCTIONS.values() if each.process == name) for name in names
    }

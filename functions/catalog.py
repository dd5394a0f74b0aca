"""The registry of functions: hosts, docs and the picture of the system come from it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from events.envelope import Event
from events.payloads import Payload
from functions.forecaster import Forecaster
from functions.forecasting.engine import Engine
from functions.forecasting.strategy import Strategies, table
from functions.planner import Planner
from functions.registry import Registry
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
    strategies: Strategies = field(default_factory=table)


@dataclass(frozen=True)
class Function:
    """One function: what it reads and writes, and what it takes to run.

    `most` is the largest batch of events it is given; `fits` says that it fits models, so
    a host gives it the cores that the engine keeps busy.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    build: Callable[[Dependencies], Handler]
    most: int = 500
    fits: bool = False

    @property
    def group(self) -> str:
        """Its Kafka consumer group."""
        return f"shelfcast-{self.name}"


FUNCTIONS: dict[str, Function] = {
    function.name: function
    for function in (
        Function(
            "planner",
            inputs=("retrain-requests",),
            outputs=("training-shards", "runs"),
            build=lambda d: Planner(d.storage, d.shard_series, d.strategies),
        ),
        Function(
            "trainer",
            inputs=("training-shards",),
            outputs=("training-results",),
            build=lambda d: Trainer(d.storage, d.engine, d.versions, d.strategies),
            most=8,  # shards: enough to fill a batch, few enough to show progress
            fits=True,
        ),
        Function(
            "registry",
            inputs=("training-results", "promotion-requests", "dead-letters"),
            outputs=("model-promotions", "runs"),
            build=lambda d: Registry(d.storage),
        ),
        Function(
            "forecaster",
            inputs=("model-promotions",),
            outputs=("forecasts",),
            build=lambda d: Forecaster(d.storage),
        ),
    )
}

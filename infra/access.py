"""Access rights: the table of users in Kafka and Postgres, and the rights of each.

A function is one user on both of its lanes. Its topics and consumer groups come from the
catalogue, its tables are named here; nobody but the operator may do more. An operator (the
command line, migrations, the provisioning of topics) is whoever made the database and the topics.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from events.topics import DEAD_LETTERS, TOPICS, lanes
from functions.catalog import EXPRESS, FUNCTIONS
from infra.hosts import lambda_alarm

READ, ADD, CHANGE, REMOVE = "SELECT", "INSERT", "UPDATE", "DELETE"
KEEP = (READ, ADD, CHANGE)
SINK = "sales"  # the Spark job
_SPARKS_GROUPS = "spark-kafka-source-*"  # Spark generates one for each start of a query

_Rights = dict[str, tuple[str, ...]]
_HISTORY: _Rights = {"daily_sales": (READ,), "calendar": (READ,), "removed_sales": (READ,)}
_MODELS: _Rights = {
    "training_runs": (READ,),
    "training_results": (READ,),
    "model_versions": (READ,),
    "model_aliases": (READ,),
    "alias_history": (READ,),
    "pruned_models": (READ,),
    "served_forecasts": (READ,),
}
_ALL: _Rights = {
    **_HISTORY,
    **_MODELS,
    "sales_removals": (READ,),
    "forecasts": (READ,),
    "schedule_ticks": (READ,),
    "shard_deliveries": (READ,),
}
TABLES: dict[str, _Rights] = {
    SINK: {
        "daily_sales": (*KEEP, REMOVE),
        "removed_sales": KEEP,
        "sales_removals": KEEP,
        "calendar": KEEP,
    },
    "planner": {
        **_HISTORY,
        **_MODELS,
        "training_runs": KEEP,
        "training_results": KEEP,
        "shard_deliveries": (READ,),
    },
    "trainer": {**_HISTORY, **_MODELS, "shard_deliveries": KEEP},
    "registry": {
        **_HISTORY,
        **_MODELS,
        "training_runs": (READ, CHANGE),
        "training_results": (READ, CHANGE),
        "model_versions": KEEP,
        "model_aliases": (*KEEP, REMOVE),
        "alias_history": (READ, ADD),
    },
    "refresher": {**_HISTORY, **_MODELS},
    "forecaster": {
        **_HISTORY,
        **_MODELS,
        "model_aliases": (READ, CHANGE),  # it holds champions by FOR SHARE, which asks for both
        "forecasts": KEEP,
        "served_forecasts": KEEP,
    },
    "pruner": {
        **_ALL,
        "training_results": (READ, CHANGE, REMOVE),
        "training_runs": (READ, CHANGE, REMOVE),
        "model_versions": (READ, REMOVE),
        "forecasts": (READ, REMOVE),
        "daily_sales": (READ, REMOVE),
        "calendar": (READ, REMOVE),
        "removed_sales": (READ, REMOVE),
        "shard_deliveries": (READ, REMOVE),
        "pruned_models": KEEP,
    },
    "api": _ALL,
    "clock": {"schedule_ticks": KEEP},
}


@dataclass(frozen=True)
class User:
    """A user: the topics it reads, by which groups (`*` at the end: any that begins so), and
    those that it writes; groups that it may ask how far they are; and what it may do with which
    tables.
    """

    name: str
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    watches: frozenset[str] = frozenset()
    tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def user_of(function: str) -> str:
    """Return the user of a function of the catalogue; both lanes share it."""
    return function.removeprefix(f"{EXPRESS}-")


def _of_function(name: str) -> User:
    both = [each for each in FUNCTIONS.values() if user_of(each.name) == name]
    return User(
        name,
        reads=frozenset(topic for each in both for topic in each.inputs),
        writes=frozenset(topic for each in both for topic in each.outputs) | {DEAD_LETTERS},
        groups=frozenset(each.group for each in both),
        tables=TABLES[name],
    )


def _on_both_lanes(*topics: str) -> frozenset[str]:
    return frozenset(lane for topic in topics for lane in lanes(topic))


_REQUESTS = ("retrain-requests", "forecast-requests", "maintenance-requests")
USERS: dict[str, User] = {
    user.name: user
    for user in (
        *map(_of_function, dict.fromkeys(map(user_of, FUNCTIONS))),
        User(
            SINK,
            reads=frozenset({"sales", "calendar"}),
            writes=frozenset({DEAD_LETTERS, "calendar-changes"}),
            groups=frozenset({_SPARKS_GROUPS}),
            tables=TABLES[SINK],
        ),
        User(
            "api",
            reads=frozenset(TOPICS),  # its metrics include the age of waiting events
            watches=frozenset({"shelfcast-*"}),
            writes=_on_both_lanes(*_REQUESTS, "promotion-requests") | {"sales"},
            tables=TABLES["api"],
        ),
        User(  # the Lambdas: another clock, a way to ask for a retrain, an alarm
            "lambda",
            reads=frozenset({DEAD_LETTERS}),
            writes=_on_both_lanes(*_REQUESTS),
            groups=frozenset({lambda_alarm.GROUP}),
        ),
        User("clock", writes=_on_both_lanes(*_REQUESTS), tables=TABLES["clock"]),
    )
}

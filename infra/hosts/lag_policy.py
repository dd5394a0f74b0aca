"""Number of replicas of a function, from the lag of its consumer group.

Kafka spreads partitions over the members of a group, so replicas anywhere in a Ray cluster
share the work. Records in progress count as lag until they are committed, so a busy
replica is not removed for lack of lag.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from events.cluster import Cluster
from events.kafka import group_lag
from infra.outages import is_outage

if TYPE_CHECKING:
    from ray.serve.config import AutoscalingContext

log = logging.getLogger(__name__)

POLL_SECONDS = 2.0


def replicas_for(lag: int, per_replica: int) -> int:
    """Return how many replicas handle the lag in one batch each: 0 without lag."""
    return -(-lag // per_replica)


class LagPolicy:
    """A Serve autoscaling policy; Serve applies the bounds and delays of its configuration.

    Serve's controller calls it in its event loop every fraction of a second. Each call
    answers from the last known lag and starts a poll when one is due: no endless task, so
    the policy can be dropped at any time. While Kafka is away, replicas stay as they are.
    """

    def __init__(
        self,
        cluster: Mapping[str, Any],
        group: str,
        topics: Sequence[str],
        per_replica: int,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._cluster, self._group, self._topics = Cluster(**cluster), group, list(topics)
        self._per_replica, self._poll_seconds = per_replica, poll_seconds
        self._lag: int | None = None
        self._polled = -poll_seconds
        self._poll: asyncio.Task[None] | None = None

    def __call__(self, context: "AutoscalingContext") -> tuple[int, dict[str, Any]]:
        """Return the wanted replicas, and the lag as the policy's state in Serve."""
        now = time.monotonic()
        idle = self._poll is None or self._poll.done()
        if idle and now - self._polled >= self._poll_seconds:
            self._polled = now
            self._poll = asyncio.get_running_loop().create_task(self._ask())
        if self._lag is None:
            return context.target_num_replicas, {}
        return replicas_for(self._lag, self._per_replica), {"lag": self._lag}

    async def _ask(self) -> None:
        try:
            self._lag = await group_lag(self._cluster, self._group, self._topics)
        except Exception as error:
            if not is_outage(error):
                raise
            self._lag = None
            log.warning("%s: lag unknown: %r", self._group, error)

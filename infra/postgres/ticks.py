"""The last handled tick of each schedule, in Postgres."""

from functions.records import SeenTick
from infra.postgres.connections import Connections
from infra.postgres.queries import ticks as queries


class PostgresTicks(Connections):
    """See `functions.ports.Ticks`."""

    async def ticks(self) -> dict[str, SeenTick]:
        """One row for each schedule."""
        rows = await (await self.pool()).fetch(queries.TICKS)
        return {row["name"]: SeenTick(row["schedule"], row["seen_until"]) for row in rows}

    async def save_tick(self, name: str, tick: SeenTick) -> None:
        """One row."""
        asked = (name, tick.schedule, tick.at)
        await (await self.pool()).execute(queries.SAVE_TICK, *asked)

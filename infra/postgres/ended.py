"""Store the counts of ended runs, so that their results are not counted again by every reader.

The results are authoritative; they are counted when a run has ended, and again
when a late result changed them. Counting follows the commit of the results: of two writers that
end a run at once the later one sees both results, and a process that dies in between gets the same
events again, and counts then.
"""

from collections.abc import Sequence
from typing import Any

from infra.postgres.connections import Connections
from infra.postgres.queries import runs as queries


async def count_ended(connections: Connections, run_ids: Sequence[str]) -> None:
    """Store the counts of the runs that have ended."""
    async with connections.transaction() as connection:
        await count_ended_within(connection, run_ids)


async def count_ended_within(connection: Any, run_ids: Sequence[str]) -> None:
    """Do the same in the caller's transaction."""
    ended = await connection.fetch(queries.LOCK_ENDED, sorted(set(run_ids)))
    if ended:
        await connection.execute(queries.KEEP_COUNTS, [row["run_id"] for row in ended])

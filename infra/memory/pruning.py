"""Pruning and the last handled ticks, in memory."""

from datetime import datetime

from functions.records import SeenTick, Series
from functions.retention import Limits, Prunable, Pruned, Table
from infra.memory import pruning_steps
from infra.memory.tables import Tables


class MemoryPruning(Tables):
    """See `functions.ports.Pruning` and `Ticks`."""

    async def overdue_runs(
        self, planned_before: datetime, failed_at: datetime, reason: str
    ) -> list[str]:
        """Scan all results."""
        wanted = {
            run
            for (run, _), result in self.results.items()
            if self.planned_at[run] < planned_before
            and (
                result.state == "planned"
                or (result.state, result.finished_at, result.error) == ("failed", failed_at, reason)
            )
        }
        return sorted(wanted, key=lambda run: (self.planned_at[run], run))

    async def fail_planned(self, run_id: str, reason: str, at: datetime, most: int) -> int:
        """The first of them."""
        planned = [result for result in self.results_of(run_id) if result.state == "planned"][:most]
        for result in planned:
            result.fail(reason, at)
        return len(planned)

    async def prune(
        self, table: Table, limits: Limits, at: Series | None, most: int
    ) -> Pruned | None:
        """From the beginning each time."""
        return pruning_steps.step(self, table, limits, most)

    async def prunable(self, limits: Limits) -> list[Prunable]:
        """Without bytes."""
        return pruning_steps.prunable(self, limits)

    def copy(self) -> "MemoryPruning":
        """The same rows, to be changed apart; what is in a row is shared."""
        other = type(self)()
        for name, value in vars(self).items():
            if name != "changes":  # nobody waits for those of a copy
                setattr(other, name, value.copy())
        for name in ("sales", "drivers", "planned"):
            days = getattr(other, name)
            days.update({series: dict(of_series) for series, of_series in days.items()})
        return other

    async def ticks(self) -> dict[str, SeenTick]:
        """By name."""
        return dict(self.seen_ticks)

    async def save_tick(self, name: str, tick: SeenTick) -> None:
        """By name."""
        self.seen_ticks[name] = tick

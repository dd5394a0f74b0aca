"""The tables of the storage in memory, as dictionaries."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from functions.changes import Changes
from functions.records import (
    AliasChange,
    Counts,
    Forecast,
    Model,
    Plan,
    SeenTick,
    Series,
    Window,
)


@dataclass
class Result:
    """A series of a run, and its result."""

    shard: int
    state: str = "planned"
    model_id: str | None = None
    error: str | None = None
    finished_at: datetime | None = None

    def fail(self, reason: str, at: datetime) -> None:
        """A success stays; of two reasons the later one stands."""
        if self.state in ("succeeded", "cancelled"):
            return
        later = self.finished_at is not None and self.finished_at < at and self.error != reason
        if self.state == "planned" or later:
            self.state, self.error, self.finished_at = "failed", reason, at


class Tables:
    """The dictionaries, and reads that several ports share."""

    def __init__(self) -> None:
        self.sales: dict[Series, dict[date, tuple[float, bool]]] = {}
        self.drivers: dict[Series, dict[date, Mapping[str, float]]] = {}  # of days in `sales`
        self.imports: dict[Series, dict[date, str]] = {}  # of days in `sales`
        # As in Postgres '' is every store, or every product. Whether open, and the drivers.
        self.planned: dict[Series, dict[date, tuple[bool | None, Mapping[str, float]]]] = {}
        self.plans: dict[str, Plan] = {}
        self.results: dict[tuple[str, Series], Result] = {}
        self.stored: dict[str, Model] = {}
        self.aliases: dict[tuple[Series, str], str] = {}
        self.history_of_aliases: list[AliasChange] = []
        self.published: dict[str, Forecast] = {}
        self.windows_served: dict[Series, tuple[str, Window]] = {}  # the model and its days
        self.served_times: dict[Series, tuple[datetime, datetime]] = {}  # published, served since
        self.reopened: dict[str, str] = {}  # run by the cancel that made it one of its own
        self.planned_at: dict[str, datetime] = {}
        self.gone: dict[str, Model] = {}  # model versions that are kept no longer
        # Of runs whose results are kept no longer, with when the last one came.
        self.final_counts: dict[str, tuple[Counts, datetime | None]] = {}
        self.seen_ticks: dict[str, SeenTick] = {}
        self.deliveries: dict[tuple[str, int], int] = {}
        self.held: set[tuple[str, int]] = set()
        self.changes = Changes()

    def results_of(self, run_id: str) -> list[Result]:
        """The results of a run."""
        return [result for (run, _), result in self.results.items() if run == run_id]

    def counts_of(self, run_id: str) -> Counts:
        """Count the run's series by result, also after these were pruned."""
        if run_id in self.final_counts:
            return self.final_counts[run_id][0]
        states = [result.state for result in self.results_of(run_id)]
        return Counts(
            len(states),
            states.count("succeeded"),
            states.count("failed"),
            states.count("cancelled"),
        )

    def finished_at(self, run_id: str) -> datetime | None:
        """Return when the run's last result arrived, also after it was pruned."""
        if run_id in self.final_counts:
            return self.final_counts[run_id][1]
        times = [result.finished_at for result in self.results_of(run_id) if result.finished_at]
        return max(times, default=None)

    def with_aliases(self, model: Model) -> Model:
        """Return the model with its current aliases."""
        names = (name for (_, name), at in self.aliases.items() if at == model.model_id)
        return replace(model, aliases=tuple(sorted(names)))

"""The storage that functions work on, in memory, for unit tests; see `functions.ports.Storage`."""

from infra.memory.columns import as_columns_take
from infra.memory.deliveries import MemoryDeliveries
from infra.memory.forecasts import MemoryForecasts
from infra.memory.models import MemoryModels
from infra.memory.plans import MemoryPlans
from infra.memory.pruning import MemoryPruning
from infra.memory.registry import MemoryRegistry
from infra.memory.runs import MemoryRuns
from infra.memory.sales import MemorySales


@as_columns_take
class MemoryStorage(
    MemorySales,
    MemoryPlans,
    MemoryRuns,
    MemoryDeliveries,
    MemoryModels,
    MemoryRegistry,
    MemoryForecasts,
    MemoryPruning,
):
    """Every port, over the same dictionaries."""

    async def ping(self) -> None:
        """Always there."""

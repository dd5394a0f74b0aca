"""The storage that functions work on, in Postgres; see `functions.ports.Storage`."""

from infra.postgres.deliveries import PostgresDeliveries
from infra.postgres.forecasts import PostgresForecasts
from infra.postgres.models import PostgresModels
from infra.postgres.plans import PostgresPlans
from infra.postgres.pruning import PostgresPruning
from infra.postgres.registry import PostgresRegistry
from infra.postgres.runs import PostgresRuns
from infra.postgres.sales import PostgresSales
from infra.postgres.ticks import PostgresTicks


class PostgresStorage(
    PostgresSales,
    PostgresPlans,
    PostgresRuns,
    PostgresDeliveries,
    PostgresModels,
    PostgresRegistry,
    PostgresForecasts,
    PostgresPruning,
    PostgresTicks,
):
    """Every port, over the same connections."""

"""The data of every event type: Pydantic models, frozen, versioned by their type name.

Within a version only optional fields are added, and a reader ignores fields it does not
know, so old and new processes work side by side during a roll-out. Types are strict:
`"12"` is not a number and `2015-07-31T00:00:00Z` is not a date. A new type is a class in one of the
modules here and a line of `PAYLOADS`.
"""

from events.payloads.base import NamedSeries, Payload, SeriesRef, check_named_series
from events.payloads.calendar import MAX_SCOPES, CalendarChanged, CalendarPlanned, ScopeRef
from events.payloads.fields import (
    DEFAULT_HORIZON,
    EARLIEST_DAY,
    EXPRESS_SERIES,
    LATEST_DAY,
    MAX_DAYS_OLD,
    MAX_DRIVERS,
    MAX_HORIZON,
    MAX_INTEGER,
    MAX_SERIES,
    Day,
    Drivers,
    Finite,
    ImaginableDay,
    KeptName,
    Lane,
    Name,
    Policy,
    PromotionAction,
    RunId,
    Text,
    Version,
)
from events.payloads.forecasts import (
    ForecastDay,
    ForecastPublished,
    ForecastRequested,
    ForecastShardRequested,
)
from events.payloads.maintenance import DeadLettered, PruneCompleted, PruneRequested
from events.payloads.promotion import (
    ChallengerKept,
    ModelPromoted,
    PromotionRequested,
    check_promotion,
)
from events.payloads.runs import (
    DEFAULT_STRATEGY,
    CancelRequested,
    RetrainCoalesced,
    RetrainCompleted,
    RetrainRequested,
)
from events.payloads.sales import MAX_UNITS, SaleRecorded, SalesRemoved, check_removal
from events.payloads.training import (
    Compared,
    Finding,
    FoldMetrics,
    ModelTrained,
    TrainingFailed,
    TrainingShardRequested,
    check_parameters,
)

PAYLOADS: tuple[type[Payload], ...] = (
    SaleRecorded,
    SalesRemoved,
    CalendarPlanned,
    RetrainRequested,
    CancelRequested,
    TrainingShardRequested,
    ModelTrained,
    TrainingFailed,
    ModelPromoted,
    ChallengerKept,
    PromotionRequested,
    RetrainCompleted,
    RetrainCoalesced,
    ForecastPublished,
    ForecastRequested,
    CalendarChanged,
    ForecastShardRequested,
    PruneRequested,
    PruneCompleted,
)
BY_TYPE: dict[str, type[Payload]] = {payload.TYPE: payload for payload in PAYLOADS}

__all__ = [
    "BY_TYPE",
    "DEFAULT_HORIZON",
    "DEFAULT_STRATEGY",
    "EARLIEST_DAY",
    "EXPRESS_SERIES",
    "LATEST_DAY",
    "MAX_DAYS_OLD",
    "MAX_DRIVERS",
    "MAX_HORIZON",
    "MAX_INTEGER",
    "MAX_SCOPES",
    "MAX_SERIES",
    "MAX_UNITS",
    "PAYLOADS",
    "CalendarChanged",
    "CalendarPlanned",
    "CancelRequested",
    "ChallengerKept",
    "Compared",
    "Day",
    "DeadLettered",
    "Drivers",
    "Finding",
    "Finite",
    "FoldMetrics",
    "ForecastDay",
    "ForecastPublished",
    "ForecastRequested",
    "ForecastShardRequested",
    "ImaginableDay",
    "KeptName",
    "Lane",
    "ModelPromoted",
    "ModelTrained",
    "Name",
    "NamedSeries",
    "Payload",
    "Policy",
    "PromotionAction",
    "PromotionRequested",
    "PruneCompleted",
    "PruneRequested",
    "RetrainCoalesced",
    "RetrainCompleted",
    "RetrainRequested",
    "RunId",
    "SaleRecorded",
    "SalesRemoved",
    "ScopeRef",
    "SeriesRef",
    "Text",
    "TrainingFailed",
    "TrainingShardRequested",
    "Version",
    "check_named_series",
    "check_parameters",
    "check_promotion",
    "check_removal",
]

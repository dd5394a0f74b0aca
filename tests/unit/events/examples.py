"""One event of every type, as the golden files have it."""

from datetime import UTC, date, datetime

from events.envelope import Event, first_event
from events.payloads import (
    CalendarChanged,
    CalendarPlanned,
    CancelRequested,
    ChallengerKept,
    Compared,
    Finding,
    FoldMetrics,
    ForecastDay,
    ForecastPublished,
    ForecastRequested,
    ForecastShardRequested,
    ModelPromoted,
    ModelTrained,
    Payload,
    PromotionRequested,
    PruneCompleted,
    PruneRequested,
    RetrainCoalesced,
    RetrainCompleted,
    RetrainRequested,
    SaleRecorded,
    SalesRemoved,
    ScopeRef,
    SeriesRef,
    TrainingFailed,
    TrainingShardRequested,
)

TIME = datetime(2015, 8, 1, 12, 30, 15, 250000, tzinfo=UTC)
AS_OF = date(2015, 8, 1)
RUN = "6f1c1a56-6d5c-5a0c-8e0f-0d6ad3e3a001"
MODEL = "0b0e2d1c-2a52-5d0e-9a6b-3a3b1c9f0002"
SERIES = {"store": "42", "product": "rye bread"}

SALE = SaleRecorded(
    **SERIES, date=date(2015, 7, 31), units=5263.5, drivers={"promo": 1, "school_holiday": 0.5}
)
REMOVED = SalesRemoved(
    **SERIES,
    first_day=date(2015, 7, 1),
    last_day=date(2015, 7, 31),
    requested_by="cli",
    reason="price taken for units",
)
PLANNED = CalendarPlanned(
    store="42", date=date(2015, 8, 3), open=True, drivers={"promo": 1, "school_holiday": 1}
)
REQUEST = RetrainRequested(
    store="42",
    failed_in="6f1c1a56-6d5c-5a0c-8e0f-0d6ad3e3a000",
    older_than_days=30,
    as_of=AS_OF,
    horizon=14,
    requested_by="cli",
    reason="after the price change",
)
CANCEL = CancelRequested(run_id=RUN, requested_by="cli", reason="the wrong day")
SHARD = TrainingShardRequested(
    run_id=RUN,
    shard=0,
    series=(SeriesRef(**SERIES), SeriesRef(store="42", product="oat milk ½ l")),
    as_of=AS_OF,
    strategy="windowed",
    horizon=7,
)
TRAINED = ModelTrained(
    **SERIES,
    run_id=RUN,
    model_id=MODEL,
    strategy="windowed",
    as_of=AS_OF,
    horizon=7,
    first_day=date(2015, 4, 3),
    data_through=date(2015, 7, 31),
    rows=102,
    chosen="windowed",
    metrics={"rmse": 812.25, "mape": None, "mae": 640.5, "medae": 1e-17},
    folds=(
        FoldMetrics(
            first_day=date(2015, 7, 25),
            last_day=date(2015, 7, 31),
            metrics={"wape": 0.125, "mape": None},
        ),
    ),
    comparison=(
        Compared(strategy="windowed", score=0.75, metrics={"wape": 0.125}),
        Compared(
            strategy="full",
            model_id="0b0e2d1c-2a52-5d0e-9a6b-3a3b1c9f0001",
            score=0.8,
            metrics={"wape": 0.13},
        ),
    ),
    findings=(
        Finding(code="days-far-off", values={"days": 1, "newest": ("2015-07-01",)}),
        Finding(code="naive-as-better", values={"strategy": "windowed", "score": 1.25}),
    ),
    notes=("intervals widened 1.2 times",),
    parameters={"k": -0.1, "delta": [0.0, 0.25], "growth": "linear"},
    versions={"prophet": "1.5.0"},
    fit_seconds=0.125,
)
FAILED = TrainingFailed(**SERIES, run_id=RUN, reason="3 open days; at least 10 are needed")
PROMOTED = ModelPromoted(
    **SERIES,
    run_id=RUN,
    model_id=MODEL,
    version=2,
    as_of=AS_OF,
    horizon=7,
    previous_model_id="0b0e2d1c-2a52-5d0e-9a6b-3a3b1c9f0001",
    reason="score 0.750, champion 0.800 on the same folds (naive 1)",
    changed_by="registry",
)
KEPT = ChallengerKept(
    **SERIES,
    run_id=RUN,
    model_id=MODEL,
    version=2,
    champion_model_id="0b0e2d1c-2a52-5d0e-9a6b-3a3b1c9f0001",
    reason="score 0.900, champion 0.800 on the same folds (naive 1): it loses by more than 2%",
    score=0.9,
    champion_score=0.8,
)
ROLLBACK = PromotionRequested(
    action="rollback",
    series=(SeriesRef(**SERIES),),
    requested_by="cli",
    reason="empty shelves on Saturday",
)
COMPLETED = RetrainCompleted(run_id=RUN, planned=3, succeeded=1, failed=1, cancelled=1)
COALESCED = RetrainCoalesced(run_id=RUN, into="6f1c1a56-6d5c-5a0c-8e0f-0d6ad3e3a000")
PUBLISHED = ForecastPublished(
    **SERIES,
    run_id=RUN,
    model_id=MODEL,
    days=(
        ForecastDay(
            date=AS_OF, yhat=5012.75, yhat_lower=3900.0, yhat_upper=6125.5, assumed=("promo",)
        ),
        ForecastDay(date=date(2015, 8, 2), yhat=0.0, yhat_lower=0.0, yhat_upper=0.0),
    ),
)
ROLL_FORWARD = ForecastRequested(product="rye bread", requested_by="scheduler", reason="daily")
CHANGED = CalendarChanged(
    change_id="calendar:3:100:250",
    scopes=(ScopeRef(store="42"), ScopeRef(product="rye bread"), ScopeRef()),
    first_day=date(2015, 8, 3),
    last_day=date(2015, 8, 7),
)
FORECAST_SHARD = ForecastShardRequested(
    request_id=RUN,
    series=(SeriesRef(**SERIES),),
    as_of=AS_OF,
    horizon=7,
    requested_at=TIME,
)
PRUNE = PruneRequested(requested_by="cli", reason="the disk is full")
PRUNED = PruneCompleted(
    rows={"forecasts": 700_000, "model_versions": 0}, given_up=3, complete=False
)
DATA: tuple[Payload, ...] = (
    SALE,
    REMOVED,
    PLANNED,
    REQUEST,
    CANCEL,
    SHARD,
    TRAINED,
    FAILED,
    PROMOTED,
    KEPT,
    ROLLBACK,
    COMPLETED,
    COALESCED,
    PUBLISHED,
    ROLL_FORWARD,
    CHANGED,
    FORECAST_SHARD,
    PRUNE,
    PRUNED,
)


def example(data: Payload) -> Event[Payload]:
    """The event of one of the examples: what comes from outside begins, the rest is caused."""
    outside = (
        SaleRecorded
        | SalesRemoved
        | CalendarPlanned
        | RetrainRequested
        | CancelRequested
        | PromotionRequested
        | ForecastRequested
        | CalendarChanged
        | PruneRequested
    )
    if isinstance(data, outside):
        return first_event(data, "shelfcast/test", event_id=f"example-{data.TYPE}", time=TIME)
    cause = first_event(REQUEST, "shelfcast/test", event_id=RUN, time=TIME)
    return cause.effect(data, "shelfcast/test", lambda: TIME, correlation_id=RUN)

"""The tables. Invariants are constraints here, so that no process can break them.

Migrations in `migrations/versions` lead to this schema; a test compares the two.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

# The advisory lock that merges of sales share, and that is taken alone where removals change.
REMOVALS_LOCK = 7_346_220

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(referred_table_name)s_fkey",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)


def _decided_at() -> Column[object]:
    return _time(
        "decided_at",
        server_default=text("now()"),
        index=True,
        comment="When it came or last held a sale back; long after that it is pruned.",
    )


def _time(name: str, **options: object) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, **options)  # type: ignore[arg-type]  # options are SQLAlchemy's own


daily_sales = Table(
    "daily_sales",
    metadata,
    Column("store", Text, primary_key=True),
    Column("product", Text, primary_key=True),
    Column("date", Date, primary_key=True, comment="The store's own calendar day."),
    Column("units", Double, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("drivers", JSONB, nullable=False, comment="Named numbers: promo, school_holiday, …"),
    Column("event_id", Text, nullable=False, comment="The event that wrote the row last."),
    _time("recorded_at", comment="Its time; the newest wins, ties by event_id."),
    Column("import_id", Text, comment="The import that brought it; NULL: none did."),
    CheckConstraint("units >= 0 AND units < 'infinity'", name="units"),
)

sales_removals = Table(
    "sales_removals",
    metadata,
    Column("event_id", Text, primary_key=True),
    Column("store", Text, comment="With product: the series whose sales are taken back."),
    Column("product", Text),
    Column("first_day", Date, comment="NULL: from its first day on."),
    Column("last_day", Date, comment="NULL: up to its last day."),
    Column("import_id", Text, comment="Instead: the import whose sales are taken back."),
    Column("requested_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    _time("recorded_at", comment="What was recorded before counts no more, ties by event_id."),
    CheckConstraint(
        "CASE WHEN import_id IS NULL THEN store IS NOT NULL AND product IS NOT NULL"
        " ELSE num_nonnulls(store, product, first_day, last_day) = 0 END",
        name="wish",
    ),
    Index(None, "store", "product"),
    Index(None, "import_id"),
    _decided_at(),
    comment="What was taken back, so that it stays so when its sales are read again.",
)

removed_sales = Table(
    "removed_sales",
    metadata,
    Column("store", Text, primary_key=True),
    Column("product", Text, primary_key=True),
    Column("date", Date, primary_key=True),
    Column("event_id", Text, nullable=False),
    _time("recorded_at", comment="What is older does not count, so none takes its place."),
    _decided_at(),
    comment="Of each day the newest sale that was taken back with its import.",
)

calendar = Table(
    "calendar",
    metadata,
    Column("store", Text, primary_key=True, comment="'': every store."),
    Column("product", Text, primary_key=True, comment="'': every product."),
    Column("date", Date, primary_key=True, comment="The store's own calendar day."),
    Column("open", Boolean, comment="NULL: not said."),
    Column("drivers", JSONB, nullable=False, comment="Named as in daily_sales."),
    Column("event_id", Text, nullable=False, comment="The event that wrote the row last."),
    _time("recorded_at", comment="Its time; the newest wins, ties by event_id."),
    CheckConstraint("jsonb_typeof(drivers) = 'object'", name="drivers"),
    comment="What is known ahead. A more specific row goes before a general one.",
)

training_runs = Table(
    "training_runs",
    metadata,
    Column("run_id", Text, primary_key=True, comment="The id of the retrain-requested event."),
    Column("requested_by", Text, nullable=False),
    _time("requested_at"),
    Column("reason", Text, nullable=False),
    Column("store", Text, comment="NULL: every store."),
    Column("product", Text, comment="NULL: every product."),
    Column("strategy", Text, nullable=False),
    Column("as_of", Date, nullable=False, comment="First day to forecast."),
    Column("horizon", Integer, nullable=False, comment="Days to forecast."),
    _time("planned_at", server_default=text("now()")),
    Column("policy", Text, nullable=False, server_default=text("'if-better'")),
    Column(
        "named",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Whether the series were named one by one.",
    ),
    Column("failed_in", Text, comment="Only what failed in this run."),
    Column("older_than_days", Integer, comment="Only champions older than this."),
    Column("wish", Text, comment="Equal for two runs if the same was asked of both."),
    Column("coalesced_into", Text, comment="The run that does what was asked, instead of this."),
    Column("reopened_by", Text, comment="The cancel that made a coalesced run one of its own."),
    Column("planned", Integer, comment="Counted when the run had ended; NULL: it goes on."),
    Column("succeeded", Integer),
    Column("failed", Integer),
    Column("cancelled", Integer),
    Column("finished_at", DateTime(timezone=True)),
    ForeignKeyConstraint(["coalesced_into"], ["training_runs.run_id"]),
    CheckConstraint("horizon BETWEEN 1 AND 90", name="horizon"),
    CheckConstraint("policy IN ('always', 'if-better', 'never')", name="policy"),
    CheckConstraint("older_than_days >= 1", name="older_than_days"),
    CheckConstraint("coalesced_into <> run_id", name="coalesced_into"),
    CheckConstraint(
        "num_nulls(planned, succeeded, failed, cancelled, finished_at) IN (0, 5)"
        " AND planned = succeeded + failed + cancelled",
        name="counts",
    ),
    Index(None, "requested_at"),
    Index(None, "wish", postgresql_where=text("coalesced_into IS NULL")),
    Index(None, "coalesced_into", postgresql_where=text("coalesced_into IS NOT NULL")),
    Index(None, "reopened_by", postgresql_where=text("reopened_by IS NOT NULL")),
)

model_versions = Table(
    "model_versions",
    metadata,
    Column("model_id", Text, primary_key=True, comment="Derived from run and series."),
    Column("store", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("version", Integer, nullable=False, comment="1, 2, … within the series."),
    Column("run_id", Text, nullable=False),
    Column("strategy", Text, nullable=False),
    Column("chosen", Text, comment="The candidate that won; NULL: the strategy has but one."),
    Column("policy", Text, nullable=False, comment="When it was to become champion."),
    Column("as_of", Date, nullable=False),
    Column("horizon", Integer, nullable=False),
    Column("first_day", Date, nullable=False),
    Column("data_through", Date, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("metrics", JSONB, nullable=False),
    Column("folds", JSONB, nullable=False, server_default=text("'[]'")),
    Column("comparison", JSONB, nullable=False, server_default=text("'[]'")),
    Column("findings", JSONB, nullable=False, server_default=text("'[]'")),
    Column(
        "verdict",
        JSONB,
        comment="Whether it became champion, why, and the scores; NULL: from before verdicts.",
    ),
    Column("parameters", JSONB, nullable=False),
    Column("versions", JSONB, nullable=False, comment="Of the libraries that made it."),
    _time("trained_at"),
    UniqueConstraint("store", "product", "version"),
    ForeignKeyConstraint(["run_id"], ["training_runs.run_id"]),
    CheckConstraint("version >= 1", name="version"),
    CheckConstraint("policy IN ('always', 'if-better', 'never')", name="policy"),
    CheckConstraint(
        "rows >= 1 AND first_day <= data_through AND data_through < as_of", name="span"
    ),
    Index(None, "run_id"),
)

training_results = Table(
    "training_results",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("store", Text, primary_key=True),
    Column("product", Text, primary_key=True),
    Column("shard", Integer, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'planned'")),
    Column("model_id", Text, comment="May be kept no longer; see pruned_models."),
    Column("error", Text),
    Column("finished_at", DateTime(timezone=True)),
    ForeignKeyConstraint(["run_id"], ["training_runs.run_id"]),
    CheckConstraint(
        "CASE state"
        " WHEN 'planned' THEN model_id IS NULL AND error IS NULL AND finished_at IS NULL"
        " WHEN 'succeeded' THEN model_id IS NOT NULL AND error IS NULL AND finished_at IS NOT NULL"
        " WHEN 'failed' THEN model_id IS NULL AND error IS NOT NULL AND finished_at IS NOT NULL"
        " WHEN 'cancelled' THEN model_id IS NULL AND error IS NULL AND finished_at IS NOT NULL"
        " ELSE false END",
        name="state",
    ),
    Index(None, "run_id", "shard"),
    *(
        Index(
            f"training_results_{state}_idx",
            "run_id",
            "store",
            "product",
            postgresql_where=text(f"state = '{state}'"),
        )
        for state in ("planned", "failed")
    ),
)

model_aliases = Table(
    "model_aliases",
    metadata,
    Column("store", Text, primary_key=True),
    Column("product", Text, primary_key=True),
    Column("alias", Text, primary_key=True),
    Column("model_id", Text, nullable=False),
    ForeignKeyConstraint(["model_id"], ["model_versions.model_id"]),
    CheckConstraint("alias IN ('champion', 'challenger', 'previous')", name="alias"),
    Index(None, "model_id"),
)

alias_history = Table(
    "alias_history",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("store", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("cause_id", Text, nullable=False, comment="The request's id, or the new model's."),
    Column("alias", Text, nullable=False),
    Column("model_id", Text, comment="What the alias pointed to from then on; NULL: nothing."),
    Column("previous_model_id", Text, comment="What it pointed to before."),
    Column("forecast_from", Date, comment="First day that a champion forecasts from then on."),
    Column("changed_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    _time("changed_at", server_default=text("now()")),
    UniqueConstraint("cause_id", "store", "product", "alias"),
    CheckConstraint(
        "CASE alias"
        " WHEN 'champion' THEN model_id IS NOT NULL AND forecast_from IS NOT NULL"
        " WHEN 'challenger' THEN forecast_from IS NULL"
        " ELSE false END",
        name="alias",
    ),
    Index(None, "model_id"),
    Index(None, "store", "product"),
    comment="Append-only (a trigger sees to it): every change of champion and challenger.",
)

forecasts = Table(
    "forecasts",
    metadata,
    Column("store", Text, primary_key=True),
    Column("product", Text, primary_key=True),
    Column("date", Date, primary_key=True),
    Column("model_id", Text, primary_key=True),
    Column("yhat", Double, nullable=False),
    Column("yhat_lower", Double, nullable=False),
    Column("yhat_upper", Double, nullable=False),
    Column(
        "assumed",
        ARRAY(Text),
        nullable=False,
        server_default=text("'{}'"),
        comment="Drivers nobody had planned for that day.",
    ),
    Column(
        "limited",
        ARRAY(Text),
        nullable=False,
        server_default=text("'{}'"),
        comment="Drivers planned beyond all that was seen.",
    ),
    Column(
        "bounded",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Whether yhat was cut to its bound.",
    ),
    _time("published_at", server_default=text("now()")),
    ForeignKeyConstraint(["model_id"], ["model_versions.model_id"]),
    CheckConstraint(
        "0 <= yhat_lower AND yhat_lower <= yhat AND yhat <= yhat_upper AND yhat_upper < 'infinity'",
        name="interval",
    ),
    CheckConstraint("array_position(assumed, NULL) IS NULL", name="assumed"),
    CheckConstraint("array_position(limited, NULL) IS NULL", name="limited"),
    Index(None, "model_id"),
)

served_forecasts = Table(
    "served_forecasts",
    metadata,
    Column("store", Text, primary_key=True),
    Column("product", Text, primary_key=True),
    Column("model_id", Text, nullable=False, comment="Whose rows of forecasts are served."),
    Column("first_day", Date, nullable=False),
    Column("horizon", Integer, nullable=False, comment="Days served, from first_day on."),
    _time("requested_at", comment="When these days were asked for; the newest holds."),
    Column("request_id", Text, nullable=False, comment="The run or request; breaks ties."),
    _time("published_at", server_default=text("now()")),
    _time(
        "served_since",
        server_default=text("now()"),
        comment="When these days were first served, by whichever model.",
    ),
    ForeignKeyConstraint(["model_id"], ["model_versions.model_id"]),
    CheckConstraint("horizon BETWEEN 1 AND 90", name="horizon"),
    Index(None, "model_id"),
    comment="What is served of each series.",
)

pruned_models = Table(
    "pruned_models",
    metadata,
    Column("model_id", Text, primary_key=True),
    Column("store", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("strategy", Text, nullable=False),
    Column("chosen", Text),
    Column("as_of", Date, nullable=False),
    _time("trained_at"),
    _time("pruned_at", server_default=text("now()")),
    comment="What is still told of model versions that are kept no longer.",
)

schedule_ticks = Table(
    "schedule_ticks",
    metadata,
    Column("name", Text, primary_key=True, comment="The schedule's setting."),
    Column("schedule", Text, nullable=False, comment="Its cron expression."),
    _time("seen_until", comment="Its ticks up to here were published, or were before it."),
)

shard_deliveries = Table(
    "shard_deliveries",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("shard", Integer, primary_key=True),
    Column(
        "deliveries",
        Integer,
        nullable=False,
        comment="Those that are under way or never came back; 0 once one did.",
    ),
    _time("first_at", comment="When a trainer got the shard for the first time."),
    _time("last_at", comment="When a trainer got it last."),
    CheckConstraint("deliveries >= 0", name="deliveries"),
    CheckConstraint("last_at >= first_at", name="last_at"),
    comment="Shards that were handed to a trainer. No row of a run: no trainer has any of it.",
)

"""What is served of each series is a row: whose forecast, of which days, and who asked"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# What was served until now: the champion's days from when it became champion, or its
# predecessor's while those were not in.
CARRY_OVER = """
INSERT INTO served_forecasts
    (store, product, model_id, first_day, horizon, requested_at, request_id)
SELECT DISTINCT ON (alias.store, alias.product)
       alias.store, alias.product, alias.model_id, since.forecast_from, model.horizon,
       run.requested_at, run.run_id
FROM model_aliases AS alias
JOIN model_versions AS model USING (model_id)
JOIN training_runs AS run USING (run_id)
CROSS JOIN LATERAL (
    SELECT forecast_from FROM alias_history AS change
    WHERE change.model_id = alias.model_id AND change.alias = 'champion'
    ORDER BY id DESC LIMIT 1
) AS since
WHERE alias.alias IN ('champion', 'previous')
  AND EXISTS (SELECT FROM forecasts AS day
              WHERE day.model_id = alias.model_id AND day.date >= since.forecast_from)
ORDER BY alias.store, alias.product, alias.alias
"""


def upgrade() -> None:
    op.create_table(
        "served_forecasts",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column(
            "model_id", sa.Text(), nullable=False, comment="Whose rows of forecasts are served."
        ),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column(
            "horizon", sa.Integer(), nullable=False, comment="Days served, from first_day on."
        ),
        sa.Column(
            "requested_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When these days were asked for; the newest holds.",
        ),
        sa.Column(
            "request_id", sa.Text(), nullable=False, comment="The run or request; breaks ties."
        ),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "served_since",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When these days were first served, by whichever model.",
        ),
        sa.CheckConstraint(
            "horizon BETWEEN 1 AND 90", name=op.f("served_forecasts_horizon_check")
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["model_versions.model_id"], name=op.f("served_forecasts_model_versions_fkey")
        ),
        sa.PrimaryKeyConstraint("store", "product", name=op.f("served_forecasts_pkey")),
        comment="What is served of each series.",
    )
    op.create_index(op.f("served_forecasts_model_id_idx"), "served_forecasts", ["model_id"])
    op.execute(CARRY_OVER)
    op.execute("DROP TRIGGER say_forecasts_changed ON model_aliases")
    op.execute(
        "CREATE TRIGGER say_forecasts_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE "
        "ON served_forecasts FOR EACH STATEMENT EXECUTE FUNCTION say_forecasts_changed()"
    )
    op.add_column(
        "training_runs",
        sa.Column(
            "reopened_by",
            sa.Text(),
            comment="The cancel that made a coalesced run one of its own.",
        ),
    )
    op.create_index(
        op.f("training_runs_reopened_by_idx"),
        "training_runs",
        ["reopened_by"],
        postgresql_where=sa.text("reopened_by IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(op.f("training_runs_reopened_by_idx"), table_name="training_runs")
    op.drop_column("training_runs", "reopened_by")
    op.drop_table("served_forecasts")
    op.execute(
        "CREATE TRIGGER say_forecasts_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE "
        "ON model_aliases FOR EACH STATEMENT EXECUTE FUNCTION say_forecasts_changed()"
    )

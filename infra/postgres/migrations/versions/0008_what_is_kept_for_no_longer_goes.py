"""What is kept for no longer goes, and leaves what its history and its counts tell"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# A step of pruning lets nothing go that is served, so those who listen need not look again.
SAY_SO = """
CREATE OR REPLACE FUNCTION say_forecasts_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {unless}PERFORM pg_notify('forecasts_changed', '');
    RETURN NULL;
END $$
"""
UNLESS_PRUNED = """IF current_setting('shelfcast.pruning', true) = 'on' THEN
        RETURN NULL;
    END IF;
    """
# Of ten million rows a night lets some 700,000 go: what they took up is free for the next day's.
SHRINKING = ("forecasts", "model_versions", "training_results", "daily_sales")
AUTOVACUUM = "autovacuum_vacuum_scale_factor = 0.02"
# Both tell of models that may be gone, by an id that stays.
NO_LONGER_KEPT = ("training_results", "alias_history")


def upgrade() -> None:
    op.create_table(
        "pruned_models",
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column("chosen", sa.Text(), nullable=True),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("trained_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "pruned_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("model_id", name=op.f("pruned_models_pkey")),
        comment="What is still told of model versions that are kept no longer.",
    )
    op.create_table(
        "schedule_ticks",
        sa.Column("name", sa.Text(), nullable=False, comment="The schedule's setting."),
        sa.Column("schedule", sa.Text(), nullable=False, comment="Its cron expression."),
        sa.Column(
            "seen_until",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="Its ticks up to here were published, or were before it.",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("schedule_ticks_pkey")),
    )
    for table in NO_LONGER_KEPT:
        op.drop_constraint(op.f(f"{table}_model_versions_fkey"), table)
    op.alter_column(
        "training_results",
        "model_id",
        existing_type=sa.Text(),
        comment="May be kept no longer; see pruned_models.",
        existing_comment=None,
    )
    # Without these each row that goes would be looked for among all that may refer to it.
    op.create_index(op.f("model_aliases_model_id_idx"), "model_aliases", ["model_id"])
    op.create_index(
        op.f("training_runs_coalesced_into_idx"),
        "training_runs",
        ["coalesced_into"],
        postgresql_where=sa.text("coalesced_into IS NOT NULL"),
    )
    for table in SHRINKING:
        op.execute(f"ALTER TABLE {table} SET ({AUTOVACUUM})")
    op.execute(SAY_SO.format(unless=UNLESS_PRUNED))


def downgrade() -> None:
    op.execute(SAY_SO.format(unless=""))
    for table in SHRINKING:
        op.execute(f"ALTER TABLE {table} RESET ({AUTOVACUUM.partition(' ')[0]})")
    op.drop_index(op.f("training_runs_coalesced_into_idx"), table_name="training_runs")
    op.drop_index(op.f("model_aliases_model_id_idx"), table_name="model_aliases")
    op.alter_column(
        "training_results",
        "model_id",
        existing_type=sa.Text(),
        comment=None,
        existing_comment="May be kept no longer; see pruned_models.",
    )
    # What refers to models that are gone is left as it is: new rows are checked.
    for table in NO_LONGER_KEPT:
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_model_versions_fkey"
            " FOREIGN KEY (model_id) REFERENCES model_versions (model_id) NOT VALID"
        )
    op.drop_table("schedule_ticks")
    op.drop_table("pruned_models")

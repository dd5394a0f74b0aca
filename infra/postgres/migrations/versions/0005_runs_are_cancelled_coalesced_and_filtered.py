"""Runs can be cancelled, coalesced into one that goes on, and asked for in part"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STATE = (
    "CASE state"
    " WHEN 'planned' THEN model_id IS NULL AND error IS NULL AND finished_at IS NULL"
    " WHEN 'succeeded' THEN model_id IS NOT NULL AND error IS NULL AND finished_at IS NOT NULL"
    " WHEN 'failed' THEN model_id IS NULL AND error IS NOT NULL AND finished_at IS NOT NULL"
    "{cancelled}"
    " ELSE false END"
)
CANCELLED = " WHEN 'cancelled' THEN model_id IS NULL AND error IS NULL AND finished_at IS NOT NULL"
CHECKS = {
    "policy": "policy IN ('always', 'if-better', 'never')",
    "older_than_days": "older_than_days >= 1",
    "coalesced_into": "coalesced_into <> run_id",
}
COLUMNS = ("policy", "named", "failed_in", "older_than_days", "wish", "coalesced_into")


def upgrade() -> None:
    op.add_column(
        "training_runs",
        sa.Column("policy", sa.Text(), server_default=sa.text("'if-better'"), nullable=False),
    )
    op.add_column(
        "training_runs",
        sa.Column(
            "named",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Whether the series were named one by one.",
        ),
    )
    op.add_column(
        "training_runs",
        sa.Column("failed_in", sa.Text(), comment="Only what failed in this run."),
    )
    op.add_column(
        "training_runs",
        sa.Column("older_than_days", sa.Integer(), comment="Only champions older than this."),
    )
    op.add_column(
        "training_runs",
        sa.Column("wish", sa.Text(), comment="Equal for two runs if the same was asked of both."),
    )
    op.add_column(
        "training_runs",
        sa.Column(
            "coalesced_into",
            sa.Text(),
            comment="The run that does what was asked, instead of this.",
        ),
    )
    op.create_foreign_key(
        op.f("training_runs_training_runs_fkey"),
        "training_runs",
        "training_runs",
        ["coalesced_into"],
        ["run_id"],
    )
    for name, condition in CHECKS.items():
        op.create_check_constraint(op.f(f"training_runs_{name}_check"), "training_runs", condition)
    op.create_index(
        op.f("training_runs_wish_idx"),
        "training_runs",
        ["wish"],
        postgresql_where=sa.text("coalesced_into IS NULL"),
    )
    _set_states(STATE.format(cancelled=CANCELLED))


def downgrade() -> None:
    op.execute(
        "UPDATE training_results SET state = 'failed', error = 'cancelled'"
        " WHERE state = 'cancelled'"
    )
    _set_states(STATE.format(cancelled=""))
    op.drop_index(op.f("training_runs_wish_idx"), table_name="training_runs")
    for column in COLUMNS:
        op.drop_column("training_runs", column)


def _set_states(condition: str) -> None:
    name = op.f("training_results_state_check")
    op.drop_constraint(name, "training_results")
    op.create_check_constraint(name, "training_results", condition)

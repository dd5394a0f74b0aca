"""Runs that have ended keep their counts, so a list of runs need not read every result"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

COUNTS = ("planned", "succeeded", "failed", "cancelled")
CHECK = (
    "num_nulls(planned, succeeded, failed, cancelled, finished_at) IN (0, 5)"
    " AND planned = succeeded + failed + cancelled"
)
# As they are counted from then on when a run ends; see infra/postgres/ended.py.
FILL = """
UPDATE training_runs AS run
SET planned = counts.planned, succeeded = counts.succeeded, failed = counts.failed,
    cancelled = counts.cancelled, finished_at = counts.finished_at
FROM (
    SELECT run_id, count(*) AS planned,
           count(*) FILTER (WHERE state = 'succeeded') AS succeeded,
           count(*) FILTER (WHERE state = 'failed') AS failed,
           count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
           max(finished_at) AS finished_at
    FROM training_results GROUP BY run_id
    HAVING count(*) FILTER (WHERE state = 'planned') = 0
) AS counts
WHERE run.run_id = counts.run_id
"""


def upgrade() -> None:
    for name in COUNTS:
        comment = "Counted when the run had ended; NULL: it goes on." if name == "planned" else None
        op.add_column("training_runs", sa.Column(name, sa.Integer(), comment=comment))
    op.add_column("training_runs", sa.Column("finished_at", sa.DateTime(timezone=True)))
    op.create_check_constraint(op.f("training_runs_counts_check"), "training_runs", CHECK)
    for state in ("planned", "failed"):
        op.create_index(
            op.f(f"training_results_{state}_idx"),
            "training_results",
            ["run_id", "store", "product"],
            postgresql_where=sa.text(f"state = '{state}'"),
        )
    op.execute(FILL)


def downgrade() -> None:
    for state in ("planned", "failed"):
        op.drop_index(op.f(f"training_results_{state}_idx"), table_name="training_results")
    for name in (*COUNTS, "finished_at"):
        op.drop_column("training_runs", name)

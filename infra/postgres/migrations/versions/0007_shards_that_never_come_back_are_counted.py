"""Deliveries of a shard that never came back are counted outside the process they kill"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shard_deliveries",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column(
            "deliveries",
            sa.Integer(),
            nullable=False,
            comment="Those that are under way or never came back; 0 once one did.",
        ),
        sa.Column(
            "first_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When a trainer got the shard for the first time.",
        ),
        sa.Column(
            "last_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When a trainer got it last.",
        ),
        sa.CheckConstraint("deliveries >= 0", name=op.f("shard_deliveries_deliveries_check")),
        sa.CheckConstraint("last_at >= first_at", name=op.f("shard_deliveries_last_at_check")),
        sa.PrimaryKeyConstraint("run_id", "shard", name=op.f("shard_deliveries_pkey")),
        comment="Shards that were handed to a trainer. No row of a run: no trainer has any of it.",
    )

"""Removals say when they last decided something, and go long after that"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = ("sales_removals", "removed_sales")


def upgrade() -> None:
    for table in TABLES:
        # Whatever is there counts from now on: when it last decided is not known.
        op.add_column(
            table,
            sa.Column(
                "decided_at",
                sa.DateTime(timezone=True),
                server_default=sa.text("now()"),
                nullable=False,
                comment="When it came or last held a sale back; long after that it is pruned.",
            ),
        )
        op.create_index(op.f(f"{table}_decided_at_idx"), table, ["decided_at"])


def downgrade() -> None:
    for table in TABLES:
        op.drop_index(op.f(f"{table}_decided_at_idx"), table_name=table)
        op.drop_column(table, "decided_at")

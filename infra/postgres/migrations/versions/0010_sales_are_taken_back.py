"""Sales are taken back, by series or by import"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "daily_sales",
        sa.Column("import_id", sa.Text(), comment="The import that brought it; NULL: none did."),
    )
    op.create_table(
        "sales_removals",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column(
            "store", sa.Text(), comment="With product: the series whose sales are taken back."
        ),
        sa.Column("product", sa.Text()),
        sa.Column("first_day", sa.Date(), comment="NULL: from its first day on."),
        sa.Column("last_day", sa.Date(), comment="NULL: up to its last day."),
        sa.Column(
            "import_id", sa.Text(), comment="Instead: the import whose sales are taken back."
        ),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="What was recorded before counts no more, ties by event_id.",
        ),
        sa.CheckConstraint(
            "CASE WHEN import_id IS NULL THEN store IS NOT NULL AND product IS NOT NULL"
            " ELSE num_nonnulls(store, product, first_day, last_day) = 0 END",
            name=op.f("sales_removals_wish_check"),
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("sales_removals_pkey")),
        comment="What was taken back, so that it stays so when its sales are read again.",
    )
    op.create_index(op.f("sales_removals_store_product_idx"), "sales_removals", ["store", "product"])
    op.create_index(op.f("sales_removals_import_id_idx"), "sales_removals", ["import_id"])
    op.create_table(
        "removed_sales",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="What is older does not count, so none takes its place.",
        ),
        sa.PrimaryKeyConstraint("store", "product", "date", name=op.f("removed_sales_pkey")),
        comment="Of each day the newest sale that was taken back with its import.",
    )


def downgrade() -> None:
    op.drop_table("removed_sales")
    op.drop_table("sales_removals")
    op.drop_column("daily_sales", "import_id")

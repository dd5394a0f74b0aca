"""What is known ahead, and what a forecast assumed where nobody knew"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "calendar",
        sa.Column("store", sa.Text(), nullable=False, comment="'': every store."),
        sa.Column("product", sa.Text(), nullable=False, comment="'': every product."),
        sa.Column("date", sa.Date(), nullable=False, comment="The store's own calendar day."),
        sa.Column("open", sa.Boolean(), nullable=True, comment="NULL: not said."),
        sa.Column(
            "drivers",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Named as in daily_sales.",
        ),
        sa.Column(
            "event_id", sa.Text(), nullable=False, comment="The event that wrote the row last."
        ),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="Its time; the newest wins, ties by event_id.",
        ),
        sa.CheckConstraint(
            "jsonb_typeof(drivers) = 'object'", name=op.f("calendar_drivers_check")
        ),
        sa.PrimaryKeyConstraint("store", "product", "date", name=op.f("calendar_pkey")),
        comment="What is known ahead. A more specific row goes before a general one.",
    )
    op.add_column(
        "forecasts",
        sa.Column(
            "assumed",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            server_default=sa.text("'{}'"),
            comment="Drivers nobody had planned for that day.",
        ),
    )
    op.add_column(
        "forecasts",
        sa.Column(
            "bounded",
            sa.Boolean(),
            nullable=False,
            server_default=sa.text("false"),
            comment="Whether yhat was cut to its bound.",
        ),
    )
    op.create_check_constraint(
        op.f("forecasts_assumed_check"), "forecasts", "array_position(assumed, NULL) IS NULL"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("forecasts_assumed_check"), "forecasts", type_="check")
    op.drop_column("forecasts", "bounded")
    op.drop_column("forecasts", "assumed")
    op.drop_table("calendar")

"""What there is to say of a model is data, and drivers beyond what was seen are named"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("model_versions", "notes", new_column_name="findings")
    op.execute(
        "UPDATE model_versions SET findings = (SELECT jsonb_agg(jsonb_build_object("
        "'code', 'said', 'values', jsonb_build_object('text', note)) ORDER BY n)"
        " FROM jsonb_array_elements_text(findings) WITH ORDINALITY AS t (note, n))"
        " WHERE findings <> '[]'"
    )
    op.add_column(
        "forecasts",
        sa.Column(
            "limited",
            ARRAY(sa.Text()),
            nullable=False,
            server_default=sa.text("'{}'"),
            comment="Drivers planned beyond all that was seen.",
        ),
    )
    # NOT VALID: no row of before has one, so no lock waits until all of them are read.
    op.execute(
        "ALTER TABLE forecasts ADD CONSTRAINT forecasts_limited_check"
        " CHECK (array_position(limited, NULL) IS NULL) NOT VALID"
    )
    op.execute("ALTER TABLE forecasts VALIDATE CONSTRAINT forecasts_limited_check")


def downgrade() -> None:
    op.drop_constraint(op.f("forecasts_limited_check"), "forecasts", type_="check")
    op.drop_column("forecasts", "limited")
    op.execute(
        "UPDATE model_versions SET findings = (SELECT jsonb_agg(coalesce("
        "finding -> 'values' ->> 'text', finding ->> 'code') ORDER BY n)"
        " FROM jsonb_array_elements(findings) WITH ORDINALITY AS t (finding, n))"
        " WHERE findings <> '[]'"
    )
    op.alter_column("model_versions", "findings", new_column_name="notes")

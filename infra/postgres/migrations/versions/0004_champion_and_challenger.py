"""Champion and challenger: what was compared, the verdict, and who changed what"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

REFUSE = """
CREATE FUNCTION refuse_to_change_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'alias_history is append-only: add a change, don''t % one', lower(TG_OP)
        USING ERRCODE = 'restrict_violation';
END $$
"""
APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON alias_history
FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_history()
"""
LISTS = ("folds", "comparison", "notes")


def upgrade() -> None:
    op.add_column(
        "model_versions",
        sa.Column(
            "chosen",
            sa.Text(),
            nullable=True,
            comment="The candidate that won; NULL: the strategy has but one.",
        ),
    )
    # Until now the newest model was promoted, whatever its errors.
    op.add_column(
        "model_versions",
        sa.Column(
            "policy",
            sa.Text(),
            nullable=False,
            server_default="always",
            comment="When it was to become champion.",
        ),
    )
    op.alter_column("model_versions", "policy", server_default=None)
    for name in LISTS:
        column = sa.Column(
            name, postgresql.JSONB(), nullable=False, server_default=sa.text("'[]'")
        )
        op.add_column("model_versions", column)
    op.add_column(
        "model_versions",
        sa.Column(
            "verdict",
            postgresql.JSONB(),
            nullable=True,
            comment="Whether it became champion, why, and the scores; NULL: from before verdicts.",
        ),
    )
    op.create_check_constraint(
        op.f("model_versions_policy_check"),
        "model_versions",
        "policy IN ('always', 'if-better', 'never')",
    )
    op.create_index(op.f("model_versions_run_id_idx"), "model_versions", ["run_id"])

    op.add_column(
        "alias_history",
        sa.Column(
            "cause_id",
            sa.Text(),
            nullable=True,
            comment="The request's id, or the new model's.",
        ),
    )
    op.add_column(
        "alias_history",
        sa.Column(
            "forecast_from",
            sa.Date(),
            nullable=True,
            comment="First day that a champion forecasts from then on.",
        ),
    )
    # Until now a model became champion once, when it was trained, and forecast from its as_of.
    op.execute(
        "UPDATE alias_history AS change SET cause_id = model.model_id, forecast_from = model.as_of"
        " FROM model_versions AS model WHERE model.model_id = change.model_id"
    )
    op.alter_column("alias_history", "cause_id", nullable=False)
    op.alter_column(
        "alias_history",
        "model_id",
        nullable=True,
        existing_type=sa.Text(),
        comment="What the alias pointed to from then on; NULL: nothing.",
        existing_comment="What the alias pointed to from then on.",
    )
    op.create_unique_constraint(
        op.f("alias_history_cause_id_store_product_alias_key"),
        "alias_history",
        ["cause_id", "store", "product", "alias"],
    )
    op.create_check_constraint(
        op.f("alias_history_alias_check"),
        "alias_history",
        "CASE alias WHEN 'champion' THEN model_id IS NOT NULL AND forecast_from IS NOT NULL WHEN 'challenger' THEN forecast_from IS NULL ELSE false END",
    )
    op.create_table_comment(
        "alias_history",
        "Append-only (a trigger sees to it): every change of champion and challenger.",
        existing_comment="Append-only: every change of an alias.",
    )
    op.execute(REFUSE)
    op.execute(APPEND_ONLY)


def downgrade() -> None:
    op.execute("DROP TRIGGER append_only ON alias_history")
    op.execute("DROP FUNCTION refuse_to_change_history()")
    op.create_table_comment(
        "alias_history",
        "Append-only: every change of an alias.",
        existing_comment="Append-only (a trigger sees to it): every change of champion and challenger.",
    )
    op.drop_constraint(op.f("alias_history_alias_check"), "alias_history")
    op.drop_constraint(op.f("alias_history_cause_id_store_product_alias_key"), "alias_history")
    op.execute("DELETE FROM alias_history WHERE alias <> 'champion'")
    op.alter_column(
        "alias_history",
        "model_id",
        nullable=False,
        existing_type=sa.Text(),
        comment="What the alias pointed to from then on.",
        existing_comment="What the alias pointed to from then on; NULL: nothing.",
    )
    op.drop_column("alias_history", "forecast_from")
    op.drop_column("alias_history", "cause_id")
    op.drop_index(op.f("model_versions_run_id_idx"), table_name="model_versions")
    op.drop_constraint(op.f("model_versions_policy_check"), "model_versions")
    for name in ("verdict", *LISTS, "policy", "chosen"):
        op.drop_column("model_versions", name)

"""Say when what is served as forecasts changes, whoever changes it"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SAY_SO = """
CREATE FUNCTION say_forecasts_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('forecasts_changed', '');
    RETURN NULL;
END $$
"""
TRIGGER = """
CREATE TRIGGER say_forecasts_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION say_forecasts_changed()
"""
TABLES = ("forecasts", "model_aliases")


def upgrade() -> None:
    op.execute(SAY_SO)
    for table in TABLES:
        op.execute(TRIGGER.format(table=table))


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TRIGGER say_forecasts_changed ON {table}")
    op.execute("DROP FUNCTION say_forecasts_changed()")

"""The migrations lead to the schema that the code describes."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from infra.postgres.migrate import migrate, sqlalchemy_url
from infra.postgres.schema import metadata


def test_the_migrations_lead_to_the_schema(database: str):
    migrate(database)  # a second time: nothing left to do
    engine = create_engine(sqlalchemy_url(database))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()

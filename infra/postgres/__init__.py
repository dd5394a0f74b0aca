"""Postgres: the schema, its migrations, and the storage that functions work on."""

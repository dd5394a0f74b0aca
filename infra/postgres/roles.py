"""A Postgres role for each user of `infra.access`, with exactly the rights listed there."""

from collections.abc import Mapping

import psycopg
from psycopg import sql

from infra.access import USERS
from infra.postgres.schema import metadata

PREFIX = "shelfcast_"  # roles belong to the server, which may have other databases
VERSION = "alembic_version"  # the table with the schema's version, which every process reads


def role_of(user: str) -> str:
    """Return the role's name."""
    return PREFIX + user


def make_roles(database_url: str, passwords: Mapping[str, str]) -> None:
    """Make these users' roles, or give them these passwords; grant what they need, revoke the rest.

    The URL's own role has to be the tables' owner and may make roles. All of it, or nothing.
    """
    with psycopg.connect(database_url) as connection:
        for user, password in passwords.items():
            _make(connection, role_of(user), password)
            for table in sorted(metadata.tables):
                _set_rights(connection, role_of(user), table, USERS[user].tables.get(table, ()))
            _set_rights(connection, role_of(user), VERSION, ("SELECT",))


def _make(connection: psycopg.Connection, role: str, password: str) -> None:
    known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    verb = sql.SQL("CREATE" if known is None else "ALTER")
    name, word = sql.Identifier(role), sql.Literal(password)
    connection.execute(sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, name, word))
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(name))


def _set_rights(
    connection: psycopg.Connection, role: str, table: str, rights: tuple[str, ...]
) -> None:
    on, to = sql.Identifier(table), sql.Identifier(role)
    connection.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(on, to))
    if rights:
        verbs = sql.SQL(", ").join(map(sql.SQL, rights))
        connection.execute(sql.SQL("GRANT {} ON {} TO {}").format(verbs, on, to))

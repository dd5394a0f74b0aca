"""Passwords of the users of `infra.access`: generate, store in files, set in Kafka and Postgres.

A user's folder can be the SHELFCAST_SECRETS_DIR of a process with only this user.
"""

import secrets
from pathlib import Path
from urllib.parse import quote, urlsplit

from infra.access import USERS
from infra.settings import Settings


def give_credentials(settings: Settings, folder: Path) -> tuple[str, ...]:
    """Make all users, with the passwords that the folder holds or new ones; their names.

    `settings` are an operator's. Files are written before a server is changed, so a repetition
    goes on where this one was cut short.
    """
    from infra.postgres.roles import make_roles

    passwords = {user: _password(folder / user) for user in USERS}
    for user, password in passwords.items():
        _write(folder / user, "database_url", _url(settings.database, user, password))
    make_roles(settings.database, passwords)
    if settings.kafka_security.startswith("SASL"):
        from infra.kafka.users import make_users

        for user in passwords:
            _write(folder / user, "kafka_username", user)
        make_users(settings.kafka, passwords)
    return tuple(passwords)


def _password(folder: Path) -> str:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    known = folder / "shelfcast_kafka_password"
    if not known.exists():
        _write(folder, "kafka_password", secrets.token_urlsafe(32))
    return known.read_text(encoding="utf-8")


def _write(folder: Path, name: str, value: str) -> None:
    """Write the file atomically, readable by its owner only."""
    file = folder / f"shelfcast_{name}"
    aside = file.with_suffix(".new")
    aside.unlink(missing_ok=True)
    aside.touch(mode=0o600)
    aside.write_text(value, encoding="utf-8")
    aside.replace(file)


def _url(url: str, user: str, password: str) -> str:
    """Return the database's URL for another role."""
    from infra.postgres.roles import role_of

    parts = urlsplit(url)
    at = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{role_of(user)}:{quote(password, safe='')}@{at}").geturl()

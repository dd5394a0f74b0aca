"""Create the random secrets of the composed stack at the first `up`, and keep them.

`python -m infra.docker.make_secrets FOLDER [--own FOLDER=UID…]` makes it in the folder, a volume:
each reader's secrets in a folder of its own that it alone can enter, each file 0400. All of it
gets its place at once, so half of it is never seen; what a later version needs beside it comes in a
folder of its own. It runs as root with no right but to give files away; `--own` gives a volume to
who writes into it.
"""

import argparse
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from infra.docker.make_tls import Authority

MADE = "current"
POSTGRES, KAFKA, SHELFCAST = 999, 1000, 10_001  # the users of the official images and our own
OPERATOR = "operator"  # who may make topics and users of a Kafka that asks for one
DATABASE_URL = "postgresql://shelfcast:{password}@postgres:5432/shelfcast"
# Spark's settings, which its parts read from SPARK_CONF_DIR: whoever has not got the secret neither
# joins nor sends work, and what goes between them is encrypted. The master's REST API asks nobody
# for it, so there is none.
SPARK = """\
spark.authenticate true
spark.authenticate.secret {secret}
spark.network.crypto.enabled true
spark.driver.extraClassPath /opt/jars/spark/*
spark.executor.extraClassPath /opt/jars/spark/*
spark.master.rest.enabled false
spark.ui.enabled false
"""
Chown = Callable[[Path, int, int], None]


def contents() -> dict[int, dict[str, str]]:
    """New secrets: for each user the files and what they hold."""
    password = secrets.token_urlsafe(32)
    return {
        POSTGRES: {"postgres/password": password},
        SHELFCAST: {
            "shelfcast/shelfcast_database_url": DATABASE_URL.format(password=password),
            "shelfcast/ray_token": secrets.token_hex(32),
        },
    }


def make(folder: Path, chown: Chown = os.chown) -> bool:
    """Create the secrets if there are none; return whether they were created."""
    if (folder / MADE).exists():
        return False
    folder.chmod(0o755)
    fresh = Path(tempfile.mkdtemp(dir=folder))
    for owner, files in contents().items():
        for name, text in files.items():
            _write(fresh / name, text, owner, chown)
        # Last, since after the change of owner this process can't enter the folder.
        for place in {(fresh / name).parent for name in files}:
            chown(place, owner, owner)
    fresh.chmod(0o755)
    fresh.rename(folder / MADE)
    return True


def make_spark(folder: Path, chown: Chown = os.chown) -> bool:
    """Make what Spark's parts share if it is not there; whether it was not."""
    place = folder / MADE / "spark"
    if place.exists():
        return False
    fresh = Path(tempfile.mkdtemp(dir=folder / MADE))
    text = SPARK.format(secret=secrets.token_urlsafe(32))
    _write(fresh / "spark-defaults.conf", text, SHELFCAST, chown)
    chown(fresh, SHELFCAST, SHELFCAST)
    fresh.rename(place)
    return True


def make_hardened(folder: Path, chown: Chown = os.chown) -> bool:
    """Make what infra/docker/hardened.yml needs if it is not there; whether it was not.

    The servers' certificates, each with its key for its server alone; that of who signed them, for
    everybody; and the operator's name and password to Kafka.
    """
    place = folder / MADE / "tls"
    if place.exists():
        return False
    fresh = Path(tempfile.mkdtemp(dir=folder / MADE))
    authority = Authority()
    postgres, kafka = authority.server("postgres"), authority.server("kafka")
    files = {
        "postgres/server.key": (postgres[0], POSTGRES),
        "postgres/server.pem": (postgres[1], POSTGRES),
        "kafka/server.pem": ("".join(kafka), KAFKA),
        f"{OPERATOR}/shelfcast_kafka_username": (OPERATOR, SHELFCAST),
        f"{OPERATOR}/shelfcast_kafka_password": (secrets.token_urlsafe(32), SHELFCAST),
    }
    for name, (text, owner) in files.items():
        _write(fresh / name, text, owner, chown)
    for name, (_, owner) in files.items():
        chown((fresh / name).parent, owner, owner)
    (fresh / "authority.pem").write_text(authority.certificate)
    (fresh / "authority.pem").chmod(0o444)
    fresh.chmod(0o755)
    fresh.rename(place)
    return True


def _write(file: Path, text: str, owner: int, chown: Chown) -> None:
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(text)
    file.chmod(0o400)
    chown(file, owner, owner)


def main() -> None:
    """Make them, and say which it was."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--own", action="append", default=[], metavar="FOLDER=UID")
    given = parser.parse_args()
    for pair in given.own:
        folder, _, owner = pair.partition("=")
        os.chown(folder, int(owner), int(owner))
    made = [make(given.folder), make_spark(given.folder), make_hardened(given.folder)]
    print("secrets: made" if any(made) else "secrets: kept as they are")


if __name__ == "__main__":
    main()

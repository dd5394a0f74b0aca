"""The users of the hardened composed stack, in the order in which they can be made.

`python -m infra.docker.make_users operator` runs in Kafka's own network, where alone Kafka asks
nobody who they are, and makes the operator known to it. `… functions FOLDER` runs as the operator
once the tables are there: each function becomes a user of its own in Kafka and Postgres, and the
folder, a volume, gets all that processes of functions may know, and nothing of the operator's.
"""

import argparse
import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

from infra.credentials import give_credentials
from infra.docker.make_secrets import MADE
from infra.kafka.users import make_operator
from infra.reaching import reach_kafka
from infra.settings import load_settings

INSIDE = "localhost:9094"  # the broker's listener for itself
SECRETS = Path("/run/secrets") / MADE
# Of the stack's secrets those that every process of functions needs, wherever it runs.
SHARED = ("shelfcast/ray_token", "spark/spark-defaults.conf", "tls/authority.pem")


def hand_on(secrets: Path, folder: Path) -> None:
    """Give what functions share to them, in the places that it has among the secrets."""
    for name in SHARED:
        place = folder / MADE / name
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = place.with_suffix(".new")
        aside.unlink(missing_ok=True)
        shutil.copyfile(secrets / name, aside)
        aside.chmod(0o400)
        aside.replace(place)


def main() -> None:
    """Make them, and say which."""
    parser = argparse.ArgumentParser()
    which = parser.add_subparsers(dest="which", required=True)
    which.add_parser("operator")
    which.add_parser("functions").add_argument("folder", type=Path)
    given = parser.parse_args()
    settings = load_settings()
    if given.which == "operator":
        inside = replace(settings.kafka, bootstrap=INSIDE, protocol="PLAINTEXT")
        asyncio.run(reach_kafka(inside))
        make_operator(settings.kafka, inside)
        print(f"users: Kafka knows {settings.kafka.username}")
    else:
        hand_on(SECRETS, given.folder)
        users = give_credentials(settings, given.folder / MADE / "users")
        print(f"users: {', '.join(users)}")


if __name__ == "__main__":
    main()

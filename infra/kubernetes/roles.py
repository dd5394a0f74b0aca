"""Gives each user its role in Postgres: `python -m infra.kubernetes.roles`, after a migration.

The passwords are those of the folder SHELFCAST_CREDENTIALS, where the secret of
`infra.kubernetes.credentials` is mounted; Strimzi tells Kafka the same ones. Again it changes
nothing but what users may do, to what this version's `infra.access` says.
"""

import logging
from pathlib import Path

from infra.access import USERS
from infra.postgres.roles import make_roles
from infra.settings import CredentialsMissing, SettingMissing, load_settings

log = logging.getLogger("shelfcast")


def passwords(folder: Path) -> dict[str, str]:
    """Each user's; CredentialsMissing names the file that is not there."""
    found = {}
    for user in USERS:
        file = folder / user / "shelfcast_kafka_password"
        try:
            found[user] = file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise CredentialsMissing(
                f"SHELFCAST_CREDENTIALS: {file} can't be read ({error.strerror}); make the secret "
                "anew by `python -m infra.kubernetes.credentials`"
            ) from None
    return found


def main() -> None:
    """Make the roles; the settings are those of the tables' owner."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    settings = load_settings()
    try:
        if settings.credentials is None:
            raise SettingMissing("SHELFCAST_CREDENTIALS")
        known = passwords(settings.credentials)
        make_roles(settings.database, known)
    except (CredentialsMissing, SettingMissing) as error:
        raise SystemExit(str(error)) from None
    log.info("roles of %s", ", ".join(known))


if __name__ == "__main__":
    main()

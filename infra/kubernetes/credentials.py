"""Makes the one secret that the manifests need: `python -m infra.kubernetes.credentials`.

It prints a Secret with new random passwords, to be piped into `kubectl create -f -` once, which
refuses to replace one that is there. Strimzi and the migrating Job tell Kafka and Postgres.
"""

import secrets
import sys

import yaml

from infra.access import USERS
from infra.kubernetes.users import OPERATOR, SECRET, SHOP, password_key
from infra.postgres.roles import role_of

NAMESPACE = "shelfcast"
# PgBouncer's service, by TLS that is checked against the authority mounted at that place.
DATABASE = (
    "postgresql://{role}:{password}@shelfcast-db-pooler:5432/shelfcast"
    "?sslmode=verify-full&sslrootcert=/run/secrets/postgres-ca/ca.crt"
)


def url_key(user: str) -> str:
    """Where in the secret the database's URL of a user is."""
    return f"{user}-database-url"


def secret() -> dict[str, object]:
    """The Secret, with passwords that need no quoting anywhere."""
    data = {}
    for user in (*USERS, OPERATOR, SHOP):
        password = secrets.token_urlsafe(32)
        data[password_key(user)] = password
        if user in USERS:
            data[url_key(user)] = DATABASE.format(role=role_of(user), password=password)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET, "namespace": NAMESPACE},
        "stringData": data,
    }


if __name__ == "__main__":
    if sys.stdout.isatty():
        sys.exit("these are passwords: pipe them into `kubectl create -f -`")
    yaml.safe_dump(secret(), sys.stdout, sort_keys=False)

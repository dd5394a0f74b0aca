from functions.catalog import FUNCTIONS
from infra.local import postgres
from infra.postgres.connections import CONNECTIONS
from infra.settings import MAX_TRAINERS

API = 10
RESERVED = 3  # Postgres keeps these for its superuser
COMMANDS = 10  # of people, and migrations
SPARK_CORES = 64


def test_the_server_takes_the_connections_of_the_largest_layout() -> None:
    functions = len(FUNCTIONS) - 1 + MAX_TRAINERS
    needed = functions * CONNECTIONS + API + 2 * SPARK_CORES + RESERVED + COMMANDS

    assert int(postgres.SETTINGS["max_connections"]) >= needed

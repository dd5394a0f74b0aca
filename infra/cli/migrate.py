"""`shelfcast migrate`: bring schema and topics up to this version."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.output import Json, print_json

if TYPE_CHECKING:
    from infra.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(migrate)


def migrate(
    replication_factor: Annotated[
        int, typer.Option(min=1, help="Replicas of each topic that is created now.")
    ] = 1,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for Postgres and Kafka.")
    ] = 60.0,
    as_json: Json = False,
) -> None:
    """Bring schema and topics up to this version; safe to run again, and from several places.

    Missing partitions are added; the settings of existing topics stay unchanged.
    """
    from infra.settings import load_settings

    done = bring_up(load_settings(), replication_factor, wait)
    if as_json:
        print_json(done)
        return
    schema, topics = done["schema"], done["topics"]
    if schema["before"] == schema["now"]:
        typer.echo(f"schema: is at {schema['now']} already")
    else:
        typer.echo(f"schema: from {schema['before'] or 'nothing'} to {schema['now']}")
    for word in ("made", "grown"):
        if topics[word]:
            typer.echo(f"topics: {word} {', '.join(topics[word])}")
    if not topics["made"] and not topics["grown"]:
        typer.echo(f"topics: all {topics['all']} are there already")


def bring_up(settings: "Settings", replication_factor: int, wait: float) -> dict[str, Any]:
    """Migrate and provision; return what was done. Raises CredentialRefused or ServerAway."""
    from events.topics import TOPICS
    from infra.kafka.topics import partitions, provision
    from infra.postgres.migrate import migrate, revision
    from infra.reaching import reach_kafka, reach_postgres

    cluster, database = settings.kafka, settings.database
    asyncio.run(reach_postgres(database, wait))
    asyncio.run(reach_kafka(cluster, wait))
    before, had = revision(database), partitions(cluster)
    migrate(database)
    provision(cluster, replication_factor)
    return {
        "schema": {"before": before, "now": revision(database)},
        "topics": {
            "all": len(TOPICS),
            "made": [name for name in TOPICS if name not in had],
            "grown": [
                name for name, topic in TOPICS.items() if had.get(name, 9999) < topic.partitions
            ],
        },
    }

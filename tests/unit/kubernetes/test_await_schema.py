"""Who works on the tables waits for those who migrate them."""

import psycopg
import pytest

from infra.kubernetes.await_schema import older, wait
from infra.postgres.migrate import MIGRATIONS


def test_every_revision_but_the_newest_is_too_old():
    files = sorted(file.name for file in (MIGRATIONS / "versions").glob("*.py"))
    assert len(older()) == len(files)  # all but one, and a database without any
    assert files[-1].split("_")[0] not in older()
    assert files[0].split("_")[0] in older()


def test_it_waits_for_the_database_and_for_the_migration(caplog: pytest.LogCaptureFixture):
    answers = iter([psycopg.OperationalError("refused"), None, None, "0001", "0002"])
    caplog.set_level("INFO")

    def look() -> str | None:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert wait(look, {None, "0001"}, pause=0) == "0002"
    assert [record.getMessage() for record in caplog.records] == [
        "Postgres is away: refused",
        "the schema is at nothing: waiting for `shelfcast migrate`",
        "the schema is at 0001: waiting for `shelfcast migrate`",
    ]


def test_a_schema_of_a_later_version_is_fine():
    assert wait(lambda: "0099", {None, "0001"}, pause=0) == "0099"

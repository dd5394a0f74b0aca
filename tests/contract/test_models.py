"""Model versions and the history of their aliases, in every storage."""

from dataclasses import replace
from datetime import date, timedelta

import asyncpg
import pytest

from events.payloads import Finding, FoldMetrics
from functions.ports import Storage
from functions.registry.transactions import record_results
from infra.postgres.storage import PostgresStorage
from tests.contract.examples import (
    DAY,
    NOON,
    SERIES,
    changes_of,
    comparison,
    history,
    plan,
    trained,
    versions,
    week,
)


async def test_up_to_date_is_what_has_a_champion_as_of_the_day_or_later(storage: Storage):
    old = await storage.save_or_coalesce(plan("old", as_of=date(2015, 7, 1)))
    new = await storage.save_or_coalesce(plan("new"))
    await record_results(storage, [trained(old, SERIES[0]), trained(old, SERIES[1])], [])
    await record_results(storage, [trained(new, SERIES[1])], [])
    assert await storage.up_to_date(None, None, date(2015, 7, 1)) == {SERIES[0], SERIES[1]}
    assert await storage.up_to_date(None, None, date(2015, 7, 2)) == {SERIES[1]}
    assert await storage.up_to_date("1", None, date(2015, 7, 1)) == {SERIES[0], SERIES[1]}
    assert await storage.up_to_date(None, "milk", date(2015, 7, 1)) == {SERIES[0]}
    assert await storage.up_to_date(*SERIES[0], date(2015, 8, 2)) == set()


async def test_what_an_older_version_said_in_words_is_kept_as_such(storage: Storage):
    await week(storage, 1, SERIES[0], notes=("intervals widened ½",))
    [model] = await versions(storage, SERIES[0])
    assert model.findings == (Finding(code="said", values={"text": "intervals widened ½"}),)


async def test_a_model_comes_back_with_all_that_was_compared(storage: Storage):
    await week(storage, 1, SERIES[0])
    [first] = await versions(storage, SERIES[0])
    told = {
        "chosen": "windowed",
        "policy": "if-better",
        "folds": (FoldMetrics(first_day=DAY, last_day=DAY, metrics={"wape": 0.1, "mape": None}),),
        "comparison": comparison(0.9, 0.8, first.model_id),
        "findings": (
            Finding(
                code="days-far-off",
                values={"days": 2, "share": 0.5, "why": "½", "newest": ("2015-07-01",)},
            ),
        ),
    }
    await week(storage, 2, SERIES[0], **told)
    model, _ = await versions(storage, SERIES[0])
    assert {name: getattr(model, name) for name in told} == told
    assert model.verdict is not None
    assert not model.verdict.promote
    assert (model.verdict.score, model.verdict.champion_score) == (0.9, 0.8)
    assert model.verdict.champion_model_id == first.model_id
    assert model.aliases == ("challenger",)
    assert await storage.verdicts([model.model_id, "unknown"]) == {
        model.model_id: (2, model.verdict)
    }
    assert await storage.promotions([model.model_id]) == []
    assert await history(storage, SERIES[0]) == [
        ("challenger", None, 2, "registry"),
        ("champion", None, 1, "registry"),
    ]


async def test_champions_are_read_for_those_series_that_have_one(storage: Storage):
    await week(storage, 1, *SERIES[:2])
    await week(storage, 2, SERIES[0], chosen="full")
    found = await storage.champions([SERIES[0], SERIES[2], SERIES[1]])
    assert {key: (m.version, m.chosen, m.aliases) for key, m in found.items()} == {
        SERIES[0]: (2, "full", ("champion",)),
        SERIES[1]: (1, None, ("champion",)),
    }
    stored, _ = await versions(storage, SERIES[0])
    champion = found[SERIES[0]]
    assert champion.parameters == {"k": 0.1, "delta": [0.0, 1e-17]}
    unread = {"folds": (), "comparison": (), "verdict": None}
    assert replace(champion, parameters={}) == replace(stored, **unread) != stored
    assert await storage.champions([]) == {}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE alias_history SET reason = 'never happened'",
        "DELETE FROM alias_history",
        "TRUNCATE alias_history",
    ],
)
async def test_the_history_of_aliases_cannot_be_rewritten(database: str, statement: str):
    storage = PostgresStorage(database)
    await week(storage, 1, SERIES[0])
    async with storage.transaction() as connection:
        with pytest.raises(asyncpg.RestrictViolationError, match="append-only: add a change"):
            await connection.execute(statement)
    await storage.close()


async def test_models_and_changes_of_a_series_come_in_pages(storage: Storage):
    for n in range(3):
        run = await storage.save_or_coalesce(plan(f"run-{n}", NOON + timedelta(hours=n)))
        model = trained(run, SERIES[0], NOON + timedelta(hours=n), policy="always")
        await record_results(storage, [model], [])
    whole = await changes_of(storage, SERIES[0])

    newest = await storage.versions_page(*SERIES[0], None, 2)
    older = await storage.versions_page(*SERIES[0], newest[-1].version, 2)
    changes, after = await storage.alias_history_page(*SERIES[0], None, len(whole) - 1)
    last, end = await storage.alias_history_page(*SERIES[0], after, 10)

    assert [model.version for model in (*newest, *older)] == [3, 2, 1]
    assert all(model.parameters == {} for model in newest)
    assert [*changes, *last] == whole
    assert end is None

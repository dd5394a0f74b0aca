"""What people promote and roll back, in every storage."""

from datetime import timedelta

import pytest

from events.errors import Refusal
from functions.ports import Storage
from functions.registry.transactions import change_champions, preview
from tests.contract.examples import DAY, SERIES, asked, changes_of, history, standing, week


async def test_a_person_promotes_an_older_version_and_rolls_it_back(storage: Storage):
    for number in (1, 2, 3):
        await week(storage, number, SERIES[0])
    request = asked("promote", SERIES[0], version=1, reason="shelves")
    assert await preview(storage, request.data) == (SERIES[0],)
    await change_champions(storage, request, DAY)
    assert await standing(storage, SERIES[0]) == {"champion": 1, "previous": 3}
    [promotion] = await storage.promotions(["request"])
    assert (promotion.version, promotion.run_id) == (1, "week-1")
    assert (promotion.changed_by, promotion.reason) == ("anna", "shelves")
    assert promotion.forecast_from == DAY + timedelta(days=1), "no later than tomorrow"
    await change_champions(storage, asked("rollback", SERIES[0], request_id="back"), DAY)
    assert await standing(storage, SERIES[0]) == {"champion": 3, "previous": 1}
    assert await history(storage, SERIES[0]) == [
        ("champion", 1, 3, "anna"),
        ("champion", 3, 1, "anna"),
        ("champion", 2, 3, "registry"),
        ("champion", 1, 2, "registry"),
        ("champion", None, 1, "registry"),
    ]


async def test_a_request_that_comes_again_later_changes_nothing(storage: Storage):
    for number in (1, 2):
        await week(storage, number, SERIES[0])
    requests = [
        asked("promote", SERIES[0], version=2, request_id="no-change"),
        asked("rollback", SERIES[0], request_id="back"),
        asked("promote", SERIES[0], model_id="week-2:1:milk", request_id="forth"),
        asked("rollback", SERIES[0], request_id="back again"),
    ]
    for request in requests:
        await change_champions(storage, request, DAY)
    ids = [request.id for request in requests]
    places, told = await standing(storage, SERIES[0]), await history(storage, SERIES[0])
    promotions = await storage.promotions(ids)
    for request in [*requests, *reversed(requests)]:
        await change_champions(storage, request, DAY)
    assert places == {"champion": 1, "previous": 2}
    assert await standing(storage, SERIES[0]) == places
    assert await history(storage, SERIES[0]) == told
    assert await storage.promotions(ids) == promotions
    assert [(p.cause_id, p.version) for p in promotions] == [
        ("no-change", 2),
        ("back", 1),
        ("forth", 2),
        ("back again", 1),
    ]
    assert promotions[0].model_id == promotions[0].previous_model_id, "it was champion already"


async def test_a_run_is_rolled_back_and_promoted_again_as_a_whole(storage: Storage):
    await week(storage, 1, *SERIES[:2])
    await week(storage, 2, *SERIES)
    await week(storage, 3, SERIES[1])
    back = asked("rollback", run_id="week-2", request_id="back")
    assert await preview(storage, back.data) == (SERIES[0],), "the only one with a predecessor"
    await change_champions(storage, back, DAY)
    assert await standing(storage, SERIES[0]) == {"champion": 1, "previous": 2}
    assert await standing(storage, SERIES[1]) == {"champion": 3, "previous": 2}
    assert await standing(storage, SERIES[2]) == {"champion": 1}
    await change_champions(storage, asked("promote", run_id="week-2", request_id="forth"), DAY)
    for series, version in zip(SERIES, (2, 2, 1), strict=True):
        assert (await standing(storage, series))["champion"] == version
    promotions = await storage.promotions(["forth"])
    changed = [p for p in promotions if p.model_id != p.previous_model_id]
    assert [(p.store, p.product) for p in changed] == list(SERIES[:2])


async def test_the_challengers_of_a_list_of_series_are_promoted_and_leave_their_places(
    storage: Storage,
):
    await week(storage, 1, *SERIES)
    await week(storage, 2, *SERIES[:2], policy="never")
    await change_champions(storage, asked("promote", *SERIES[:2]), DAY)
    for series in SERIES[:2]:
        assert await standing(storage, series) == {"champion": 2, "previous": 1}
        assert await history(storage, series) == [
            ("challenger", 2, None, "anna"),
            ("champion", 1, 2, "anna"),
            ("challenger", None, 2, "registry"),
            ("champion", None, 1, "registry"),
        ]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"version": 9}, "version: 1/milk has no version 9"),
        ({"model_id": "week-1:2:milk"}, "model_id: 'week-1:2:milk' is not a model of 1/milk"),
        ({}, "series: 1/milk has no challenger"),
        ({"run_id": "week-9"}, "run_id: no model of run 'week-9' is stored"),
    ],
)
async def test_a_request_for_what_is_not_there_changes_nothing(storage: Storage, fields, told):
    await week(storage, 1, SERIES[0], SERIES[2])
    series = [] if "run_id" in fields else [SERIES[0]]
    request = asked("promote", *series, **fields)
    for ask in (preview(storage, request.data), change_champions(storage, request, DAY)):
        with pytest.raises(Refusal, match=told):
            await ask
    assert await standing(storage, SERIES[0]) == {"champion": 1}
    assert len(await changes_of(storage, SERIES[0])) == 1

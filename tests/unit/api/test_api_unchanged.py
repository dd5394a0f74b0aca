"""What a client has is not sent again, and who waits for news is told when there are some."""

import asyncio
from datetime import date

import httpx
import pytest

from functions.api import unchanged
from functions.changes import Changes
from functions.records import DayForecast, Forecast
from tests.unit.api.served import Shop

PATH = "/forecasts/1/milk"


async def forecast_anew(shop: Shop, yhat: float) -> None:
    """The champion's first day is this now."""
    model_id, window = shop.storage.windows_served["1", "milk"]
    day = DayForecast(date(2015, 8, 1), yhat, 0.0, 2 * yhat)
    made = Forecast("1", "milk", model_id, (day,))
    assert await shop.storage.serve([(made, window)]) == set()


def first_day(answer: httpx.Response) -> float:
    return float(answer.json()["days"][0]["yhat"])


@pytest.fixture
def looks(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[None]:
    """A sign for each look at the forecast by somebody who waits for a change of it."""
    signs: asyncio.Queue[None] = asyncio.Queue()
    next_change = shop.storage.changes.next

    def sign_and_tell() -> asyncio.Future[None]:
        signs.put_nowait(None)
        return next_change()

    monkeypatch.setattr(shop.storage.changes, "next", sign_and_tell)
    return signs


@pytest.fixture
async def run(api: httpx.AsyncClient, shop: Shop) -> str:
    """A run of 1/milk that succeeded."""
    await api.post("/retrain", json={"store": "1", "product": "milk", "run_id": "run-1"})
    await shop.plan()
    await shop.train("run-1", [("1", "milk")])
    return "run-1"


async def test_what_is_known_is_not_sent_again(api: httpx.AsyncClient, run: str):
    tag = (await api.get(PATH)).headers["ETag"]
    for known in (tag, f"W/{tag}", f'"another", {tag}', "*"):
        answer = await api.get(PATH, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", tag)


async def test_another_answer_has_another_tag(api: httpx.AsyncClient, shop: Shop, run: str):
    tag = (await api.get(PATH)).headers["ETag"]
    await forecast_anew(shop, 70.0)
    answer = await api.get(PATH, headers={"If-None-Match": tag})
    assert answer.status_code == 200
    assert first_day(answer) == 70.0
    assert answer.headers["ETag"] != tag


async def test_who_waits_is_told_at_once_when_it_changes(api, shop: Shop, run: str, looks):
    known = {"If-None-Match": (await api.get(PATH)).headers["ETag"]}
    await looks.get()
    waiting = asyncio.create_task(api.get(PATH, params={"wait": 10}, headers=known))
    await looks.get()
    shop.storage.changes.happened()  # one that changed nothing
    await looks.get()
    assert not waiting.done()
    await forecast_anew(shop, 70.0)
    assert first_day(await waiting) == 70.0


async def test_who_waits_for_a_first_forecast_gets_it(api, shop: Shop, looks):
    waiting = asyncio.create_task(api.get(PATH, params={"wait": 10}))
    await looks.get()
    await api.post("/retrain", json={"store": "1", "product": "milk", "run_id": "run-1"})
    await shop.plan()
    await shop.train("run-1", [("1", "milk")])
    assert (await waiting).status_code == 200


@pytest.mark.parametrize(("path", "status"), [(PATH, 304), ("/forecasts/2/milk", 404)])
async def test_waiting_ends_with_what_there_is(api, run: str, path: str, status: int):
    known = {"If-None-Match": (await api.get(PATH)).headers["ETag"]}
    answer = await api.get(path, params={"wait": 0.01}, headers=known)
    assert answer.status_code == status


async def test_nobody_waits_for_ever_or_for_less_than_nothing(api, run: str):
    for wait in ("-1", "11", "nan", "soon"):
        answer = await api.get(PATH, params={"wait": wait})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "wait"


async def test_with_many_who_wait_others_are_answered_at_once(monkeypatch):
    monkeypatch.setattr(unchanged, "MAX_WAITING", 1)
    changes = Changes()
    waiting = unchanged.Waiting(changes)
    looked, allowed = asyncio.Event(), asyncio.Event()

    async def look() -> bool:
        looked.set()
        return allowed.is_set()

    first = asyncio.create_task(waiting.look(look, bool, 10))
    await looked.wait()
    assert await waiting.look(look, bool, 10) is False
    assert not first.done()
    allowed.set()
    changes.happened()
    assert await first is True


async def test_a_change_between_looking_and_waiting_is_not_missed():
    changes = Changes()
    looks = 0

    async def look() -> int:
        nonlocal looks
        looks += 1
        if looks == 1:
            changes.happened()  # while the look is under way
        return looks

    assert await unchanged.Waiting(changes).look(look, lambda seen: seen == 2, 10) == 2

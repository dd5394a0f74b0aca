"""Reading and writing who is champion, in a transaction of the caller's.

What moves where is decided in `functions.registry`; whoever writes holds LOCK_MODELS, or shares it
and holds the series, so that what was read still holds.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from events.envelope import Event
from events.payloads import ModelTrained, PromotionRequested
from functions.registry.champion import Contender
from functions.registry.places import CHALLENGER, Cause, Places
from functions.registry.requested import champions_to_be
from functions.registry.verdicts import verdicts
from functions.storage import Series, Verdict
from infra.postgres import queries
from infra.postgres.columns import columns


async def judge(
    connection: Any, trained: Sequence[Event[ModelTrained]]
) -> tuple[Places, Mapping[str, Verdict]]:
    """Verdicts on those models that are not stored yet, and where they move."""
    asked = [(event.data.model_id, event.data.run_id) for event in trained]
    rows = await connection.fetch(queries.NEW_MODELS, *columns(asked, 2))
    ids = {row["model_id"] for row in rows}
    new = [event for event in trained if event.data.model_id in ids]
    requested = {row["run_id"]: at for row in rows if (at := row["requested_at"]) is not None}
    places = await read_places(connection, ((e.data.store, e.data.product) for e in new))
    return places, verdicts(new, requested, places)


async def choose(
    connection: Any, request: PromotionRequested
) -> tuple[Places, Mapping[Series, Contender]]:
    """The champions that a request asks for as things stand; Refusal if there are none."""
    series = [(ref.store, ref.product) for ref in request.series]
    named: dict[Series, Contender] = {}
    if request.run_id is not None and request.action == "promote":
        named = _contenders(await connection.fetch(queries.CONTENDERS_OF_RUN, request.run_id))
        series = list(named)
    elif request.run_id is not None:
        rows = await connection.fetch(queries.CHAMPIONS_OF_RUN, request.run_id)
        series = [(row["store"], row["product"]) for row in rows]
    elif request.version is not None or request.model_id is not None:
        wanted = (*series[0], request.version, request.model_id)
        named = _contenders(await connection.fetch(queries.CONTENDERS_NAMED, *wanted))
    places = await read_places(connection, series)
    return places, champions_to_be(request, series, named, places)


async def promote(
    connection: Any,
    places: Places,
    chosen: Mapping[Series, Contender],
    cause: Cause,
    today: date,
) -> None:
    """Make models champions that are to forecast the coming days: those after the newest sales,
    from tomorrow on at the latest.
    """
    spans = await connection.fetch(queries.SCOPE_NAMED, *columns(list(chosen), 2))
    newest = {(row["store"], row["product"]): row["last_day"] for row in spans}
    for series, model in chosen.items():
        reached = newest.get(series, model.data_through)
        places.promote(series, model, cause, min(reached, today) + timedelta(days=1))


async def read_places(connection: Any, series: Iterable[Series]) -> Places:
    """Who holds which place in these series."""
    held: dict[Series, dict[str, Contender]] = {}
    for row in await connection.fetch(queries.PLACES, *columns(sorted(set(series)), 2)):
        held.setdefault((row["store"], row["product"]), {})[row["alias"]] = _contender(row)
    return Places(held)


async def write_places(connection: Any, places: Places) -> None:
    """Store the changes, and the places of every series that changed."""
    changed = sorted({(change.store, change.product) for change in places.changes})
    if not changed:
        return
    held = [
        (*series, alias, model.model_id)
        for series in changed
        for alias, model in places.of(series).items()
    ]
    await connection.execute(queries.SET_ALIASES, *columns(held, 4))
    left = {(c.store, c.product) for c in places.changes if c.alias == CHALLENGER}
    if emptied := [series for series in sorted(left) if CHALLENGER not in places.of(series)]:
        await connection.execute(queries.DROP_CHALLENGERS, *columns(emptied, 2))
    changes = [
        (
            change.cause_id,
            change.store,
            change.product,
            change.alias,
            change.model_id,
            change.previous_model_id,
            change.changed_by,
            change.reason,
            change.forecast_from,
        )
        for change in places.changes
    ]
    await connection.execute(queries.ADD_CHANGES, *columns(changes, 9))


def _contenders(rows: Sequence[Any]) -> dict[Series, Contender]:
    return {(row["store"], row["product"]): _contender(row) for row in rows}


def _contender(row: Any) -> Contender:
    return Contender(row["model_id"], row["data_through"], row["requested_at"], row["forecasts_by"])

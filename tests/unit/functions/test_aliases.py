from datetime import UTC, date, datetime

import pytest

from events.errors import Refusal
from events.payloads import PromotionRequested, SeriesRef
from functions.records import Candidate
from functions.registry.aliases import Aliases, Cause
from functions.registry.promotion import champions_to_be

NOON = datetime(2015, 8, 1, 12, tzinfo=UTC)
MILK, RYE = ("1", "milk"), ("1", "rye")
PERSON = Cause("request", "anna", "empty shelves")
START = date(2015, 8, 20)


def model(number: int) -> Candidate:
    return Candidate(f"m{number}", date(2015, 8, number), NOON, "windowed")


def held(**aliases: int) -> Aliases:
    return Aliases({MILK: {name: model(n) for name, n in aliases.items()}})


def names(aliases: Aliases) -> dict[str, str]:
    return {name: model.model_id for name, model in aliases.of(MILK).items()}


def moves(aliases: Aliases) -> list[tuple[str, str | None, str | None]]:
    return [(c.alias, c.previous_model_id, c.model_id) for c in aliases.changes]


def test_a_promoted_model_moves_the_champion_to_previous():
    aliases = held(champion=2, previous=1)
    aliases.promote(MILK, model(3), PERSON, START)
    assert names(aliases) == {"champion": "m3", "previous": "m2"}
    assert moves(aliases) == [("champion", "m2", "m3")]
    [change] = aliases.changes
    assert (change.cause_id, change.changed_by, change.reason) == (
        "request",
        "anna",
        "empty shelves",
    )


def test_the_first_champion_realiases_nobody():
    aliases = Aliases({})
    aliases.promote(MILK, model(1), PERSON, START)
    assert names(aliases) == {"champion": "m1"}
    assert moves(aliases) == [("champion", None, "m1")]


def test_a_new_champion_forecasts_from_the_day_that_is_asked_for_be_it_earlier_than_before():
    aliases = held(champion=5, previous=1)
    for day in (9, 2, 5):
        start = date(2015, 8, day)
        aliases.promote(MILK, model(day), PERSON, start)
        assert aliases.changes[-1].forecast_from == start


def test_a_promoted_challenger_leaves_its_place():
    aliases = held(champion=2, challenger=3)
    aliases.promote(MILK, model(3), PERSON, START)
    assert names(aliases) == {"champion": "m3", "previous": "m2"}
    assert moves(aliases) == [("champion", "m2", "m3"), ("challenger", "m3", None)]


def test_a_challenger_stays_when_another_model_is_promoted():
    aliases = held(champion=2, challenger=3)
    aliases.promote(MILK, model(4), PERSON, START)
    assert names(aliases)["challenger"] == "m3"


def test_only_a_newer_model_takes_the_challengers_place():
    aliases = held(champion=9, challenger=3)
    aliases.keep(MILK, model(2), PERSON)
    assert aliases.changes == []
    aliases.keep(MILK, model(4), PERSON)
    assert moves(aliases) == [("challenger", "m3", "m4")]


def test_a_champion_that_is_promoted_again_keeps_its_predecessor():
    aliases = held(champion=2, previous=1)
    aliases.promote(MILK, model(2), PERSON, START)
    assert names(aliases) == {"champion": "m2", "previous": "m1"}
    assert moves(aliases) == [("champion", "m2", "m2")]


def asked(action: str, *series: tuple[str, str], **fields) -> PromotionRequested:
    refs = tuple(SeriesRef(store=store, product=product) for store, product in series)
    return PromotionRequested(action=action, series=refs, requested_by="test", **fields)


def test_a_promotion_without_a_name_is_that_of_the_challengers():
    aliases = held(champion=2, challenger=3)
    assert champions_to_be(asked("promote", MILK), [MILK], {}, aliases) == {MILK: model(3)}


def test_a_rollback_goes_to_the_champion_before_and_a_second_one_back_again():
    aliases = held(champion=2, previous=1)
    for back in (1, 2):
        chosen = champions_to_be(asked("rollback", MILK), [MILK], {}, aliases)
        assert chosen == {MILK: model(back)}
        aliases.promote(MILK, chosen[MILK], PERSON, START)


def test_a_rollback_of_a_run_leaves_out_champions_without_a_predecessor():
    aliases = Aliases(
        {
            MILK: {"champion": model(2)},
            RYE: {"champion": model(2), "previous": model(1)},
        }
    )
    chosen = champions_to_be(asked("rollback", run_id="run"), [MILK, RYE], {}, aliases)
    assert chosen == {RYE: model(1)}


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (asked("promote", MILK), "series: 1/milk has no challenger; name a version"),
        (asked("promote", MILK, RYE), "series: 1/milk, 1/rye have no challenger"),
        (asked("rollback", MILK), "series: 1/milk has no champion that replaced another"),
        (asked("promote", MILK, version=9), "version: 1/milk has no version 9; see GET /models"),
        (asked("promote", MILK, model_id="x"), "model_id: 'x' is not a model of 1/milk"),
        (asked("promote", run_id="r"), "run_id: no model of run 'r' is stored; see GET /runs"),
        (asked("rollback", run_id="r"), "run_id: no champion that replaced another is of run 'r'"),
    ],
)
def test_what_is_not_there_is_refused_by_its_field(request_, told):
    series = [(ref.store, ref.product) for ref in request_.series]
    with pytest.raises(Refusal, match=told):
        champions_to_be(request_, series, {}, held(champion=2))


def test_a_long_list_of_series_without_a_challenger_is_told_by_its_first():
    many = [("1", f"p{n}") for n in range(12)]
    with pytest.raises(Refusal, match=r"1/p4 and 7 more have no challenger"):
        champions_to_be(asked("promote", *many), many, {}, Aliases({}))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"action": "promote"}, "name series or a run_id, one of the two"),
        ({"action": "promote", "series": [MILK], "run_id": "r"}, "name series or a run_id"),
        ({"action": "rollback", "series": [MILK], "version": 1}, "are for promoting in one series"),
        ({"action": "promote", "series": [MILK, RYE], "version": 1}, "in one series"),
        ({"action": "promote", "run_id": "r", "model_id": "m"}, "in one series"),
        ({"action": "promote", "series": [MILK], "version": 1, "model_id": "m"}, "one of the two"),
    ],
)
def test_a_request_that_says_too_much_or_too_little_is_against_the_contract(fields, told):
    with pytest.raises(ValueError, match=told):
        asked(fields.pop("action"), *fields.pop("series", []), **fields)

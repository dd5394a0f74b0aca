import json
from dataclasses import replace
from datetime import date

import pytest

from functions.forecasting.baselines.baseline import BaselineModel
from functions.forecasting.model import SeriesModel
from functions.forecasting.prophet.parameters import ProphetParameters, Regressor


@pytest.fixture
def model(made_up: ProphetParameters) -> SeriesModel:
    """One member of each kind, with everything a series may have."""
    regressors = (
        Regressor("driver/promo", 10.0, 0.0, 1.0, 0.1),
        Regressor("driver/price/tue", 0.03, 1 / 3, 2.0, -0.1),
        Regressor("month/early", 0.03, 0.0, 1.0, 0.01),
    )
    return SeriesModel(
        members=(
            replace(made_up, regressors=regressors, scale="log", shift=0.1, smearing=0.5),
            BaselineModel("naive", tuple(i / 3 for i in range(14)), -1.5, 2.5, "promotion"),
        ),
        last_day=date(2015, 5, 3),
        cap=18_000.1,
        closed_weekdays=(6,),
        rest_weekdays=(5, 6),
        interval_scale=(1.25, 1.5, 1.0, 1.0, 1.0, 0.75, 2.0),
        typical_drivers={"price": (0.1,) * 7, "promo": (0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.3333)},
    )


def test_json_round_trip_is_exact(model: SeriesModel):
    text = json.dumps(model.to_json_dict())
    assert SeriesModel.from_json_dict(json.loads(text)) == model


def test_the_drivers_are_those_of_regressors_and_promotions(model: SeriesModel):
    assert model.drivers == {"promo", "price", "promotion"}
    assert replace(model, members=model.members[1:]).drivers == {"promotion"}


def test_a_missing_field_is_named(model: SeriesModel):
    values = model.to_json_dict()
    del values["cap"]
    with pytest.raises(ValueError, match="a stored model lacks 'cap'; retrain its series"):
        SeriesModel.from_json_dict(values)


def test_a_member_of_an_unknown_kind_is_refused(model: SeriesModel):
    values = model.to_json_dict()
    values["members"][0]["kind"] = "forest"
    with pytest.raises(ValueError, match="a member of kind 'forest'; known are prophet, level"):
        SeriesModel.from_json_dict(values)


def test_a_members_unknown_field_is_named(model: SeriesModel):
    values = model.to_json_dict()
    values["members"][0]["gamma"] = 1.0
    with pytest.raises(ValueError, match=r"have unknown \['gamma'\]"):
        SeriesModel.from_json_dict(values)

"""Strategies of one's own, from the setting to a forecast."""

import json
import sys

import pytest
from pydantic import ValidationError

from events.payloads import ForecastPublished, ModelTrained
from events.wording import in_words, shown
from functions.forecasting.backtest import Backtest
from functions.forecasting.engines.factory import engine
from functions.forecasting.strategy import BUILT_IN, EnsembleStrategy, ProphetStrategy
from infra.cli.main import main
from infra.settings import Settings
from tests.unit.forecasting.generated import weekly_sales
from tests.unit.functions.world import SERIES, World, request

NONSENSE = [
    (
        {"short": {"window_day": 60}},
        "strategy 'short': window_day is 60, but kind 'prophet' has no such field. Did you mean "
        "window_days? There are window_days, scale, ",
    ),
    (
        {"short": {"window_days": "60"}},
        "strategy 'short': window_days is '60'; it must be a whole number",
    ),
    ({"short": {"drivers": 1}}, "strategy 'short': drivers is 1; it must be true or false"),
    ({"short": {"scale": "lag"}}, "strategy 'short': scale is 'lag'; it must be 'linear' or"),
    (
        {"short": {"window_days": 3}},
        "strategy 'short': window_days is 3; it can't hold the 10 open days of min_open_days",
    ),
    (
        {"both": {"members": ["full", "fuller"]}},
        "strategy 'both': members has 'fuller', which is not a strategy; known are: auto, ",
    ),
    (
        {"level": {"method": "tsb", "scale": "log"}},
        "strategy 'level': scale is 'log', but kind 'baseline' has no such field. There are method",
    ),
    (
        {"both": {"kind": "ensemble", "members": ["full", "windowed"], "drivers": True}},
        "strategy 'both': drivers is True, but kind 'ensemble' has no such field. There are",
    ),
    (
        {"both": {"members": ["full", "windowed"], "candidates": ["full", "windowed"]}},
        "it can't have candidates as well",
    ),
    ({"own": {"kind": "arima"}}, "strategy 'own': kind is 'arima'; there are prophet, baseline, "),
    ({"own": {"method": "arima"}}, "strategy 'own': method is 'arima'; there are prophet, "),
    (
        {"few": {"n_splits": 3}},
        "strategy 'few': n_splits is 3, but all strategies are measured alike; set "
        "SHELFCAST_BACKTEST_FOLDS",
    ),
    (
        {"few": {"interval_level": 0.8}},
        "interval_level is 0.8, but all strategies are measured alike; set "
        "SHELFCAST_INTERVAL_LEVEL",
    ),
    (
        {"naive": {"window_days": 60}},
        "strategy 'naive': every strategy is measured by the built-in",
    ),
    ({"both": {"members": ["full"]}}, "strategy 'both': members is ('full',); name at least 2"),
    ({"short": 60}, "strategies.short 60: must be an object"),
    (["short"], 'strategies ["short"]: must be an object'),
    ({"a/b": {}}, "strategy 'a/b': no request can ask for that name; use up to 64 characters"),
    ({"short": {"name": "x"}}, "strategy 'short': name is 'x'; leave it out, the key is its name"),
]


def settings() -> Settings:
    return Settings(_env_file=None)


def test_without_the_setting_there_are_the_built_in_strategies():
    assert settings().strategy_table == BUILT_IN


def test_own_strategies_stand_beside_the_built_in_ones(monkeypatch: pytest.MonkeyPatch):
    own = {"short": {"window_days": 60, "drivers": True}, "both": {"members": ["short", "full"]}}
    monkeypatch.setenv("SHELFCAST_STRATEGIES", json.dumps(own))

    assert settings().strategy_table == BUILT_IN | {
        "short": ProphetStrategy("short", window_days=60, drivers=True),
        "both": EnsembleStrategy("both", members=("short", "full")),
    }


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "prophet"),
        ({"method": "prophet", "window_days": 60}, "prophet"),
        ({"method": "tsb"}, "baseline"),
        ({"method": "recent-mean", "window_days": 14}, "recent"),
        ({"method": "warm-start", "recent_residual": 0.5}, "warm-start"),
        ({"members": ["full", "windowed"]}, "ensemble"),
        ({"candidates": ["full", "windowed"]}, "selection"),
        ({"kind": "recent", "method": "recent-median"}, "recent"),
    ],
)
def test_a_kind_that_is_left_out_is_told_by_the_other_fields(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, object], kind: str
):
    monkeypatch.setenv("SHELFCAST_STRATEGIES", json.dumps({"own": fields}))
    assert settings().strategy_table["own"].kind == kind


async def test_folds_and_intervals_are_those_of_the_settings(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SHELFCAST_BACKTEST_FOLDS", "2")
    monkeypatch.setenv("SHELFCAST_INTERVAL_LEVEL", "0.8")
    assert settings().backtest == Backtest(n_splits=2, interval_level=0.8)
    world = World(backtest=settings().backtest)
    world.sell(*SERIES)

    await world.run(request(strategy="windowed", policy="always"))

    assert {len(model.folds) for model in world.data(ModelTrained)} == {2}


async def test_an_own_strategy_trains_and_forecasts(monkeypatch: pytest.MonkeyPatch):
    own = {"pair": {"members": ["short", "naive"]}, "short": {"window_days": 14}}
    monkeypatch.setenv("SHELFCAST_STRATEGIES", json.dumps(own))
    world = World(strategies=settings().strategy_table)
    world.sell(*SERIES)

    await world.run(request(strategy="pair", policy="always"))

    trained = world.data(ModelTrained)
    assert {model.chosen for model in trained} == {"pair"}
    for model in trained:
        kinds = [member["kind"] for member in model.parameters["members"]]
        assert kinds == ["prophet", "level"]
    assert len(world.data(ForecastPublished)) == len(SERIES)
    assert world.letters() == []


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("saturating", {"growth": "logistic"}),
        ("scaled", {"seasonality_mode": "multiplicative"}),
    ],
)
async def test_other_growth_and_terms_that_multiply_train_with_the_default_engine(
    monkeypatch: pytest.MonkeyPatch, name: str, fields: dict[str, str]
):
    monkeypatch.setenv("SHELFCAST_STRATEGIES", json.dumps({name: fields}))
    world = World(strategies=settings().strategy_table, engine=engine(settings().engine))
    world.sell(*SERIES[:2])
    for seed, days in enumerate(world.storage.sales.values()):
        sold = weekly_sales(len(days), seed)
        days.update({day: (units, True) for day, units in zip(days, sold, strict=True)})

    await world.run(request(strategy=name, policy="always"))

    assert world.letters() == []
    assert [model.chosen for model in world.data(ModelTrained)] == [name] * 2
    for model in world.data(ModelTrained):
        [member] = model.parameters["members"]
        assert fields.items() <= member.items()
    assert len(world.data(ForecastPublished)) == 2


async def test_a_strategy_that_nobody_set_is_refused():
    world = World()
    world.sell(*SERIES)
    await world.run(request(strategy="pair"))
    [letter] = world.letters()
    assert letter.message.startswith("strategy: there is no strategy 'pair'; ")


@pytest.mark.parametrize(("own", "told"), NONSENSE)
def test_what_makes_no_sense_is_refused_with_field_value_and_fix(
    monkeypatch: pytest.MonkeyPatch, own: object, told: str
):
    monkeypatch.setenv("SHELFCAST_STRATEGIES", json.dumps(own))
    with pytest.raises(ValidationError) as refused:
        settings()
    [problem] = refused.value.errors()
    assert problem["loc"][0] == "strategies"
    field = ".".join(map(str, problem["loc"]))
    assert told in f"{field} {shown(problem['input'])}: {in_words(problem)}"


@pytest.mark.parametrize(("own", "told"), NONSENSE)
def test_status_tells_it_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path,
    own: object,
    told: str,
):
    assert told in status(monkeypatch, capsys, tmp_path, json.dumps(own))


@pytest.mark.parametrize("text", ["{short}", "", "short"])
def test_what_is_no_json_is_told_with_an_example(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path, text: str
):
    line = status(monkeypatch, capsys, tmp_path, text)
    assert f"strategies {text!r}: it is no JSON (" in line
    assert line.endswith('write it like {"short": {"window_days": 60, "drivers": true}}')


def status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home, strategies: str
) -> str:
    """The one line of `shelfcast status` on standard error."""
    monkeypatch.setenv("SHELFCAST_HOME", str(home))
    monkeypatch.setenv("SHELFCAST_STRATEGIES", strategies)
    monkeypatch.setattr(sys, "argv", ["shelfcast", "status"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    [line] = told.err.splitlines()
    assert line.startswith("shelfcast: bad value in SHELFCAST_ variables for Settings: strategies")
    return line


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("", ()),
        ("shop.example.org", ("shop.example.org",)),
        (" api , shop.example.org,", ("api", "shop.example.org")),
        ("*", ("*",)),
    ],
)
def test_names_of_the_api_have_commas_between(monkeypatch: pytest.MonkeyPatch, text, hosts):
    monkeypatch.setenv("SHELFCAST_HTTP_HOSTS", text)

    assert settings().http_hosts == hosts


@pytest.mark.parametrize("text", ["http://shop.example.org", "shop:80", "a b", "*.example.org"])
def test_what_is_no_name_of_a_host_is_refused(monkeypatch: pytest.MonkeyPatch, text: str):
    monkeypatch.setenv("SHELFCAST_HTTP_HOSTS", text)

    with pytest.raises(ValidationError, match="is not a host's name; give it without scheme, port"):
        settings()

"""The demo ends, whatever became of its models, with forecasts of the coming days."""

from contextlib import closing

from infra.cli.demo import Demo
from infra.local.progress import Silent
from tests.e2e.system import System


def test_where_models_stay_challengers_the_champions_forecast_on(system: System):
    store = system.shop(series=2)
    with closing(Demo(system.settings, Silent())) as demo:
        assert demo.has_sales()
        first = system.ended(system.retrain(store))
        assert demo.wait_for_forecasts(first) == (14, "14 days forecast")
        second = system.ended(system.retrain(store, policy="never"))
        assert demo.wait_for_forecasts(second) == (
            14,
            "14 days forecast; 2 models stay challengers",
        )

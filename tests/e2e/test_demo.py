"""The demo ends, whatever became of its models."""

from infra.cli.demo import Demo
from infra.local.progress import Silent
from tests.e2e.system import System


def test_models_that_stay_challengers_have_no_forecasts_to_wait_for(system: System):
    store = system.shop(series=2)
    demo = Demo(system.settings, Silent())
    assert demo.has_sales()
    first = system.ended(system.retrain(store))
    assert demo.wait_for_forecasts(first) == (14, "14 days forecast")
    second = system.ended(system.retrain(store, policy="never"))
    assert demo.wait_for_forecasts(second) == (0, "0 days forecast; 2 models stay challengers")

import pytest

from functions.forecasting.engines.batched.engine import BatchedEngine
from functions.forecasting.engines.factory import ENGINES, engine
from functions.forecasting.engines.stan.engine import ProphetEngine


def test_the_batched_engine_is_the_default_and_stock_prophet_the_second():
    assert isinstance(engine(), BatchedEngine)
    assert isinstance(engine("prophet"), ProphetEngine)
    assert all(engine(name) for name in ENGINES)


def test_an_unknown_engine_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="no engine 'stan'; known are: batched, prophet"):
        engine("stan")

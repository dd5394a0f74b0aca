"""Forecasts with every new champion and publishes it."""

from functions.forecaster.forecaster import Forecaster

__all__ = ["Forecaster"]

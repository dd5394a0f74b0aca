"""Forecast with the champions when new days are asked for, and publish the forecasts."""

from functions.forecaster.forecaster import Forecaster

__all__ = ["Forecaster"]

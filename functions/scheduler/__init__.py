"""Turns a schedule's tick into a request: to retrain, or to make forecasts anew."""

from functions.scheduler.scheduler import roll_forward, tick

__all__ = ["roll_forward", "tick"]

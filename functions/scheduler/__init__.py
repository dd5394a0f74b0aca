"""Turns a schedule's tick into a request: to retrain, to make forecasts anew, or to prune."""

from functions.scheduler.scheduler import prune_tick, roll_forward, tick

__all__ = ["prune_tick", "roll_forward", "tick"]

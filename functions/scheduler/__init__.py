"""Turns a schedule's tick into a request: to retrain everything, or to prune."""

from functions.scheduler.scheduler import prune_tick, tick

__all__ = ["prune_tick", "tick"]

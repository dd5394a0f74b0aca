"""Turns a request to retrain into a stored plan, and the plan into training shards."""

from functions.planner.planner import Planner

__all__ = ["Planner"]

"""Turns a schedule's tick into a request to retrain everything."""

from functions.scheduler.scheduler import tick

__all__ = ["tick"]

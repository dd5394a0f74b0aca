"""Delete what is older than its retention, and end runs that can't be trained any more."""

from functions.pruner.pruner import Pruner

__all__ = ["Pruner"]

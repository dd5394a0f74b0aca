"""Lets go of what is kept for no longer, and ends runs that nobody trains any more."""

from functions.pruner.pruner import Pruner

__all__ = ["Pruner"]

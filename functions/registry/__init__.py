"""Keeps the models: stores what was trained, promotes champions, and ends runs."""

from functions.registry.registry import Registry

__all__ = ["Registry"]

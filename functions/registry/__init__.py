"""Keeps the models: stores what was trained, decides who is champion, and ends runs."""

from functions.registry.registry import Registry

__all__ = ["Registry"]

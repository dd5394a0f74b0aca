"""Trains the series of a shard: a model or a reason for each."""

from functions.trainer.trainer import Trainer

__all__ = ["Trainer"]

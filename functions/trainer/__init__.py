"""Trains the series of a shard: a model or a reason for each."""

from functions.trainer.trainer import MAX_DELIVERIES, Trainer

__all__ = ["MAX_DELIVERIES", "Trainer"]

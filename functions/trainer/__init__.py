"""Trains the series of a shard: a model or a reason for each."""

from functions.trainer.trainer import LONGEST_BATCH_SECONDS, MAX_DELIVERIES, Trainer

__all__ = ["LONGEST_BATCH_SECONDS", "MAX_DELIVERIES", "Trainer"]

"""Spark Structured Streaming: events become rows of Postgres, each batch as one action."""

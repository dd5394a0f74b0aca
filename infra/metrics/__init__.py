"""Metrics for Prometheus: counters of processes, and values queried on demand."""

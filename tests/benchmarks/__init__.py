"""Benchmarks: `make bench-NAME [ARGS=--json]`. They measure and print, and assert nothing."""

"""Fakes for unit tests that pass the same contract tests as the real parts."""

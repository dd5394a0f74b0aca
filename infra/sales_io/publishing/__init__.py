"""Checked rows as events on the log: an import of sales, of a calendar, or a replay."""

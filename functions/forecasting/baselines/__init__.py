"""Methods without a trend, which serve where nothing better does."""

"""A file of any kind as a table: a header and chunks of text cells, each row with its line."""

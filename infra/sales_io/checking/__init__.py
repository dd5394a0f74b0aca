"""All rows of a file, read and checked before the first is published."""

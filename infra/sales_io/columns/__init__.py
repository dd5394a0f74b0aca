"""What a column's name says, and what its texts mean. Knows no file: texts in, values out."""

"""Files of sales and calendars, from bytes on a disk to events on the log.

A file passes through four rooms, each of which knows only those named before it:

- `columns`: what a header's names and a column's texts mean (roles, numbers, days, names, drivers).
- `tables`: `opening.open_source` unpacks text, workbooks and Parquet into rows of text cells.
- `checking`: `survey` reads the whole file and decides how each column is read; `rows` then reads
  every row by these rules, and `check` counts what is kept, rejected or has to be asked.
- `publishing`: `import_sales` and `import_calendar` run the two above, then send the events.

Beside them, `generator` makes up sales, and `sales_writer` writes sales to a file.
"""

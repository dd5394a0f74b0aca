"""Days of sales and of the calendar."""

# Rows of a span of days, in the order of the series asked for. OFFSET 0 keeps the planner from
# reading the days of every other series too, and from sorting all of them on disk.
_DAYS = """
SELECT asked.n, day.*
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (store, product, n), LATERAL (
    SELECT day.date, {columns} FROM {table} AS day
    WHERE day.store = asked.store AND day.product = asked.product
      AND day.date >= $3 AND day.date < $4
    OFFSET 0
) AS day
ORDER BY asked.n, day.date
"""

# Stands for a day's drivers: a number of 64 bits, which even of a million sets confuses two once
# in 30 million times. jsonb's own hash is twice as quick, but rotates what it has by a bit for
# each name and value and starts over after 32: the values of two drivers 16 apart may swap
# unseen. Within QUICK_NAMES drivers that can't be.
# https://github.com/postgres/postgres/blob/REL_18_STABLE/src/backend/utils/adt/jsonb_util.c
QUICK_NAMES = 8

_HASHES = ("jsonb_hash_extended(day.drivers, 0)", "hashtextextended(day.drivers::text, 0)")

HISTORY = _DAYS.format(table="daily_sales", columns="day.units, day.open")

HISTORY_WITH_DRIVERS = tuple(
    _DAYS.format(table="daily_sales", columns=f"day.units, day.open, {quick_or_sure}")
    for quick_or_sure in _HASHES
)

# -1: not said. No column may be NULL, so that every row is equally long in a binary COPY.
CALENDAR = tuple(
    _DAYS.format(
        table="calendar", columns=f"coalesce(day.open::integer, -1)::smallint, {quick_or_sure}"
    )
    for quick_or_sure in _HASHES
)

# The same for one series in one answer: its days packed, and the distinct sets of drivers, which
# each day has by its number. Of many series the COPY is quicker.
_ONE = """
WITH day AS MATERIALIZED ({days})
SELECT (SELECT string_agg({packed} || int8send(number), ''::bytea ORDER BY n, date)
        FROM (SELECT *, dense_rank() OVER (ORDER BY drivers) AS number FROM day) AS numbered),
       (SELECT array_agg(DISTINCT drivers ORDER BY drivers) FROM day)
"""

_PACKED = "int8send(n) || date_send(date)"

HISTORY_OF_ONE = _ONE.format(
    days=_DAYS.format(table="daily_sales", columns="day.units, day.open, day.drivers"),
    packed=f"{_PACKED} || float8send(units) || boolsend(open)",
)

CALENDAR_OF_ONE = _ONE.format(
    days=_DAYS.format(
        table="calendar", columns="coalesce(day.open::integer, -1)::smallint AS said, day.drivers"
    ),
    packed=f"{_PACKED} || int2send(said)",
)

# The drivers of single days, in the order asked for.
_DRIVERS = """
SELECT day.drivers
FROM unnest($1::text[], $2::text[], $3::date[]) WITH ORDINALITY AS asked (store, product, date, n)
JOIN {table} AS day USING (store, product, date)
ORDER BY asked.n
"""

DRIVERS_SOLD = _DRIVERS.format(table="daily_sales")

DRIVERS_PLANNED = _DRIVERS.format(table="calendar")

from datetime import date
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.planner.shards import plan_shards
from functions.planner.work import rows_read

ROWS = st.lists(st.integers(1, 60), max_size=120)
AS_OF = date(2015, 8, 1)


def sizes(rows, max_series, max_rows):
    return [len(shard) for shard in plan_shards(rows, rows, max_series, max_rows)]


@settings(deadline=None)
@given(rows=ROWS, max_series=st.integers(1, 30), max_rows=st.integers(1, 200))
def test_shards_hold_every_series_once_in_order_within_both_bounds(rows, max_series, max_rows):
    shards = plan_shards(rows, rows, max_series, max_rows)
    assert [each for shard in shards for each in shard] == rows
    assert all(0 < len(shard) <= max_series for shard in shards)
    assert all(sum(shard) <= max_rows or len(shard) == 1 for shard in shards)


@settings(deadline=None)
@given(
    rows=st.lists(st.integers(1, 9), max_size=9),
    max_series=st.integers(1, 5),
    max_rows=st.integers(1, 20),
)
def test_there_are_as_few_shards_as_possible(rows, max_series, max_rows):
    def holds(cuts):
        parts = [rows[a:b] for a, b in zip((0, *cuts), (*cuts, len(rows)), strict=True)]
        return all(len(p) <= max_series and (sum(p) <= max_rows or len(p) == 1) for p in parts)

    fewest = next(
        (
            number + 1
            for number in range(len(rows))
            for cuts in combinations(range(1, len(rows)), number)
            if holds(cuts)
        ),
        0,
    )
    assert len(plan_shards(rows, rows, max_series, max_rows)) == fewest


@settings(deadline=None)
@given(
    count=st.integers(0, 200),
    each=st.integers(1, 50),
    max_series=st.integers(1, 50),
    max_rows=st.integers(50, 500),
)
def test_shards_of_series_of_one_length_differ_by_one_at_most(count, each, max_series, max_rows):
    found = sizes([each] * count, max_series, max_rows)
    assert max(found, default=0) - min(found, default=0) <= 1
    assert len(found) == -(-count // min(max_series, max_rows // each))


def test_long_histories_make_small_shards_and_short_ones_large_shards():
    rows = [1000] * 10 + [10] * 198
    shards = plan_shards(rows, rows, 100, 4000)
    work = [sum(shard) for shard in shards]
    assert max(work) <= 4000
    assert len(shards) == 4
    assert len(shards[0]) == 4
    assert len(shards[-1]) == 100


def test_a_series_beyond_the_bound_is_a_shard_of_its_own():
    assert sizes([5, 5, 900, 5, 5], 10, 100) == [2, 1, 2]


@pytest.mark.parametrize(
    ("first", "last", "window", "rows"),
    [
        (date(2015, 7, 1), date(2015, 7, 31), None, 31),
        (date(2013, 1, 1), date(2015, 7, 31), 120, 120),
        (date(2013, 1, 1), date(2016, 1, 1), 120, 120),
        (date(2015, 7, 1), date(2015, 7, 10), 120, 10),
        (date(2013, 1, 1), date(2014, 1, 1), 120, 1),
        (date(2016, 1, 1), date(2016, 2, 1), None, 1),
    ],
)
def test_what_a_training_reads_is_bounded_by_history_window_and_date(first, last, window, rows):
    assert rows_read((first, last), AS_OF, window) == rows


def test_a_window_may_reach_before_the_first_day_there_is():
    assert rows_read((date(1, 1, 1), date(1, 1, 5)), date(1, 1, 4), 120) == 3

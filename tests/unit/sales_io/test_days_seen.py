import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from infra.sales_io.checking.days_seen import DAY_MASK, DaysSeen

rows = st.lists(
    st.tuples(st.sampled_from("AB"), st.integers(700_000, 700_012), st.integers(0, 1)), max_size=40
)


@given(chunks=st.lists(rows, max_size=6))
def test_days_seen_agrees_with_a_dictionary(chunks) -> None:
    seen, kept, line = DaysSeen(), {}, 0
    for chunk in chunks:
        lines = np.arange(line + 1, line + 1 + len(chunk), dtype=np.int64)
        line += len(chunk)
        stores = np.array([store for store, _, _ in chunk], dtype=object)
        products = np.full(len(chunk), "total", dtype=object)
        days = np.array([day for _, day, _ in chunk], dtype=np.int64)
        contents = np.array([content for _, _, content in chunk], dtype=np.uint64)
        found = seen.add(seen.keys(stores, products, days), contents, lines)
        for at, (store, day, content) in enumerate(chunk):
            first = kept.setdefault((store, day), (int(lines[at]), content))
            is_first = first[0] == lines[at]
            assert found.first_lines[at] == (0 if is_first else first[0])
            assert is_first or found.same[at] == (first[1] == content)
    missing = set()
    for store in {store for store, _ in kept}:
        days = {day for one, day in kept if one == store}
        missing |= {(store, day) for day in range(min(days), max(days)) if day not in days}
    filled = [
        (store, int(day))
        for series, days in seen.gaps()
        for (store, _), day in zip(series, days, strict=True)
    ]
    assert sorted(filled) == sorted(missing)


def test_a_withheld_day_is_not_filled_in() -> None:
    seen = DaysSeen()
    stores, products = np.full(3, "A", dtype=object), np.full(3, "total", dtype=object)
    keys = seen.keys(stores, products, np.array([1, 2, 4], dtype=np.int64))
    seen.add(keys[[0, 2]], np.zeros(2, dtype=np.uint64), np.array([1, 3], dtype=np.int64))
    seen.withhold(keys[[1]])
    assert [days.tolist() for _, days in seen.gaps()] == [[3]]
    assert keys[0] & DAY_MASK == 1

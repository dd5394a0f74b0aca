import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.sales_io.checking import day_totals
from infra.sales_io.checking.day_totals import DayTotals

said = st.none() | st.integers(0, 3)
rows = st.lists(st.tuples(st.integers(1, 4), st.integers(-3, 9), st.booleans(), said), max_size=12)


@given(chunks=st.lists(rows, max_size=4), pending=st.integers(0, 6))
def test_days_are_what_a_group_by_makes_of_all_rows_however_they_come(chunks, pending) -> None:
    frame = pd.DataFrame(
        [row for chunk in chunks for row in chunk], columns=["key", "units", "open", "driver"]
    ).astype({"driver": float})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(day_totals, "MAX_PENDING", pending)
        summed, last = DayTotals("sum", [True, False]), DayTotals("last", [True, False])
        for chunk in chunks:
            part = pd.DataFrame(chunk, columns=["key", "units", "open", "driver"])
            driver = part["driver"].astype(float).to_numpy()
            columns = (
                part["key"].to_numpy(np.int64),
                part["units"].to_numpy(float),
                part["open"].to_numpy(bool),
                np.stack([driver, driver]),
            )
            summed.add(*columns)
            last.add(*columns)
        totals, ends = summed.days(), last.days()
    groups = frame.groupby("key")
    expected = groups.agg({"units": "sum", "open": "any"})
    assert totals.keys.tolist() == expected.index.tolist()
    assert totals.units.tolist() == expected["units"].tolist()
    assert totals.open.tolist() == expected["open"].tolist()
    np.testing.assert_allclose(totals.drivers[0], groups["driver"].mean().to_numpy())
    np.testing.assert_allclose(totals.drivers[1], groups["driver"].max().to_numpy())
    tails = frame.drop_duplicates("key", keep="last").sort_values("key")
    assert ends.units.tolist() == tails["units"].tolist()
    np.testing.assert_allclose(ends.drivers[0], tails["driver"].to_numpy())

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from infra.errors import BadInput
from infra.sales_io.checking.rows import read_rows
from infra.sales_io.checking.survey import survey
from infra.sales_io.columns.layout import GENERATED, ColumnChoice
from infra.sales_io.generator import COLUMNS, generate_by_store, generate_sales
from infra.sales_io.sales_writer import write_sales

UNTIL = dt.date(2026, 11, 22)


@pytest.fixture(scope="module")
def shops() -> pd.DataFrame:
    return generate_sales(60, 1, 730, until=UNTIL, seed=3)


def test_the_same_seed_gives_the_same_bytes_however_it_is_written(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv", "a.parquet", "b.parquet"):
        frames = generate_by_store(3, 4, 50, until=UNTIL, seed=7)
        whole = [pd.concat(frames)] if name.startswith("a") and name.endswith("csv") else frames
        write_sales(whole, tmp_path / name)
    for ending in ("csv", "parquet"):
        first, second = ((tmp_path / f"{name}.{ending}").read_bytes() for name in "ab")
        assert first == second


def test_a_store_sells_the_same_whatever_is_generated_beside_it() -> None:
    few, many = (generate_sales(n, 2, 40, until=UNTIL, seed=1) for n in (2, 5))
    beside = many[many["store"].isin(few["store"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(few, beside)


def test_another_seed_gives_other_sales() -> None:
    first, second = (generate_sales(2, 1, 40, until=UNTIL, seed=seed) for seed in (1, 2))
    assert not first["units"].equals(second["units"])


def test_nothing_is_sold_on_closed_days_and_most_sundays_are_closed(shops: pd.DataFrame) -> None:
    assert shops.loc[~shops["open"], "units"].eq(0).all()
    assert not shops.loc[shops["state_holiday"] == 1, "open"].any()
    assert shops.loc[shops["date"].dt.dayofweek == 6, "open"].mean() < 0.2


def test_promotions_and_christmas_lift_sales(shops: pd.DataFrame) -> None:
    weekdays = shops[shops["open"] & (shops["date"].dt.dayofweek < 5)]
    by_promo = weekdays.groupby("promo")["units"].mean()
    assert by_promo[1.0] > 1.1 * by_promo[0.0]
    assert set(weekdays["promo"]) == {0.0, 1.0}
    december = (shops["date"].dt.month == 12) & (shops["date"].dt.day.between(15, 23))
    assert shops.loc[december & shops["open"], "units"].mean() > 1.15 * weekdays["units"].mean()


def test_some_series_are_short_and_some_seldom_sell(shops: pd.DataFrame) -> None:
    days = shops.groupby("store").size()
    assert 0 < (days < 730).sum() < 20
    open_days = shops[shops["open"]]
    idle = open_days["units"].eq(0).groupby(open_days["store"]).mean()
    assert 0 < (idle > 0.4).sum() < 20


def test_some_stores_close_for_weeks(shops: pd.DataFrame) -> None:
    closed = ~shops["open"]
    lasts = closed.groupby([shops["store"], (closed != closed.shift()).cumsum()]).sum()
    assert lasts.max() >= 14


def test_units_are_whole_numbers_with_the_layout_that_imports_without_options(
    tmp_path: Path, shops: pd.DataFrame
) -> None:
    assert np.array_equal(shops["units"], np.floor(shops["units"]))
    assert COLUMNS == GENERATED.header == tuple(shops.columns)
    write_sales([shops], tmp_path / "shops.csv")
    chunks = list(read_rows(survey(tmp_path / "shops.csv", ColumnChoice())))
    assert not any(chunk.rejected for chunk in chunks)
    back = pd.concat([chunk.frame for chunk in chunks], ignore_index=True)
    pd.testing.assert_frame_equal(back, shops)


@pytest.mark.parametrize(
    ("field", "counts"),
    [
        ("stores", {"stores": 0}),
        ("products", {"stores": 1, "products": -1}),
        ("days", {"stores": 1, "days": 99_999}),
        ("seed", {"stores": 1, "seed": -1}),
    ],
)
def test_a_count_out_of_range_is_named(field: str, counts: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=field):
        generate_sales(**counts, until=UNTIL)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"ends in neither \.csv nor \.parquet"):
        write_sales([], tmp_path / "s.xlsx")

import pytest

from infra.errors import BadInput
from infra.sales_io.columns.layout import (
    GENERATED,
    ROSSMANN,
    ColumnChoice,
    choose_layout,
    snake_case,
)

NAMED = ColumnChoice(store="shop", date="day", units="sold")


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("SchoolHoliday", "school_holiday"),
        ("School holiday", "school_holiday"),
        ("promo", "promo"),
        ("HTTPCode", "http_code"),
        ("price (EUR)", "price_eur"),
        ("Größe", "größe"),
        ("__x__y", "x_y"),
    ],
)
def test_a_driver_is_named_in_snake_case(column: str, name: str) -> None:
    assert snake_case(column) == name


@pytest.mark.parametrize("known", [ROSSMANN, GENERATED])
def test_a_known_layout_needs_no_choice(known) -> None:
    layout = choose_layout(known.header, ColumnChoice())
    assert layout.store == known.header[0]
    assert len(layout.drivers) == 3


def test_a_choice_goes_before_the_known_layout() -> None:
    layout = choose_layout(ROSSMANN.header, ColumnChoice(units="Customers", drivers=("Promo",)))
    assert (layout.units, layout.drivers) == ("Customers", {"Promo": "promo"})


def test_a_wrong_column_is_answered_with_the_columns_and_the_closest() -> None:
    with pytest.raises(BadInput, match=r"--units-column.*'solt'.*did you mean 'sold'.*shop, day"):
        choose_layout(("shop", "day", "sold"), ColumnChoice("shop", date="day", units="solt"))


def test_a_needed_column_that_nobody_named_is_asked_for() -> None:
    with pytest.raises(BadInput, match="--store-column: not given"):
        choose_layout(("where", "day", "sold"), ColumnChoice())


def test_a_column_that_comes_twice_is_refused() -> None:
    with pytest.raises(BadInput, match="2 columns 'sold'"):
        choose_layout(("shop", "day", "sold", "sold"), NAMED)


def test_drivers_that_would_get_one_name_are_refused() -> None:
    choice = ColumnChoice("shop", date="day", units="sold", drivers=("Promo", "promo"))
    with pytest.raises(BadInput, match="both be the driver promo"):
        choose_layout(("shop", "day", "sold", "Promo", "promo"), choice)


def test_a_first_line_of_data_is_recognised() -> None:
    with pytest.raises(BadInput, match="looks like data"):
        choose_layout(("1", "2015-07-31", "5263"), NAMED)

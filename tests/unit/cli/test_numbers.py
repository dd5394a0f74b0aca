import pytest

from infra.cli.numbers import days, decimals_for, percent, units


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0.0, "0.00"),
        (5.2e-21, "<0.01"),
        (2e-6, "<0.01"),
        (0.004, "<0.01"),
        (0.19, "0.19"),
        (1.25, "1.2"),
        (99.9, "99.9"),
        (1234.5, "1,234"),
    ],
)
def test_a_forecast_is_shown_with_the_digits_that_mean_something(number: float, shown: str):
    assert units(number, decimals_for(number)) == shown


@pytest.mark.parametrize(
    ("number", "decimals", "shown"), [(0.3, 0, "<1"), (0.03, 1, "<0.1"), (-1e-9, 1, ">-0.1")]
)
def test_what_is_more_than_nothing_is_never_a_zero(number: float, decimals: int, shown: str):
    assert units(number, decimals) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.0, "0.0 %"), (1e-9, "<0.1 %"), (-1e-9, ">-0.1 %"), (-0.25, "-25.0 %"), (12.5, "1,250.0 %")],
)
def test_a_share_is_a_percentage(share: float, shown: str):
    assert percent(share) == shown


def test_a_day_is_no_days():
    assert (days(1), days(7)) == ("1 day", "7 days")

import pytest

from infra.errors import BadInput
from infra.sales_io.columns.driver_kinds import DriverColumn, DriverRule

NUMBERS, FLAG = DriverRule(), DriverRule(is_boolean=True)


def rule_of(*words: str, labels: tuple[str, ...] = ()) -> DriverRule:
    column = DriverColumn()
    column.look([(word, words.count(word)) for word in dict.fromkeys(words)], set())
    return column.decide("promo", labels)


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (["0", "1", ""], NUMBERS),
        (["1,5", "2", "NA"], NUMBERS),
        (["True", "False", "None"], FLAG),
        (["true", "1", "0"], FLAG),
        (["ja", "nein"], FLAG),
        (["o", "n"], FLAG),
        (["Y", "0"], FLAG),
        (["no"], FLAG),
        (["x", ""], FLAG),
        (["s", "o"], DriverRule(labels=("o", "s"))),
        (["0", "a", "b", "-"], DriverRule(labels=("a", "b"))),
        (["none", "easter"], DriverRule(labels=("easter",))),
        (["yes", "maybe"], DriverRule(labels=("maybe", "yes"))),
        ([*["0", "1"] * 30, "O"], NUMBERS),
        ([*["0", "1"] * 30, "promo"], NUMBERS),
        (["1", "2", "easter"], DriverRule(labels=("1", "2", "easter"))),
        (["", "NA"], NUMBERS),
    ],
)
def test_a_columns_words_decide_its_kind_and_empty_ones_do_not(words, rule) -> None:
    assert rule_of(*words) == rule


def test_words_that_a_column_is_known_to_have_are_its_drivers_always() -> None:
    assert rule_of("0", "a", labels=("a", "b")) == DriverRule(labels=("a", "b"))
    assert rule_of("0", labels=("a", "b")) == DriverRule(labels=("a", "b"))


def test_a_flag_that_is_mixed_with_words_is_asked_about() -> None:
    with pytest.raises(BadInput, match=r"has 1 and 0, and words in other cells \(promo, sale\)"):
        rule_of("0", "1", "promo", "sale")


def test_more_words_than_drivers_can_be_are_refused() -> None:
    with pytest.raises(BadInput, match="more than 20 different words, like word 0"):
        rule_of(*(f"word {number}" for number in range(30)))

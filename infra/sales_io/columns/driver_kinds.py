"""Which of three kinds a driver's column has: numbers, yes and no, or words.

A column of numbers is one driver. A column of yes and no, in any spelling, is one driver of 1 and
0. A column of words is a driver for each word. Empty cells don't count.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from infra.errors import BadInput
from infra.sales_io.columns.layout import snake_case
from infra.sales_io.columns.numbers import NumberColumn, readings, take_apart
from infra.sales_io.columns.vocabulary import NO, YES, is_empty, plain_word

MAX_LABELS = 20  # different words in a column of words; each becomes a driver
SURE_LETTERS = ({"y", "n"}, {"t", "f"})
LETTERS = (*SURE_LETTERS, {"j", "n"}, {"o", "n"}, {"s", "n"}, {"x"})
MAX_STRAY_SHARE = 0.05  # of rows; so few words in a column of numbers are rejected rows


@dataclass(frozen=True, slots=True)
class DriverRule:
    """How a driver's column is read. `labels` are the words; None if it is not of words."""

    is_boolean: bool = False
    labels: tuple[str, ...] | None = None


@dataclass
class DriverColumn:
    """Counts, over a column's cells, what they can be."""

    rows: Counter[str] = field(default_factory=Counter)
    numbers: NumberColumn = field(default_factory=NumberColumn)
    words: Counter[str] = field(default_factory=Counter)
    figures: int = 0

    def look(self, texts: Iterable[tuple[str, int]], known: set[str]) -> None:
        """Take note of distinct texts and their numbers of rows; `known` texts came before."""
        for text, rows in texts:
            if is_empty(text):
                continue
            word = text.strip()
            if text not in known:
                self.numbers.look(text)
            if is_figure(word):
                self.figures += rows
            elif len(self.words) <= MAX_LABELS or word in self.words:
                self.words[word] += rows
            if len(self.rows) <= MAX_LABELS:
                self.rows[word] += rows

    def decide(self, column: str, labels: tuple[str, ...] = ()) -> DriverRule:
        """How the column is read. `labels` are words that files of this kind have."""
        if labels:
            return DriverRule(labels=_labels({*self.rows, *labels}))
        if not self.words or len(self.rows) > MAX_LABELS:
            self._refuse_crowds(column)
            return DriverRule()
        if _is_boolean(self.rows):
            return DriverRule(is_boolean=True)
        strays = sum(self.words.values())
        figures = {word for word in self.rows if is_figure(word) and plain_word(word) not in NO}
        if figures and strays <= MAX_STRAY_SHARE * (strays + self.figures):
            return DriverRule()
        if figures and all(plain_word(word) in YES for word in figures):
            some = ", ".join(list(self.words)[:3])
            raise BadInput(
                f"--driver-columns: {column} has 1 and 0, and words in other cells ({some}); "
                "write it with numbers alone or with words alone, and leave missing values empty"
            )
        return DriverRule(labels=_labels(set(self.rows)))

    def _refuse_crowds(self, column: str) -> None:
        if sum(self.words.values()) > self.figures:
            some = ", ".join(list(self.words)[:3])
            raise BadInput(
                f"--driver-columns: {column} has more than {MAX_LABELS} different words, like "
                f"{some}; each would be a driver, so leave it out or group them in the file"
            )


def is_figure(text: str) -> bool:
    """Whether some country writes a number like this text."""
    if text.isascii() and text.isdecimal():
        return True
    written = take_apart(text)
    return written is not None and bool(readings(written.body))


def _is_boolean(words: Iterable[str]) -> bool:
    found = {plain_word(word) for word in words}
    if not found <= YES | NO:
        return False
    letters = {word for word in found if len(word) == 1 and word.isalpha()}
    if not letters:
        return True
    # Beside 1 and 0 an "o" is a typing error; no language has both "s" and "o" for yes.
    has_digits = any(word[0].isdigit() for word in found)
    return any(letters <= pair for pair in (SURE_LETTERS if has_digits else LETTERS))


def _labels(words: set[str]) -> tuple[str, ...]:
    return tuple(sorted(word for word in words if word not in ("", "0") and snake_case(word)))

"""What a driver's column holds: numbers, yes and no, or words, whatever the file's kind.

A column of yes and no is one driver of 1 and 0 in every spelling; one of words is a driver for
each word. Cells that say nothing are of no kind.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from infra.errors import BadInput
from infra.sales_io.columns.layout import snake_case
from infra.sales_io.columns.numbers import NumberColumn, readings, take_apart
from infra.sales_io.columns.vocabulary import NO, YES, is_empty, plain_word

MAX_LABELS = 20  # different words in a driver's column; beyond, it is a column of numbers
SURE_LETTERS = ({"y", "n"}, {"t", "f"})
LETTERS = (*SURE_LETTERS, {"j", "n"}, {"o", "n"}, {"s", "n"}, {"x"})
MAX_STRAY_SHARE = 0.05  # of a column's rows that words may be in a column of numbers


@dataclass(frozen=True, slots=True)
class DriverRule:
    """How a driver's column is read: `labels` are the words of a column of words."""

    is_boolean: bool = False
    labels: tuple[str, ...] | None = None


@dataclass
class DriverColumn:
    """What a column's cells say of its kind."""

    rows: Counter[str] = field(default_factory=Counter)
    numbers: NumberColumn = field(default_factory=NumberColumn)
    words: Counter[str] = field(default_factory=Counter)
    figures: int = 0
    crowded: bool = False

    def look(self, texts: Iterable[tuple[str, int]], known: set[str]) -> None:
        """Note distinct texts with their rows; `known` are those that were noted before."""
        for text, rows in texts:
            if is_empty(text):
                continue
            word = text.strip()
            if text not in known:
                self.numbers.look(text)
            if is_figure(word):
                self.figures += rows
            elif len(self.words) > MAX_LABELS and word not in self.words:
                self.crowded = True
            else:
                self.words[word] += rows
            if len(self.rows) <= MAX_LABELS:
                self.rows[word] += rows

    def decide(self, column: str, labels: tuple[str, ...] = ()) -> DriverRule:
        """How the column is read; `labels` are words that it is known to have."""
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
                "write it with numbers or with words alone, and leave cells empty that say nothing"
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
    """Whether a text is a number, in whatever country."""
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
    # Among 1 and 0 an o is a slip of the pen, and s and o together are yes in no language.
    has_digits = any(word[0].isdigit() for word in found)
    return any(letters <= pair for pair in (SURE_LETTERS if has_digits else LETTERS))


def _labels(words: set[str]) -> tuple[str, ...]:
    return tuple(sorted(word for word in words if word not in ("", "0") and snake_case(word)))

"""Names of stores and products, in one spelling whatever program wrote them.

Letters are composed (NFC) and every kind of blank becomes a space, so names that look alike are
equal. Leading zeros stay.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field

from infra.errors import BadInput
from infra.sales_io.columns.numbers import hidden_characters

MAX_NAME = 64  # characters, by the contract of a sale
SHORT = MAX_NAME - 9  # characters of a name that are kept before ~ and eight digits of its hash
WITH_FRACTION = re.compile(r"(0|-?[1-9][0-9]*)[.,]0+")
WHOLE = re.compile(r"(0|-?[1-9][0-9]*)(?:[.,]0+)?")
SCIENTIFIC = re.compile(r"-?[0-9](?:[.,][0-9]+)?[eE][+-][0-9]{1,3}")
JOINERS = "\u200c\u200d"  # parts of words and of emoji


@dataclass(frozen=True, slots=True)
class NameRule:
    """How a column's names are read: with `whole`, 118.0 becomes 118; a slash becomes `slash`."""

    whole: bool = False
    slash: str | None = None
    shorten: bool = False

    def read(self, text: str) -> str:
        """The name; ValueError says why the text can't be one."""
        name = self.unreplaced(text)
        if self.slash is not None:
            name = name.replace("/", self.slash)
        if self.shorten and len(name) > MAX_NAME:
            digest = hashlib.sha256(name.encode()).hexdigest()[:8]
            name = f"{name[:SHORT].rstrip()}~{digest}"
        _check(name)
        return name

    def unreplaced(self, text: str) -> str:
        """The name before its slashes are replaced and before it is shortened."""
        name = one_spelling(text)
        number = WITH_FRACTION.fullmatch(name) if self.whole else None
        return number[1] if number else name


def one_spelling(text: str) -> str:
    """The name with composed letters, plain spaces, and no blanks around it."""
    if text.isascii():
        return text.strip()
    composed = unicodedata.normalize("NFC", text)
    return "".join(" " if unicodedata.category(c) == "Zs" else c for c in composed).strip()


def _check(name: str) -> None:
    if not name:
        raise ValueError("empty; a series needs its name")
    if "/" in name:
        raise ValueError("a name can't have '/'; give --replace-slash - to write - in its place")
    if len(name) > MAX_NAME:
        raise ValueError(
            f"a name can't be longer than {MAX_NAME} characters; give --shorten-names to keep "
            f"the first {SHORT} and a mark of the rest"
        )
    bare = name if name.isascii() else name.translate(dict.fromkeys(map(ord, JOINERS)))
    if not bare.isprintable() and (hidden := hidden_characters(bare)):
        raise ValueError(f"a name with a hidden character: {hidden}; take it out")


@dataclass
class NameColumn:
    """Counts, over a column's distinct names, how they are written."""

    kept: bool = False  # a person asked for --names-as-written
    rule: NameRule = field(default_factory=NameRule)
    spellings: dict[str, str] = field(default_factory=dict)
    twins: int = 0
    twin: str = ""
    whole: int = 0
    fraction: str = ""
    others: int = 0
    scientific: str = ""

    def look(self, text: str) -> None:
        """Take note of one distinct text."""
        name = one_spelling(text)
        if not name:
            return
        known = self.spellings.setdefault(name, text.strip())
        if known != text.strip():
            self.twins += 1
            self.twin = self.twin or name
        if WHOLE.fullmatch(name):
            self.whole += 1
            if not name.lstrip("-").isdigit():
                self.fraction = self.fraction or name
        else:
            self.others += 1
            if SCIENTIFIC.fullmatch(name):
                self.scientific = self.scientific or name

    def decide(self, column: str) -> tuple[NameRule, str]:
        """The rule for the column, and a note for its reader; BadInput if a person must decide."""
        rule, words = self.rule, []
        if self.twins:
            words.append(f"several spellings of one name are one, like {self.twin}")
        if not self.kept:
            self._refuse_scientific(column)
            if self.fraction and not self.others:
                rule = NameRule(True, rule.slash, rule.shorten)
                words.append(f"whole numbers, {self.fraction} is {rule.read(self.fraction)}")
            self._refuse_both_ways(column)
            if self.fraction and self.others:
                words.append(f"names as they are written, {self.fraction} too")
        self._refuse_clashes(column, rule)
        return rule, "; ".join(words)

    def _refuse_scientific(self, column: str) -> None:
        if self.scientific:
            raise BadInput(
                f"{column}: {self.scientific} is a number that a spreadsheet shortened; format the "
                "column as text there and save again, or give --names-as-written if it is a name"
            )

    def _refuse_both_ways(self, column: str) -> None:
        if not self.fraction or not self.others:
            return
        for name in self.spellings:
            found = WITH_FRACTION.fullmatch(name)
            if found and found[1] in self.spellings:
                raise BadInput(
                    f"{column}: {found[1]} and {name} may be one name or two; write it in one way, "
                    "or give --names-as-written if they are two"
                )

    def _refuse_clashes(self, column: str, rule: NameRule) -> None:
        if rule.slash is None and not rule.shorten:
            return
        taken: dict[str, str] = {}
        for name in self.spellings:
            try:
                read = rule.read(name)
            except ValueError:  # its rows are rejected later
                continue
            if (other := taken.setdefault(read, rule.unreplaced(name))) != rule.unreplaced(name):
                raise BadInput(
                    f"--replace-slash: {other} and {name} of {column} would both be {read}; "
                    "use another character"
                )

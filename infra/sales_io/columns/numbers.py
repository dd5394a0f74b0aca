"""Numbers as countries and systems write them, and the decimal mark of a whole column.

`1.234` is over a thousand in one file and little more than one in another. The other values of
the column decide: `12,5` and `1.234,5` have a decimal comma, `12.5` and `1,234.5` a point. If all
values are like `1.234`, a person is asked.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Literal

Decimal = Literal["point", "comma"]

MARK: dict[Decimal, str] = {"point": ".", "comma": ","}
OTHER: dict[Decimal, Decimal] = {"point": "comma", "comma": "point"}
PLAIN = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
MINUS = dict.fromkeys(map(ord, "\u2212\u2010\u2011\u2013\ufe63\uff0d"), "-")
BLANKS = dict.fromkeys(map(ord, "\u00a0\u202f\u2009\u2007\u2002\u2003\u2008\u3000"), " ")
QUOTES = dict.fromkeys(map(ord, "\u2019\u2018\u02bc`\u00b4\uff07"), "'")
UNSEEN = dict.fromkeys(map(ord, "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff"), "")
SIGNS = {ord("\uff0b"): "+", ord("\uff0e"): ".", ord("\uff0c"): ",", ord("\u066b"): "\u066b"}
ONE_MEANING = MINUS | BLANKS | QUOTES | UNSEEN | SIGNS
CODES_LISTED = (  # codes of currencies, and words written in place of a sign
    "aed|ars|aud|bgn|brl|cad|chf|clp|cny|cop|czk|dkk|eur|gbp|hkd|huf|idr|ils|inr|isk|jpy|krw|mxn|"
    "myr|nok|nzd|pen|php|pln|rmb|ron|rsd|rub|sar|sek|sgd|thb|try|twd|uah|usd|vnd|zar|kr|kr.|kč|zł|"
    "fr|fr.|sfr|sfr.|ft|lei|rs|rs.|tl|r|us|din|euro|dollar"
)
CODES = frozenset(CODES_LISTED.split("|"))
GROUPS = re.compile(r"[0-9]{1,3}(?:([ '\u066c])[0-9]{3})(?:\1[0-9]{3})*")
BODY = re.compile(
    r"(?P<body>[0-9 '.,\u066b\u066c]*[0-9][0-9 '.,\u066b\u066c]*)(?P<power>[eE][+-]?[0-9]+)?"
)
INDIAN = r"[0-9]{1,2}(?:%s[0-9]{2})*%s[0-9]{3}"
WESTERN = r"[0-9]{1,3}(?:%s[0-9]{3})+"
EVEN = re.compile(r"(?<=[0-9])[.,](-|\u2013|\u2014){1,2}(?=$|\s*[^0-9]*$)")  # 12,- has no cents
MIN_SHARE = 50  # one value in fifty must decide the mark: fewer may be typing errors
SAME = {"€": "eur", "euro": "eur", "$": "usd", "us$": "usd", "£": "gbp", "zł": "pln", "kč": "czk"}
MAX_TEXT = 64  # characters; no number is longer


@dataclass(frozen=True, slots=True)
class Written:
    """A number's parts: digits with their marks, sign, power of ten, and currency."""

    body: str
    negative: bool
    power: str
    currency: str


def take_apart(text: str) -> Written | None:
    """The parts of a number; None if no country writes a number like that."""
    if len(text) > MAX_TEXT:
        return None
    rest = EVEN.sub("", _plain_marks(text).strip())
    if rest.startswith("'"):  # a spreadsheet's sign that a cell is text
        rest = rest[1:].strip()
    negative, signs = False, 0
    currency = ""
    while rest:
        before = rest
        if rest.startswith("(") and rest.endswith(")"):
            rest, negative, signs = rest[1:-1].strip(), True, signs + 1
        for mark in "+-":
            if rest.startswith(mark) or (rest.endswith(mark) and len(rest) > 1):
                at_start = rest.startswith(mark)
                rest = (rest[1:] if at_start else rest[:-1]).strip()
                negative, signs = negative or mark == "-", signs + 1
        if not currency:
            rest, currency = _without_currency(rest)
        if rest == before:
            break
    found = BODY.fullmatch(rest)
    if found is None or signs > 1:
        return None
    return Written(found["body"].strip(), negative, found["power"] or "", currency)


def _plain_marks(text: str) -> str:
    if text.isascii():
        return text
    text = text.translate(ONE_MEANING)
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


def _without_currency(text: str) -> tuple[str, str]:
    """The text without the currency's sign or code at either end, and that currency."""
    start = re.match(r"[^0-9 .,'()+-]+\.?", text)
    end = re.search(r"[^0-9 .,'()+-]+\.?$", text)
    for found, rest in (
        (start, text[start.end() :] if start else ""),
        (end, text[: end.start()] if end else ""),
    ):
        if found is None:
            continue
        word = found[0].strip()
        letters = "".join(c for c in word if unicodedata.category(c) != "Sc").lower()
        if letters in CODES or (not letters and word):
            return rest.strip(), word
    return text, ""


def readings(body: str) -> dict[Decimal, str]:
    """The body with a decimal point, for each decimal mark by which it can be read."""
    found: dict[Decimal, str] = {}
    for decimal in MARK:
        if (plain := _read(body, decimal)) is not None:
            found[decimal] = plain
    return found


def _read(body: str, decimal: Decimal) -> str | None:
    mark, thousands = MARK[decimal], MARK[OTHER[decimal]]
    if "\u066b" in body:  # the Arabic decimal mark has one meaning
        if "." in body or "," in body:
            return None
        body = body.replace("\u066b", mark)
    whole, has_mark, part = body.partition(mark)
    if has_mark and not part.isdigit() and part:
        return None
    if not whole and not part:
        return None
    if whole and not whole.isdigit():
        m = re.escape(thousands)
        grouped = (
            GROUPS.fullmatch(whole)
            or re.fullmatch(WESTERN % m, whole)
            or re.fullmatch(INDIAN % (m, m), whole)
        )
        if not grouped or whole.startswith("0"):
            return None
        whole = re.sub(r"[^0-9]", "", whole)
    return f"{whole or '0'}.{part}" if has_mark else whole


@dataclass
class NumberColumn:
    """Counts, over a column's distinct values, which decimal marks can read them.

    `decides` counts the values that only one mark can read, `sure` those of them that have two
    kinds of mark, and `open` the values that both can read, by the mark that they have.
    """

    decides: dict[Decimal, int] = field(default_factory=lambda: {"point": 0, "comma": 0})
    sure: dict[Decimal, int] = field(default_factory=lambda: {"point": 0, "comma": 0})
    examples: dict[Decimal, str] = field(default_factory=dict)
    open: dict[Decimal, int] = field(default_factory=lambda: {"point": 0, "comma": 0})
    open_example: str = ""
    currencies: dict[str, str] = field(default_factory=dict)

    def look(self, text: str) -> None:
        """Take note of one distinct value."""
        if text.isascii() and text.isdecimal():
            return
        written = take_apart(text)
        if written is None:
            return
        if written.currency:
            named = written.currency.lower()
            self.currencies.setdefault(SAME.get(named, named.rstrip(".")), text.strip())
        if written.body.isdigit():
            return
        found = readings(written.body)
        if len(found) == 1:
            (decimal,) = found
            self.decides[decimal] += 1
            self.sure[decimal] += bool(re.search(r"[., '].*[.,]|[.,].*[.,]", written.body))
            self.examples.setdefault(decimal, text.strip())
        elif len(found) == 2 and found["point"] != found["comma"]:
            self.open["point" if "." in written.body else "comma"] += 1
            self.open_example = self.open_example or text.strip()

    @property
    def decimal(self) -> Decimal | None:
        """The decimal mark; None if the values do not decide."""
        point, comma = self.decides["point"], self.decides["comma"]
        if point and comma:
            return None
        if not point and not comma:
            return None if any(self.open.values()) else "point"
        found: Decimal = "point" if point else "comma"
        if not self.sure[found] and self.decides[found] * MIN_SHARE < self.open[found]:
            return None
        return found

    @property
    def is_mixed(self) -> bool:
        """Whether some values can only have a decimal point, and others only a comma."""
        return self.decides["point"] > 0 and self.decides["comma"] > 0


def read_number(text: str, decimal: Decimal | None = None) -> float:
    """The number, read with its column's decimal mark, or with a point if that is None.

    Minus zero becomes zero. ValueError says why a text is not a number.
    """
    if PLAIN.fullmatch(text) and decimal != "comma":
        return float(text) + 0.0
    written = take_apart(text)
    plain = None if written is None else _read(written.body, decimal or "point")
    if written is None or plain is None:
        raise ValueError(_not_a_number(text, decimal, written))
    value = float(plain + written.power)
    return (-value if written.negative else value) + 0.0


def _not_a_number(text: str, decimal: Decimal | None, written: Written | None) -> str:
    if written is not None and (other := readings(written.body)):
        (it,) = other
        return f"not a number with a decimal {decimal or 'point'}; it has a decimal {it}"
    if hidden := hidden_characters(text):
        return f"not a number; it has {hidden}"
    if "%" in text:
        return "not a number; it is a share with a percent sign"
    if re.search(r"[0-9]\s*[a-zA-Z]", text):
        return "not a number; it has letters; keep only digits and their marks"
    return "not a number; use digits and a decimal point"


def hidden_characters(text: str) -> str:
    """The names of a text's characters that are invisible or look like a blank."""
    hidden = [
        c
        for c in dict.fromkeys(text)
        if c != " " and (not c.isprintable() or unicodedata.category(c) in ("Zs", "Cf", "Cc"))
    ]
    return ", ".join(_named(c) for c in hidden)


def _named(character: str) -> str:
    name = unicodedata.name(character, "control character").lower()
    return f"{name} (U+{ord(character):04X})"

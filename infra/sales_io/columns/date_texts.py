"""Every day that a single text can mean, as countries and systems write days.

`03/04/2026` has two readings here; `date_form_choice` picks one for a whole column. A time of
day is read too, but the day is the one that is written.
"""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Literal

from infra.sales_io.columns.numbers import UNSEEN
from infra.sales_io.columns.vocabulary import MONTHS, WEEKDAYS

Form = Literal["iso", "dmy", "mdy", "ymd", "named", "excel", "excel-1904"]
Period = Literal["week", "month", "quarter", "year", "range"]

NAMED_FORMS: dict[str, Form] = {
    "iso": "iso",
    "day-first": "dmy",
    "month-first": "mdy",
    "year-first": "ymd",
    "excel": "excel",
    "excel-1904": "excel-1904",
}
SAID: dict[Form, str] = {
    "iso": "like 2026-11-24",
    "dmy": "day first",
    "mdy": "month first",
    "ymd": "year first",
    "named": "with the month's name",
    "excel": "Excel's day numbers",
    "excel-1904": "Excel's day numbers since 1904",
}
ORDERS: tuple[Form, ...] = ("dmy", "mdy", "ymd")
OPTION: dict[Form, str] = {form: option for option, form in NAMED_FORMS.items()}
EXCEL_START = dt.date(1899, 12, 30)  # Excel counts a 29 February 1900 that never was
EXCEL_1904_START = dt.date(1904, 1, 1)
EXCEL_PLAUSIBLE = (32_874, 73_051)  # 1990 to 2100: covers a shop's days, and is not a year
MIN_SECONDS, MAX_SECONDS = 631_152_000, 4_102_444_800  # since 1970, the same years

TIME = r"(?:[T ]\s*(?P<time>\d{1,2}[:.h]\d{2}(?:[:.]\d{2}(?:[.,]\d+)?)?(?:\s*[ap]\.?\s?m\.?)?)" + (
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}|\[[\w/]+\])?(?:\[[\w/]+\])?)?"
)
_TIMED = {
    "iso": re.compile(r"(?P<y>\d{4})([-/.])(?P<m>\d{1,2})\2(?P<d>\d{1,2})\.?" + TIME, re.I),
    "compact": re.compile(r"(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})" + TIME, re.I),
    "week": re.compile(r"(?P<y>\d{4})-?W(?P<w>\d{2})-?(?P<n>[1-7])", re.I),
    "parts": re.compile(
        r"(?P<a>\d{1,2})(?P<s>[-/.]|\. ?| )(?P<b>\d{1,2})(?P=s)(?P<c>\d{4}|\d{2})" + TIME, re.I
    ),
    "day_name": re.compile(
        r"(?P<d>\d{1,2})(?:\.|st|nd|rd|th|º|er)?[-/. ]*(?:de\s+)?(?P<name>[^\W\d_]{3,})\.?,?[-/. ]*"
        r"(?:de\s+)?(?P<y>\d{4}|\d{2})" + TIME,
        re.I,
    ),
    "name_day": re.compile(
        r"(?P<name>[^\W\d_]{3,})\.?[-/. ]*(?P<d>\d{1,2})(?:st|nd|rd|th)?,?[-/. ]+(?P<y>\d{4})"
        + TIME,
        re.I,
    ),
    "east": re.compile(r"(?P<y>\d{4})年(?P<m>\d{1,2})月(?P<d>\d{1,2})日"),
}
_PERIODS: tuple[tuple[Period, re.Pattern[str]], ...] = (
    (
        "week",
        re.compile(
            r"\d{4}[-/ ]?W(?:K|eek)?[- ]?\d{1,2}|(?:W|KW|CW|S|wk|week)[-. ]?\d{1,2}[-/ ]*\d{4}"
            r"|\d{4}[-/ ]*(?:KW|CW|S|wk)[-. ]?\d{1,2}|\d{1,2}\. ?KW ?\d{4}",
            re.I,
        ),
    ),
    ("quarter", re.compile(r"\d{4}[-/ ]?Q[1-4]|Q[1-4][-/ ]?\d{4}", re.I)),
    (
        "month",
        re.compile(
            r"(?:19|20)\d{2}[-/.](?:0?[1-9]|1[0-2])|(?:0?[1-9]|1[0-2])[-/.](?:19|20)\d{2}"
            r"|(?:19|20)\d{2}(?:0[1-9]|1[0-2])|(?:19|20)\d{2}[-/]?M\d{1,2}",
            re.I,
        ),
    ),
    ("year", re.compile(r"(?:19|20)\d{2}")),
)
_RANGE = re.compile(
    r"(\d[\d./-]{6,9}\d)\s*(?:/|-|\u2013|to|bis|au|al|\.\.)\s*(\d[\d./-]{6,9}\d)", re.I
)
_NAMED_MONTH = re.compile(
    r"(?P<name>[^\W\d_]{3,})\.?[-/ ']*\d{2,4}|\d{4}[-/ ]*(?P<other>[^\W\d_]{3,})"
)
_WEEKDAY = re.compile(r"^(?P<name>[^\W\d_]{2,})\.?,?\s+(?=\S)")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a text says: its day in each form that fits, its time of day and its time zone."""

    days: dict[Form, dt.date]
    at: dt.time | None = dt.time()
    zone: str = ""

    @property
    def midnight(self) -> bool:
        """Whether the time of day is 00:00, or there is none."""
        return self.at == dt.time()

    @property
    def is_utc(self) -> bool:
        """Whether the time zone is UTC, so the store's own day may be another."""
        return self.zone.upper() in ("Z", "UTC", "GMT", "+0000", "+00:00")


NOTHING = Stamp({})


def read_stamp(text: str) -> Stamp:
    """All readings of a text as a day; none if it is not a day."""
    if not text.isascii():
        text = text.translate(UNSEEN).replace("\u00a0", " ").replace("\u202f", " ")
    text = text.strip().lstrip("'").strip()
    stamp = _read(text)
    named = None if stamp.days else _WEEKDAY.match(text)
    if named and named["name"].lower() in WEEKDAYS:
        return _read(text[named.end() :])
    return stamp


def _read(text: str) -> Stamp:
    if found := _TIMED["iso"].fullmatch(text):
        return _stamp(found, {"iso": _day(found["y"], found["m"], found["d"])})
    if found := _TIMED["parts"].fullmatch(text):
        return _stamp(found, _orders(found))
    if found := _TIMED["compact"].fullmatch(text):
        return _stamp(found, {"iso": _day(found["y"], found["m"], found["d"])})
    if re.fullmatch(r"\d{5}(?:[.,]\d+)?", text):
        return _from_excel(text)
    for kind in ("day_name", "name_day"):
        if (found := _TIMED[kind].fullmatch(text)) and found["name"].lower() in MONTHS:
            month = str(MONTHS[found["name"].lower()])
            return _stamp(found, {"named": _day(_year(found["y"]), month, found["d"])})
    if found := _TIMED["week"].fullmatch(text):
        try:
            day = dt.date.fromisocalendar(int(found["y"]), int(found["w"]), int(found["n"]))
        except ValueError:
            return NOTHING
        return Stamp({"iso": day})
    if found := _TIMED["east"].fullmatch(text):
        return _stamp(found, {"iso": _day(found["y"], found["m"], found["d"])})
    return NOTHING


def period_of(text: str) -> Period | None:
    """The period that a text names in place of a day; None if it names none."""
    text = text.strip()
    for period, pattern in _PERIODS:
        if pattern.fullmatch(text):
            return period
    ends = _RANGE.fullmatch(text)
    if ends and read_stamp(ends[1]).days and read_stamp(ends[2]).days:
        return "range"
    found = _NAMED_MONTH.fullmatch(text)
    if found and (found["name"] or found["other"]).lower() in MONTHS:
        return "month"
    return None


def is_moment_number(text: str) -> bool:
    """Whether a text is seconds or milliseconds since 1970."""
    if not re.fullmatch(r"\d{9,13}(\.\d+)?", text):
        return False
    number = float(text)
    return any(MIN_SECONDS <= number / scale <= MAX_SECONDS for scale in (1, 1000))


def _stamp(found: re.Match[str], days: dict[Form, dt.date | None]) -> Stamp:
    groups = found.groupdict()
    time = groups.get("time") or ""
    return Stamp(
        {form: day for form, day in days.items() if day is not None},
        _time(time),
        groups.get("zone") or "",
    )


def _time(text: str) -> dt.time | None:
    if not text:
        return dt.time()
    hour, minute, *seconds = (int(part) for part in re.findall(r"\d+", text)[:3])
    if letter := re.search(r"[ap](?=\.?\s?m)", text, re.I):
        hour = hour % 12 + (12 if letter[0].lower() == "p" else 0)
    try:
        return dt.time(hour % 24, minute, seconds[0] if seconds else 0)
    except ValueError:
        return None


def _orders(found: re.Match[str]) -> dict[Form, dt.date | None]:
    a, b, c = found["a"], found["b"], found["c"]
    dotted = "." in found["s"]
    days: dict[Form, dt.date | None] = {"dmy": _day(_year(c), b, a)}
    if not dotted:  # nobody writes the month first with full stops
        days["mdy"] = _day(_year(c), a, b)
    if len(c) == 2 and len(a) == 2:
        days["ymd"] = _day(_year(a), b, c)
    return days


def _year(text: str) -> str:
    if len(text) == 4:
        return text
    return f"20{text}" if int(text) < 70 else f"19{text}"  # as POSIX reads two digits


def _day(year: str, month: str, day: str) -> dt.date | None:
    try:
        return dt.date(int(year), int(month), int(day))
    except ValueError:
        return None


def _from_excel(text: str) -> Stamp:
    number = float(text.replace(",", "."))
    days = dt.timedelta(days=int(number))
    return Stamp({"excel": EXCEL_START + days, "excel-1904": EXCEL_1904_START + days})

"""Which form the days of a column have, and how each of its cells is read then."""

import datetime as dt
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from infra.errors import BadInput
from infra.sales_io.columns.date_texts import (
    EXCEL_PLAUSIBLE,
    EXCEL_START,
    NAMED_FORMS,
    OPTION,
    SAID,
    Form,
    Period,
    is_moment_number,
    period_of,
    read_stamp,
)
from infra.sales_io.columns.numbers import hidden_characters

ORDERS: tuple[Form, ...] = ("dmy", "mdy", "ymd")
ISO_LIKE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
MIN_WIDER = (
    8  # times that one reading's days lie further apart than the other's, to be the wrong one
)
PERIOD_WAYS = {
    "week": "spread each week over its days, by a weekday's usual share if you know it",
    "month": "export the days of each month from the till or the warehouse system",
    "quarter": "export the days from the till or the warehouse system",
    "range": "spread each range over its days",
    "year": "export the days from the till or the warehouse system",
}


@dataclass(frozen=True)
class DayRule:
    """How the days of a column are read: a `strptime` form, or one of ours, and a time zone.

    Without a form, what has one meaning is read. A moment that names its offset is taken on the
    day that is written, or with a zone on that zone's day.
    """

    form: Form | None = None
    strptime: str | None = None
    zone: str | None = None

    @classmethod
    def named(cls, date_format: str | None, zone: str | None) -> "DayRule":
        """The rule that a person asked for."""
        if zone is not None:
            try:
                ZoneInfo(zone)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise BadInput(
                    f"--time-zone: {zone!r} is not a time zone; use one like Europe/Berlin"
                ) from None
        if date_format is None or date_format in NAMED_FORMS:
            return cls(form=NAMED_FORMS.get(date_format or ""), zone=zone)
        if "%" not in date_format:
            raise BadInput(
                f"--date-format: {date_format!r}; use {', '.join(NAMED_FORMS)}, or a form like "
                "%d.%m.%Y"
            )
        return cls(strptime=date_format, zone=zone)

    def read(self, text: str) -> dt.date:
        """The day; ValueError says why it is none."""
        if self.strptime is not None:
            return self._by_strptime(text, self.strptime)
        stamp = read_stamp(text)
        wanted: tuple[Form, ...] = ("iso", "named")
        if self.form is not None and self.form != "iso":
            wanted = (self.form, *wanted)
        found = next((stamp.days[form] for form in wanted if form in stamp.days), None)
        if found is None or stamp.at is None:
            raise ValueError(self._refusal(text, tuple(stamp.days)))
        if self._zone is None or not stamp.zone:
            return found
        return self._moved(dt.datetime.combine(found, stamp.at, _offset(stamp.zone)))

    @cached_property
    def _zone(self) -> ZoneInfo | None:
        return None if self.zone is None else ZoneInfo(self.zone)

    def _moved(self, moment: dt.datetime) -> dt.date:
        try:
            return moment.astimezone(self._zone).date()
        except OverflowError:
            raise ValueError("no calendar day: beyond the calendar") from None

    def _by_strptime(self, text: str, form: str) -> dt.date:
        try:
            moment = dt.datetime.strptime(text, form)
        except ValueError:
            raise ValueError(f"no calendar day of the form {form}") from None
        if self._zone is not None and moment.tzinfo is not None:
            return self._moved(moment)
        return moment.date()

    def _refusal(self, text: str, forms: tuple[Form, ...]) -> str:
        if period := period_of(text):
            many = "a range of days" if period == "range" else f"a {period}"
            return f"{many}, and a sale is of one day"
        if "excel" in forms:
            return "a number; give --date-format excel if it is Excel's day number"
        if forms and self.form in ORDERS:
            return f"a day that is not {SAID[self.form]}, as the others of its column are"
        if forms:
            return "a day of several readings; name its form with --date-format"
        if ISO_LIKE.match(text):
            return "no calendar day; there is none of that number"
        if hidden := hidden_characters(text):
            return f"no date; it has {hidden}"
        return "no date like 2015-07-31; name its form with --date-format"


def _offset(zone: str) -> dt.tzinfo:
    if zone[0] not in "+-":
        return dt.UTC
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    ahead = dt.timedelta(hours=hours, minutes=minutes)
    return dt.timezone(-ahead if zone[0] == "-" else ahead)


@dataclass
class DateColumn:
    """What a column's distinct values say of how its days are written."""

    rule: DayRule
    values: int = 0
    ruled: int = 0
    fits: Counter[Form] = field(default_factory=Counter)
    examples: dict[tuple[Form, ...], str] = field(default_factory=dict)
    spans: dict[Form, tuple[dt.date, dt.date]] = field(default_factory=dict)
    periods: Counter[Period] = field(default_factory=Counter)
    period: str = ""
    moments: int = 0
    moment: str = ""
    utc: str = ""
    differs: bool = False
    highest: float = 0.0
    lowest: float = float("inf")
    last_misfit: str = ""

    def look(self, text: str) -> None:
        """Note one distinct value."""
        text = text.strip()
        if not text:
            return
        self.values += 1
        stamp = read_stamp(text)
        if stamp.is_utc and not stamp.midnight:
            self.utc = self.utc or text
        if self.rule.form or self.rule.strptime:
            self._look_by_rule(text)
        if "excel" in stamp.days:
            number = float(text.lstrip("'").replace(",", "."))
            self.highest, self.lowest = max(self.highest, number), min(self.lowest, number)
        elif not stamp.days:
            self._look_at_the_unread(text)
        forms = tuple(sorted(stamp.days))
        self.fits.update(forms)
        self.examples.setdefault(forms, text)
        for form, day in stamp.days.items():
            low, high = self.spans.get(form, (day, day))
            self.spans[form] = (min(low, day), max(high, day))
        if len({stamp.days[form] for form in forms if form in ORDERS}) > 1:
            self.differs = True

    def _look_by_rule(self, text: str) -> None:
        try:
            self.rule.read(text)
        except ValueError:
            self.last_misfit = text
        else:
            self.ruled += 1

    def _look_at_the_unread(self, text: str) -> None:
        if period := period_of(text):
            self.periods[period] += 1
            self.period = self.period or text
        elif is_moment_number(text):
            self.moments += 1
            self.moment = self.moment or text

    def decide(self, column: str, today: dt.date) -> tuple[DayRule, str]:
        """How the column is read, and a word on it; BadInput where only a person knows.

        `today` is the latest plausible day of a day number.
        """
        if self.utc and self.rule.zone is None:
            raise BadInput(
                f"{column}: moments in UTC, like {self.utc}, and the store's own day may be "
                "another; give --time-zone, the store's, like Europe/Berlin (UTC takes the days "
                "as they are written)"
            )
        if self.rule.form or self.rule.strptime:
            self._refuse_better_form(column)
            return self.rule, ""
        self._refuse_other_than_days(column)
        zone = self.rule.zone
        if self._is_excel(today):
            example = self.examples["excel", "excel-1904"]
            day = DayRule("excel").read(example)
            return DayRule("excel", zone=zone), f"Excel's day numbers, {example} is {day}"
        orders = [form for form in ORDERS if form in self.fits]
        if not orders:
            return self.rule, ""
        form = self._order(column)
        example = next(text for forms, text in self.examples.items() if form in forms)
        return DayRule(form, zone=zone), f"{SAID[form]}, {example} is {DayRule(form).read(example)}"

    def _order(self, column: str) -> Form:
        by_form = [
            {form for form in forms if form in ORDERS}
            for forms in self.examples
            if set(forms) & set(ORDERS)
        ]
        shared = set.intersection(*by_form)
        if not shared:
            raise BadInput(
                f"{column}: days of two forms, {self._only('dmy')} and {self._only('mdy')}; name "
                "the right one with --date-format day-first or month-first"
            )
        found = sorted(shared, key=ORDERS.index)
        if "ymd" in found and len(found) > 1:
            # Of two digits each, the wrong reading scatters a month's days over thirty years.
            widths = {form: (self.spans[form][1] - self.spans[form][0]).days + 1 for form in found}
            narrow = min(widths.values())
            found = [form for form in found if widths[form] <= MIN_WIDER * narrow]
        if len(found) > 1 and self.differs:
            example = next(
                text for forms, text in self.examples.items() if set(found) <= set(forms)
            )
            options = " or ".join(
                f"{OPTION[form]} ({example} is {DayRule(form).read(example)})" for form in found
            )
            raise BadInput(
                f"{column}: days like {example} have {len(found)} readings, and no value of the "
                f"column decides; give --date-format {options}"
            )
        return found[0]

    def _only(self, form: Form) -> str:
        text = next(
            (t for forms, t in self.examples.items() if set(forms) & set(ORDERS) == {form}), ""
        )
        return f"{text} ({SAID[form]})"

    def _is_excel(self, today: dt.date) -> bool:
        low, _ = EXCEL_PLAUSIBLE
        others = sum(count for form, count in self.fits.items() if not form.startswith("excel"))
        latest = (today - EXCEL_START).days + 1
        return self.fits["excel"] > others and low <= self.lowest and self.highest < latest + 1

    def _refuse_other_than_days(self, column: str) -> None:
        days = max(self.fits.values(), default=0)
        if (total := self.periods.total()) > days:
            period = self.periods.most_common(1)[0][0]
            raise BadInput(
                f"{column}: {total:,} different {period}s, like {self.period}; Shelfcast is daily, "
                f"so a row needs its day: {PERIOD_WAYS[period]}"
            )
        if self.moments > days:
            raise BadInput(
                f"{column}: numbers like {self.moment} are seconds or milliseconds since 1970; "
                "write the store's own calendar day, like 2026-11-24, instead"
            )

    def _refuse_better_form(self, column: str) -> None:
        """BadInput where the named form fails and another one reads more: the days would swap."""
        if self.ruled == self.values:
            return
        better = [form for form in ("iso", *ORDERS) if self.fits[form] > self.ruled]
        if not better:
            return
        form = max(better, key=lambda one: self.fits[one])
        named = self.rule.strptime or OPTION[self.rule.form or "iso"]
        raise BadInput(
            f"--date-format: {named} reads {self.ruled:,} of the {self.values:,} different days of "
            f"{column} (not {self.last_misfit}); {OPTION[form]} reads {self.fits[form]:,}, so "
            f"give --date-format {OPTION[form]}"
        )

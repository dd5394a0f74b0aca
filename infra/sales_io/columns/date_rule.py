"""How the days of one column are read: by one form, with one time zone.

`date_form_choice` picks the form by what all of the column's values say, or a person names it.
"""

import datetime as dt
import re
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from infra.errors import BadInput
from infra.sales_io.columns.date_texts import (
    NAMED_FORMS,
    ORDERS,
    SAID,
    Form,
    period_of,
    read_stamp,
)
from infra.sales_io.columns.numbers import hidden_characters

ISO_LIKE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class DayRule:
    """Reads days by a `strptime` format, or by one of the named forms.

    Without either, it reads only texts that have one meaning. A moment with an offset counts on
    the day that is written; with a `zone`, on the day in that zone.
    """

    form: Form | None = None
    strptime: str | None = None
    zone: str | None = None

    @classmethod
    def named(cls, date_format: str | None, zone: str | None) -> "DayRule":
        """The rule that the options --date-format and --time-zone ask for; BadInput if unusable."""
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
        """The day; ValueError says why the text is not one."""
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
            raise ValueError("not a calendar day: before year 1 or after year 9999") from None

    def _by_strptime(self, text: str, form: str) -> dt.date:
        try:
            moment = dt.datetime.strptime(text, form)
        except ValueError:
            raise ValueError(f"not a calendar day of the form {form}") from None
        if self._zone is not None and moment.tzinfo is not None:
            return self._moved(moment)
        return moment.date()

    def _refusal(self, text: str, forms: tuple[Form, ...]) -> str:
        if period := period_of(text):
            many = "a range of days" if period == "range" else f"a {period}"
            return f"{many}, but a row needs one day"
        if "excel" in forms:
            return "a number; give --date-format excel if it is Excel's day number"
        if forms and self.form in ORDERS:
            return f"not {SAID[self.form]}, unlike the other days of its column"
        if forms:
            return "a day with several readings; name its form with --date-format"
        if ISO_LIKE.match(text):
            return "not a calendar day; the month has no day of that number"
        if hidden := hidden_characters(text):
            return f"not a date; it has {hidden}"
        return "not a date like 2015-07-31; name its form with --date-format"


def _offset(zone: str) -> dt.tzinfo:
    if zone[0] not in "+-":
        return dt.UTC
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    ahead = dt.timedelta(hours=hours, minutes=minutes)
    return dt.timezone(-ahead if zone[0] == "-" else ahead)

"""Which form the days of a column are written in, by what all of its values say.

`03/04/2026` is in April for one reader and in March for another. A value like `13/04/2026`
elsewhere in the column decides; if no value does, a person is asked.
"""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field

from infra.errors import BadInput
from infra.sales_io.columns.date_rule import DayRule
from infra.sales_io.columns.date_texts import (
    EXCEL_PLAUSIBLE,
    EXCEL_START,
    OPTION,
    ORDERS,
    SAID,
    Form,
    Period,
    is_moment_number,
    period_of,
    read_stamp,
)

MIN_WIDER = 8  # a reading whose days span this many times the other's is wrong
PERIOD_WAYS = {
    "week": "spread each week over its days, by a weekday's usual share if you know it",
    "month": "export the days of each month from the till or the warehouse system",
    "quarter": "export the days from the till or the warehouse system",
    "range": "spread each range over its days",
    "year": "export the days from the till or the warehouse system",
}


@dataclass
class DateColumn:
    """Counts, over a column's distinct values, which forms can read them."""

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
        """Take note of one distinct value."""
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
        """The rule for the column, and a note for its reader; BadInput if a person must decide.

        `today` is the latest day that a day number can plausibly mean.
        """
        if self.utc and self.rule.zone is None:
            raise BadInput(
                f"{column}: moments in UTC, like {self.utc}, and the store's own day may be "
                "another; give the store's --time-zone, like Europe/Berlin (UTC takes the days "
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
                f"{column}: days in two forms, {self._only('dmy')} and {self._only('mdy')}; name "
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
        """BadInput if another form reads more values than the named one: days would be swapped."""
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

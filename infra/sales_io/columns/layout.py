"""Which column of a file of sales, or of a calendar, means what.

A file whose columns are exactly those of a known layout needs no choice, nor does one whose
columns speak for themselves; whatever a person chooses goes before that.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from events.payloads import MAX_DRIVERS
from infra.errors import BadInput
from infra.sales_io.columns.numbers import Decimal
from infra.sales_io.columns.roles import Role, columns_of

TOTAL = "total"  # the product of a file without products: everything a store sold
COLUMNS_SHOWN = 30  # columns listed in a message


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """The columns a person named, and how they said to read them.

    None leaves a column to the known layouts and to the header's own words, and the way it is
    read to what its values say.
    """

    store: str | None = None
    product: str | None = None
    date: str | None = None
    units: str | None = None
    open: str | None = None
    drivers: tuple[str, ...] | None = None
    date_format: str | None = None
    decimal: Decimal | None = None
    time_zone: str | None = None
    sheet: str | None = None
    replace_slash: str | None = None
    shorten_names: bool = False
    names_as_written: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of one file. `drivers` maps each column to its driver's name.

    A file without units is a calendar. There, no store column means every store and no product
    column every product; of sales without one the product is TOTAL. `labels` are the words
    that a driver's column is known to have, in this file or another of its kind, so that all
    of them give the same drivers.
    """

    date: str
    drivers: dict[str, str]
    store: str | None = None
    product: str | None = None
    units: str | None = None
    open: str | None = None
    date_format: str | None = None
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read, once, in a fixed order."""
        named = (self.store, self.product, self.date, self.units, self.open, *self.drivers)
        return tuple(dict.fromkeys(name for name in named if name is not None))


@dataclass(frozen=True, slots=True)
class KnownLayout:
    """A kind of file that needs no choice: its exact header, and what its columns mean."""

    header: tuple[str, ...]
    choice: ColumnChoice
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def without(self, *columns: str) -> "KnownLayout":
        """The kind of file that differs by not having these."""
        return KnownLayout(
            tuple(c for c in self.header if c not in columns), self.choice, self.labels
        )


ROSSMANN = KnownLayout(  # train.csv of https://www.kaggle.com/c/rossmann-store-sales/data
    header=(
        "Store",
        "DayOfWeek",
        "Date",
        "Sales",
        "Customers",
        "Open",
        "Promo",
        "StateHoliday",
        "SchoolHoliday",
    ),
    choice=ColumnChoice(
        store="Store",
        date="Date",
        units="Sales",
        open="Open",
        drivers=("Promo", "StateHoliday", "SchoolHoliday"),
    ),
    labels={"StateHoliday": ("a", "b", "c")},  # public holiday, Easter, Christmas
)
GENERATED = KnownLayout(  # of infra.sales_io.generator
    header=(
        "store",
        "product",
        "date",
        "units",
        "open",
        "promo",
        "school_holiday",
        "state_holiday",
    ),
    choice=ColumnChoice(
        store="store",
        product="product",
        date="date",
        units="units",
        open="open",
        drivers=("promo", "school_holiday", "state_holiday"),
    ),
)
ROSSMANN_TEST = KnownLayout(  # test.csv: what is known of the days to forecast
    ("Id", *ROSSMANN.without("Sales", "Customers").header), ROSSMANN.choice, ROSSMANN.labels
)
UNKNOWN = KnownLayout((), ColumnChoice())
KNOWN_SALES = {known.header: known for known in (ROSSMANN, GENERATED)}
KNOWN_CALENDARS = KNOWN_SALES | {
    known.header: known
    for known in (
        ROSSMANN_TEST,
        ROSSMANN.without("Sales", "Customers"),
        GENERATED.without("units"),
    )
}


def choose_layout(header: Sequence[str], choice: ColumnChoice) -> Layout:
    """The layout of a file of sales with this header.

    Raises BadInput for a column that the file lacks or has twice, for a needed column that
    nobody named and no name says, and for driver names that clash.
    """
    known = KNOWN_SALES.get(tuple(header), UNKNOWN)
    if known is UNKNOWN and None in (choice.store, choice.date, choice.units):
        choice = _by_names(header, choice, ("store", "product", "date", "units", "open"))
    store = _needed("store", choice.store or known.choice.store, header)
    units = _needed("units", choice.units or known.choice.units, header)
    return replace(_layout(header, choice, known), store=store, units=units)


def choose_calendar_layout(header: Sequence[str], choice: ColumnChoice) -> Layout:
    """The layout of a calendar with this header.

    Raises BadInput as for sales, and for a file that says neither when stores are open nor what
    drives demand.
    """
    known = KNOWN_CALENDARS.get(tuple(header), UNKNOWN)
    if known is UNKNOWN and choice.date is None:
        choice = _by_names(header, choice, ("store", "product", "date", "open"))
    layout = _layout(header, choice, known)
    if layout.open is None and not layout.drivers:
        raise BadInput(
            "--open-column, --driver-columns: neither is given, and the file is of no known "
            f"layout; its columns are {_listed(header)}"
        )
    return layout


def _by_names(header: Sequence[str], choice: ColumnChoice, roles: Sequence[Role]) -> ColumnChoice:
    """The choice with what the columns' own names say; BadInput where two say the same.

    A person who named every needed column has named all there is, so nothing is added then.
    """
    taken = {choice.store, choice.product, choice.date, choice.units, choice.open}
    taken.update(choice.drivers or ())
    found: dict[str, str] = {}
    for role in roles:
        if getattr(choice, role) is not None:
            continue
        columns = [name for name in columns_of(role, header) if name not in taken]
        if len(columns) > 1:
            raise BadInput(
                f"--{role}-column: not given, and {len(columns)} columns could be it: "
                f"{', '.join(columns)}; name one"
            )
        if columns:
            found[role] = columns[0]
    return replace(choice, **found)  # type: ignore[arg-type]  # the roles are fields of text


def _layout(header: Sequence[str], choice: ColumnChoice, known: KnownLayout) -> Layout:
    """What sales and calendars have in common."""
    usual = known.choice
    drivers = usual.drivers if choice.drivers is None else choice.drivers
    return Layout(
        store=_present("--store-column", choice.store or usual.store, header),
        product=_present("--product-column", choice.product or usual.product, header),
        date=_needed("date", choice.date or usual.date, header),
        open=_present("--open-column", choice.open or usual.open, header),
        drivers=_driver_names(drivers or (), header),
        date_format=choice.date_format,
        labels=known.labels,
    )


def snake_case(text: str) -> str:
    """`SchoolHoliday` and `School holiday` as `school_holiday`."""
    words = re.sub(r"([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3_\2\4", text)
    return re.sub(r"\W+|_+", "_", words).strip("_").lower()


def _driver_names(columns: Sequence[str], header: Sequence[str]) -> dict[str, str]:
    if len(columns) > MAX_DRIVERS:
        raise BadInput(f"--driver-columns: {len(columns)} columns; at most {MAX_DRIVERS}")
    names: dict[str, str] = {}
    for column in columns:
        _present("--driver-columns", column, header)
        name = snake_case(column)
        if not name:
            raise BadInput(
                f"--driver-columns: {column!r} has no letter or digit to name a driver by"
            )
        clash = next((other for other, taken in names.items() if taken == name), column)
        if clash != column:
            raise BadInput(
                f"--driver-columns: {clash!r} and {column!r} would both be the driver {name}; "
                "rename one in the file"
            )
        names[column] = name
    return names


def _needed(role: Role, column: str | None, header: Sequence[str]) -> str:
    option = f"--{role}-column"
    if (found := _present(option, column, header)) is None:
        hint = ""
        if len(header) == 1:
            hint = "; it is one column, so name what parts the columns with --delimiter"
        raise BadInput(
            f"{option}: not given, and no column's name says that it is the {role}; the columns "
            f"are {_listed(header)}{hint}"
        )
    return found


def _present(option: str, column: str | None, header: Sequence[str]) -> str | None:
    if column is None or header.count(column) == 1:
        return column
    if column in header:
        raise BadInput(
            f"{option}: the file has {header.count(column)} columns {column!r}; rename the others"
        )
    lowered = {name.lower(): name for name in header}
    close = get_close_matches(column.lower(), lowered, n=1, cutoff=0.5)
    hint = f" (did you mean {lowered[close[0]]!r}?)" if close else ""
    raise BadInput(
        f"{option}: the file has no column {column!r}{hint}; its columns are {_listed(header)}"
    )


def _listed(header: Sequence[str]) -> str:
    more = f" and {len(header) - COLUMNS_SHOWN} more" if len(header) > COLUMNS_SHOWN else ""
    text = ", ".join(header[:COLUMNS_SHOWN]) + more
    if header and any(re.fullmatch(r"[-\d.:/ ]+", name) for name in header):
        return f"{text} (the first line must name the columns; this one looks like data)"
    return text

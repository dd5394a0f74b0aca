"""Which column of a sales file or a calendar is the store, the product, the date and so on.

What a person chooses comes first, then a known layout that has exactly these columns, then what
the columns' names say.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from events.payloads import MAX_DRIVERS
from infra.errors import BadInput
from infra.sales_io.columns.numbers import Decimal
from infra.sales_io.columns.roles import Role, columns_of

TOTAL = "total"  # the product where a file has no column of products: all that a store sold
COLUMNS_SHOWN = 30  # columns listed in a message


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """The columns that a person named, and how to read them.

    A column that is None is found by known layouts and by names; a way of reading that is None
    is decided by the column's values.
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
    """The columns of one file. `drivers` maps each driver's column to the driver's name.

    A file without units is a calendar: without a store column it holds for every store, without a
    product column for every product. In sales without a product column the product is TOTAL.
    `labels` are the words that a driver's column has in files of this kind, so that each such
    file gives the same drivers.
    """

    date: str
    drivers: dict[str, str]
    store: str | None = None
    product: str | None = None
    units: str | None = None
    open: str | None = None
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read, each once, in a fixed order."""
        named = (self.store, self.product, self.date, self.units, self.open, *self.drivers)
        return tuple(dict.fromkeys(name for name in named if name is not None))


@dataclass(frozen=True, slots=True)
class KnownLayout:
    """A kind of file that is known by its exact header, and what its columns mean."""

    header: tuple[str, ...]
    choice: ColumnChoice
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def without(self, *columns: str) -> "KnownLayout":
        """The same kind of file without these columns."""
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
    """The layout of a sales file with this header.

    Raises BadInput for a column that the file lacks or has twice, for a needed column that
    neither a person nor its own name says, and for two drivers of one name.
    """
    known = KNOWN_SALES.get(tuple(header), UNKNOWN)
    if known is UNKNOWN and None in (choice.store, choice.date, choice.units):
        choice = _by_names(header, choice, ("store", "product", "date", "units", "open"))
    store = _needed("store", choice.store or known.choice.store, header)
    units = _needed("units", choice.units or known.choice.units, header)
    return replace(_layout(header, choice, known), store=store, units=units)


def choose_calendar_layout(header: Sequence[str], choice: ColumnChoice) -> Layout:
    """The layout of a calendar with this header.

    Raises BadInput as `choose_layout` does, and for a file with neither a column of open days nor
    a driver.
    """
    known = KNOWN_CALENDARS.get(tuple(header), UNKNOWN)
    if known is UNKNOWN and choice.date is None:
        choice = _by_names(header, choice, ("store", "product", "date", "open"))
    layout = _layout(header, choice, known)
    if layout.open is None and not layout.drivers:
        raise BadInput(
            "--open-column, --driver-columns: neither is given, and the file has no known "
            f"layout; its columns are {_listed(header)}"
        )
    return layout


def _by_names(header: Sequence[str], choice: ColumnChoice, roles: Sequence[Role]) -> ColumnChoice:
    """The choice, completed by what the columns' names say; BadInput if two say the same.

    Call it only if a needed column is missing: a person who named those has named all.
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
    """The parts of a layout that sales and calendars share."""
    usual = known.choice
    drivers = usual.drivers if choice.drivers is None else choice.drivers
    return Layout(
        store=_present("--store-column", choice.store or usual.store, header),
        product=_present("--product-column", choice.product or usual.product, header),
        date=_needed("date", choice.date or usual.date, header),
        open=_present("--open-column", choice.open or usual.open, header),
        drivers=_driver_names(drivers or (), header),
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
            hint = "; it is one column, so name what separates the columns with --delimiter"
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

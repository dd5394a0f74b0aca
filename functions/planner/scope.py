"""Which known series a request means. Planner, refresher and API ask here, and refuse alike."""

from collections.abc import Sequence

from events.errors import Refusal
from events.payloads import SeriesRef
from events.wording import shown
from functions.ports import SalesReader
from functions.records import Scope, Series

NAMED = 5  # series that a message names before it only counts


async def resolve_scope(
    storage: SalesReader,
    store: str | None,
    product: str | None,
    series: Sequence[SeriesRef] | None = None,
) -> Scope:
    """The series of a store, of a product, of both, or those named; all if nothing is given.

    Refusal if there are none of that store or product, or if one that is named is not known.
    All may be none.
    """
    if series is not None:
        named = [(ref.store, ref.product) for ref in series]
        scope = await storage.scope_of(named)
        if unknown := sorted(set(named) - set(scope.series)):
            raise unknown_named_series(unknown)
        return scope
    scope = await storage.scope(store, product)
    if not scope.series and (store or product):
        raise unknown_series(store, product)
    return scope


def unknown_series(store: str | None, product: str | None) -> Refusal:
    """Of a store, a product or both no sales are known."""
    given = {name: value for name, value in (("store", store), ("product", product)) if value}
    field, value = next(iter(given.items()))
    asked = " and ".join(f"{name} {value!r}" for name, value in given.items())
    return Refusal(
        field,
        f"no sales are known of {asked}",
        shown(value),
        "import its sales first, or see GET /series",
    )


def unknown_named_series(unknown: Sequence[Series]) -> Refusal:
    """Of series that are named one by one no sales are known."""
    return Refusal(
        "series",
        f"no sales are known of {names(unknown)}",
        shown("/".join(unknown[0])),
        "import their sales first, or see GET /series",
    )


def names(series: Sequence[Series]) -> str:
    """Some of the series, and how many more there are."""
    some = ", ".join(f"'{store}/{product}'" for store, product in series[:NAMED])
    return f"{some} and {len(series) - NAMED} more" if len(series) > NAMED else some

"""Resolve the series of a request, with the same refusals in planner, refresher and API."""

from collections.abc import Sequence

from events.errors import Refusal
from events.payloads import SeriesRef
from events.wording import shown
from functions.ports import SalesReader
from functions.records import Scope, Series

NAMED = 5  # series that a message names; it counts the rest


async def resolve_scope(
    storage: SalesReader,
    store: str | None,
    product: str | None,
    series: Sequence[SeriesRef] | None = None,
) -> Scope:
    """Return the series of a store, of a product, of both, or those listed; all if none is given.

    Raise Refusal if the store or product has no series, or if a listed series is unknown. Without
    any filter the result may be empty.
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
    """Return the refusal of a store or product without sales."""
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
    """Return the refusal of listed series without sales."""
    return Refusal(
        "series",
        f"no sales are known of {names(unknown)}",
        shown("/".join(unknown[0])),
        "import their sales first, or see GET /series",
    )


def names(series: Sequence[Series]) -> str:
    """Name the first series and count the rest."""
    some = ", ".join(f"'{store}/{product}'" for store, product in series[:NAMED])
    return f"{some} and {len(series) - NAMED} more" if len(series) > NAMED else some

"""The check that `shelfcast calendar import` makes by the API before it publishes a calendar.

A calendar entry that applies to no series, or has a driver that its series never had, would be
accepted and have no effect.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from events.printable import one_line
from infra.cli.client import Client, client_of
from infra.cli.errors import Unavailable
from infra.errors import BadInput

if TYPE_CHECKING:
    from infra.sales_io.publishing.import_calendar import Check, Scope

AT_ONCE = 1000  # scopes that the API takes in one request
SHOWN = 3  # errors listed; the first ones suffice to correct the file

Document = dict[str, Any]


def plan_check(
    ctx: typer.Context, new_drivers: bool, unknown_series: bool, dry_run: bool
) -> "Check | None":
    """Return the check for a calendar import; None if everything is to be accepted."""
    if new_drivers and unknown_series:
        return None

    async def check(planned: "Mapping[frozenset[str], Sequence[Scope]]") -> None:
        try:
            found = await asyncio.to_thread(_asked, client_of(ctx), planned)
        except Unavailable as error:
            if not dry_run:
                raise
            typer.echo(
                f"shelfcast: not checked against the sales: {one_line(str(error))}", err=True
            )
            return
        if found["unreached"] and not unknown_series:
            raise BadInput(one_line(_unreached(found["unreached"])))
        if found["unknown_drivers"] and not new_drivers:
            raise BadInput(one_line(_unknown(found["unknown_drivers"])))

    return check


def _asked(client: Client, planned: "Mapping[frozenset[str], Sequence[Scope]]") -> Document:
    found: dict[str, list[Document]] = {"unreached": [], "unknown_drivers": []}
    for drivers, scopes in planned.items():
        for at in range(0, len(scopes), AT_ONCE):
            named = [
                {"store": store or None, "product": product or None}
                for store, product in scopes[at : at + AT_ONCE]
            ]
            body = {"scopes": named, "drivers": sorted(drivers)}
            answer = client.post("calendar", "check", body=body)
            for what, some in found.items():
                some += answer[what]
    return found


def _unreached(found: Sequence[Document]) -> str:
    scopes = "; ".join(_one_unreached(one) for one in found[:SHOWN])
    more = f"; and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
    field = "--store-column" if found[0]["store"] is not None else "--product-column"
    return (
        f"{field}: no sales are known of {scopes}{more}; name them as `shelfcast series` does, or "
        "give --unknown-series if their sales are to come (those of a moment ago are known once "
        "they are read)"
    )


def _one_unreached(one: Document) -> str:
    asked = _named(one["store"], one["product"])
    near = _named(one["nearest_store"], one["nearest_product"])
    complete = (one["store"] is None) == (one["nearest_store"] is None) and (
        (one["product"] is None) == (one["nearest_product"] is None)
    )
    return f"{asked} (did you mean {near}?)" if complete and near != asked else asked


def _named(store: str | None, product: str | None) -> str:
    parts = [f"store {store!r}"] if store is not None else []
    parts += [f"product {product!r}"] if product is not None else []
    return " with ".join(parts) or "any series"


def _unknown(found: Sequence[Document]) -> str:
    merged: dict[str, Document] = {}
    for one in found:
        known = merged.setdefault(one["name"], one | {"scopes": 0})
        known["scopes"] += one["scopes"]
    drivers = "; ".join(_one_unknown(one) for one in list(merged.values())[:SHOWN])
    more = f"; and {len(merged) - SHOWN:,} more" if len(merged) > SHOWN else ""
    return (
        f"--driver-columns: {drivers}{more}; name drivers as the sales do, or give --new-drivers "
        "if sales will have them"
    )


def _one_unknown(one: Document) -> str:
    asked = _named(one["store"], one["product"])
    others = f" and {one['scopes'] - 1:,} more" if one["scopes"] > 1 else ""
    near = f"did you mean {one['nearest']}? " if one["nearest"] else ""
    known = ", ".join(one["known"]) or "none"
    return f"{one['name']}: no sales of {asked}{others} ever had it ({near}they have {known})"

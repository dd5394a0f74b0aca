"""Whether plans reach series, and name drivers that these have had; and if not, what is near.

Pure. A scope is a store and a product, either of them None for all.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from functions.records import Series

Scope = tuple[str | None, str | None]

MAX_SUGGESTIONS = 5  # names that a nearest one is looked for; each look goes through all known
# 7, 007 and 7.0 are one number, however tools wrote it.
NUMBER = re.compile(r"0*([0-9]+)(?:[.,]0+)?")


@dataclass(frozen=True, slots=True)
class Unreached:
    """A scope that no series with sales is in, and the nearest one that some are."""

    store: str | None
    product: str | None
    nearest_store: str | None = None
    nearest_product: str | None = None


@dataclass(frozen=True, slots=True)
class UnknownDriver:
    """A driver that no series of a scope ever had; of how many scopes, and what they have."""

    name: str
    store: str | None
    product: str | None
    scopes: int
    nearest: str | None
    known: tuple[str, ...]


class KnownSeries:
    """The series with sales, by store and by product."""

    def __init__(self, series: Sequence[Series]) -> None:
        self.all = tuple(series)
        self.products: dict[str, list[Series]] = {}
        self.stores: dict[str, list[Series]] = {}
        for each in series:
            self.stores.setdefault(each[0], []).append(each)
            self.products.setdefault(each[1], []).append(each)

    def reached(self, scope: Scope) -> Sequence[Series]:
        """The series that a plan for this scope applies to."""
        store, product = scope
        if store is None:
            return self.all if product is None else self.products.get(product, ())
        of_store = self.stores.get(store, ())
        return of_store if product is None else [each for each in of_store if each[1] == product]

    def unreached(self, scopes: Iterable[Scope]) -> list[Unreached]:
        """The scopes that no series is in, in their order; the first with what is near."""
        found = [scope for scope in scopes if not self.reached(scope)]
        near = [self._near(scope) for scope in found[:MAX_SUGGESTIONS]]
        return near + [Unreached(*scope) for scope in found[MAX_SUGGESTIONS:]]

    def _near(self, scope: Scope) -> Unreached:
        store, product = scope
        near_store = store
        if store is not None and store not in self.stores:
            near_store = nearest(store, self.stores)
        if product is None:
            return Unreached(store, product, near_store)
        sold = self.stores.get(near_store or "")
        products = self.products if sold is None else {each[1]: each for each in sold}
        near_product = product if product in products else nearest(product, products)
        return Unreached(store, product, near_store, near_product)


def unknown_drivers(
    scopes: Iterable[Scope],
    names: Sequence[str],
    known: KnownSeries,
    had: Mapping[Series, frozenset[str]],
) -> list[UnknownDriver]:
    """The names that no series of some scope had, each with the first such scope."""
    lacking: dict[str, list[Scope]] = {}
    for scope in scopes:
        if series := known.reached(scope):
            there = frozenset().union(*(had[each] for each in series))
            for name in names:
                if name not in there:
                    lacking.setdefault(name, []).append(scope)
    found = []
    for name, of in lacking.items():
        there = frozenset().union(*(had[each] for each in known.reached(of[0])))
        found.append(UnknownDriver(name, *of[0], len(of), nearest(name, there), _few(there)))
    return found


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most likely meant: the same but for how it is written, or close."""
    names = sorted(known)
    written = _plain(name)
    same = next((each for each in names if _plain(each) == written), None)
    close = get_close_matches(name, names, n=1) if same is None else [same]
    return close[0] if close else None


def _plain(name: str) -> str:
    text = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    number = NUMBER.fullmatch(text)
    return number[1] if number else text


def _few(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))[:20]

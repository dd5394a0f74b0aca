"""Which type a client prefers of those that a route can answer (RFC 9110, section 12.5.1)."""

from collections.abc import Iterator, Sequence
from math import isfinite

from events.errors import Refusal
from events.wording import shown
from functions.api.problem_document import NOT_ACCEPTABLE, Refused


def preferred(accept: str | None, offered: Sequence[str]) -> str:
    """The type that `Accept` gives the highest quality; of equals the first. 406 if it takes none.

    A client without `Accept` gets the first.
    """
    ranges = dict(_ranges(accept or "*/*"))
    best = max(offered, key=lambda kind: _quality(ranges, kind))
    if _quality(ranges, best) <= 0:
        fix = f"send one of {', '.join(offered)}"
        why = "takes nothing that can be answered here"
        raise Refused(NOT_ACCEPTABLE, Refusal("accept", why, shown(accept), fix))
    return best


def _quality(ranges: dict[str, float], kind: str) -> float:
    """That of the most specific range the type is in."""
    for named in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
        if named in ranges:
            return ranges[named]
    return 0.0


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for each in accept.split(","):
        name, *parameters = (part.strip().lower() for part in each.split(";"))
        weights = [
            text for key, _, text in (one.partition("=") for one in parameters) if key == "q"
        ]
        yield name, _number(weights[0]) if weights else 1.0


def _number(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if isfinite(weight) else 0.0

"""What a reader should know of a trained series, as codes and values, and their words.

A finding is stored and sent as data, so programs can count and filter by its code. `said` is the
one place that has words for it: API and command line show these.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """Something found in training. `values` are numbers, texts, days (YYYY-MM-DD) and lists of
    them, by name; which ones a code has is in `WORDS`.
    """

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)


def _listed(names: list[str]) -> str:
    return ", ".join(names)


def _one_or_more(one: str, more: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda v: (one if v["days"] == 1 else more).format_map(v)


# The words of each code. The first four say why the naive serves instead of what was asked for.
WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "naive-as-unfit": "the naive serves: {reason}".format_map,
    "naive-as-unmeasured": ("the naive serves: {rows} open days are too few to measure".format_map),
    "naive-as-better": (
        "the naive serves: {strategy} scores {score:.3f} on the folds, the naive 1".format_map
    ),
    "warm-start": "a warm start from the model of days up to {through}".format_map,
    "cold-start": (
        "a cold start: no champion has parameters that can be moved to these days".format_map
    ),
    "cold-start-as-unmeasured": "a cold start: {strategy} can't be measured today".format_map,
    "stock-as-not-concave": "fitted by stock Prophet, as its posterior is not concave".format_map,
    "stock-as-unsolved": (
        "fitted by stock Prophet, as the batched solver found no optimum".format_map
    ),
    "members-unfit": lambda v: f"without {_listed(v['strategies'])}, which it has no days for",
    "days-far-off": _one_or_more(
        "{last} is far from all days like it: no evidence of what it sells, and left out",
        "{days} days, lastly {last}, are far from all days like them: no evidence of what it "
        "sells, and left out",
    ),
    "days-of-outage": (
        "{days} days without a sale, lastly {last}, are an outage: no evidence of what it sells, "
        "and left out"
    ).format_map,
    "days-of-former-level": (
        "{days} days up to {last} are on another level altogether: no evidence of what it sells, "
        "and left out"
    ).format_map,
    "drivers-left-out": (
        "{count} drivers are left out, {first} first: a series has the {most} that were not 0 on "
        "most days"
    ).format_map,
    "drivers-unused": lambda v: (
        f"not moved by {_listed(v['names'])}: none of its models uses them, or none saw them vary"
    ),
    "open-by-chance": (
        "open on {share:.0%} of the days of {weekdays} weekdays: where no calendar speaks its "
        "forecast counts by that chance; send a day without a sale as 0 units"
    ).format_map,
    "fading": (
        "no open day since {since}, {idle} days before {as_of}: its forecast fades out"
    ).format_map,
    "ended": (
        "no open day since {since}, {idle} days before {as_of}: it is taken to have ended"
    ).format_map,
    "said": "{text}".format_map,
}


def said(code: str, values: Mapping[str, Any]) -> str:
    """A finding in words; the bare data where the code, or values that it should have, are not
    known: those of a newer version.
    """
    try:
        return WORDS[code](values)
    except (KeyError, ValueError, TypeError):
        data = ", ".join(f"{name} {value}" for name, value in values.items())
        return f"{code}: {data}" if data else code

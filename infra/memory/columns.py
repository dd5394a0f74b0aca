"""Make the fake refuse values that a column of Postgres would refuse."""

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, TypeVar

from pydantic import BaseModel

from events.payloads import MAX_HORIZON, MAX_INTEGER
from functions.records import MAX_CHANGE, DayForecast, Plan

WIDE = {"limit", "before", "failures"}  # arguments that are no column's: of 64 bits

T = TypeVar("T")


def as_columns_take(storage: type[T]) -> type[T]:
    """Have every verb of a storage look at what it is given."""
    for name, verb in inspect.getmembers(storage, inspect.iscoroutinefunction):
        if not name.startswith("_"):
            setattr(storage, name, _looking(verb))
    return storage


def _looking(verb: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(verb)

    @wraps(verb)
    async def look(*args: Any, **options: Any) -> Any:
        given = dict(signature.bind(*args, **options).arguments)
        given.pop("self")
        for name, value in given.items():
            _check(value, MAX_CHANGE if name in WIDE else MAX_INTEGER)
        return await verb(*args, **options)

    return look


def _check(value: Any, most: int = MAX_INTEGER) -> None:
    """ValueError for a text with U+0000, an integer too wide, or what a constraint refuses."""
    match value:
        case str():
            if "\x00" in value:
                raise ValueError(f"invalid byte sequence: U+0000 in {value!r:.80}")
        case bool() | float() | None:
            return
        case int():
            if not -most - 1 <= value <= most:
                raise ValueError(f"{value} is out of range: {most} at most")
        case Mapping():
            _check_all((*value.keys(), *value.values()))
        case list() | tuple() | set() | frozenset():
            _check_all(value)
        case BaseModel():
            _check_all(value.__dict__.values())
        case _ if is_dataclass(value):
            _check_all(getattr(value, field.name) for field in fields(value))
            _check_constraints(value)


def _check_all(values: Iterable[Any]) -> None:
    for value in values:
        _check(value)


def _check_constraints(value: Any) -> None:
    match value:
        case DayForecast(yhat=yhat, yhat_lower=lower, yhat_upper=upper):
            if not 0 <= lower <= yhat <= upper < math.inf:
                raise ValueError(f"forecasts_interval_check: 0, {lower}, {yhat}, {upper}, infinity")
        case Plan(horizon=horizon, older_than_days=days):
            if not 1 <= horizon <= MAX_HORIZON:
                raise ValueError(f"training_runs_horizon_check: {horizon}")
            if days is not None and days < 1:
                raise ValueError(f"training_runs_older_than_days_check: {days}")

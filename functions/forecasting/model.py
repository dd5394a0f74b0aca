"""The trained model of one series: what is stored, sent and used to forecast."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from functions.forecasting.baselines.baseline import BaselineModel
from functions.forecasting.prophet.parameters import ProphetParameters

Member = ProphetParameters | BaselineModel


@dataclass(frozen=True)
class SeriesModel:
    """The mean of the forecasts of `members`, by `weights` if there are any.

    - `last_day` is the last open day that the members were fitted to.
    - `cap` is the most units that are forecast for a day.
    - `never_open_weekdays` (0 is Monday) are closed unless a calendar says otherwise. On the other
      weekdays the store is open with the probabilities `opening`, Monday first (empty: always).
    - `usually_closed_weekdays` have been open seldom; a closing then is not unusual.
    - `interval_scale` multiplies the members' intervals, by weekday, Monday first (empty: by 1).
    - `typical_drivers` has what is assumed of a driver, by weekday, where nothing is planned.
    """

    members: tuple[Member, ...]
    last_day: date
    cap: float
    never_open_weekdays: tuple[int, ...] = ()
    usually_closed_weekdays: tuple[int, ...] = ()
    interval_scale: tuple[float, ...] = ()
    typical_drivers: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    weights: tuple[float, ...] = ()
    opening: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.weights and len(self.weights) != len(self.members):
            raise ValueError(f"{len(self.weights)} weights for {len(self.members)} members")

    @property
    def drivers(self) -> frozenset[str]:
        """The names of the drivers that change the forecast."""
        prophets = (member for member in self.members if isinstance(member, ProphetParameters))
        levels = (member for member in self.members if isinstance(member, BaselineModel))
        regressors = [term.name.split("/") for each in prophets for term in each.regressors]
        return frozenset(
            [name[1] for name in regressors if name[0] == "driver"]
            + [each.promotion for each in levels if each.promotion is not None]
        )

    @property
    def seen(self) -> dict[str, tuple[float, float]]:
        """The lowest and highest value in training of each driver that the forecast is computed
        from; a planned value outside this range is replaced by the nearer bound.
        """
        found: dict[str, tuple[float, float]] = {}
        for member in self.members:
            if isinstance(member, ProphetParameters):
                for term in member.regressors:
                    kind, *names = term.name.split("/")
                    if (kind, len(names)) != ("driver", 1):
                        continue
                    if term.low is not None and term.high is not None:
                        [name] = names
                        low, high = found.get(name, (term.low, term.high))
                        found[name] = min(low, term.low), max(high, term.high)
        return found

    def to_json_dict(self) -> dict[str, Any]:
        """The fields as JSON-compatible lists, numbers and strings; floats stay exact.

        Some have the names that they were first stored by.
        """
        return {
            "members": [
                {
                    "kind": "prophet" if isinstance(member, ProphetParameters) else "level",
                    **member.to_json_dict(),
                }
                for member in self.members
            ],
            "last_day": self.last_day.isoformat(),
            "cap": self.cap,
            "closed_weekdays": list(self.never_open_weekdays),
            "rest_weekdays": list(self.usually_closed_weekdays),
            "widening": list(self.interval_scale),
            "usual": {name: list(values) for name, values in self.typical_drivers.items()},
            "weights": list(self.weights),
            "opening": list(self.opening),
        }

    @staticmethod
    def from_json_dict(values: Mapping[str, Any]) -> "SeriesModel":
        """The inverse of `to_json_dict`. ValueError names fields that are missing or unknown."""
        try:
            return SeriesModel(
                members=tuple(_member(dict(member)) for member in values["members"]),
                last_day=date.fromisoformat(values["last_day"]),
                cap=values["cap"],
                never_open_weekdays=tuple(values["closed_weekdays"]),
                usually_closed_weekdays=tuple(values["rest_weekdays"]),
                interval_scale=_by_weekday(values["widening"]),
                typical_drivers={name: tuple(each) for name, each in values["usual"].items()},
                weights=tuple(values.get("weights", ())),
                opening=tuple(values.get("opening", ())),
            )
        except KeyError as missing:
            raise ValueError(f"a stored model lacks {missing}; retrain its series") from None


def _by_weekday(stored: float | list[float]) -> tuple[float, ...]:
    """Older versions had one number for all weekdays."""
    return tuple(stored) if isinstance(stored, list) else (stored,) * 7


def _member(values: dict[str, Any]) -> Member:
    kind = values.pop("kind")
    if kind == "prophet":
        return ProphetParameters.from_json_dict(values)
    if kind == "level":
        return BaselineModel.from_json_dict(values)
    raise ValueError(f"a stored model has a member of kind {kind!r}; known are prophet, level")


def renamed(member: Member, names: tuple[str, ...]) -> Member:
    """Replace the column numbers of a member's drivers by the drivers' names."""
    if not names or not isinstance(member, ProphetParameters):
        return member
    return replace(
        member,
        regressors=tuple(
            replace(term, name=_named(term.name, names)) for term in member.regressors
        ),
    )


def _named(column: str, names: tuple[str, ...]) -> str:
    kind, *rest = column.split("/")
    return "/".join([kind, names[int(rest[0])], *rest[1:]]) if kind == "driver" else column

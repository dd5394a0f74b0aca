"""Who is champion, challenger and previous in each series, and the changes of that.

Pure: storage reads the places of the series at hand, lets this module move models, and
writes what came out, all in one transaction. Rules of the places:

- `champion` serves; `previous` is the one it replaced. A rollback swaps the two, so a
  second rollback takes the first one back.
- `challenger` is the newest model that was kept from being champion. Promoted after all,
  it leaves its place empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from functions.registry.champion import Contender
from functions.storage import AliasChange, Series

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"


@dataclass(frozen=True, slots=True)
class Holder:
    """A model in a place, and the first day that it forecasts from there."""

    model: Contender
    forecast_from: date


@dataclass(frozen=True, slots=True)
class Cause:
    """What moves a model: the id of the request or of the trained model, who, and why."""

    id: str
    by: str
    reason: str


class Places:
    """The places of some series. `changes` are those of champions and challengers, in order."""

    def __init__(self, held: Mapping[Series, Mapping[str, Holder]]) -> None:
        self._held = {series: dict(places) for series, places in held.items()}
        self.changes: list[AliasChange] = []

    def of(self, series: Series) -> Mapping[str, Holder]:
        """The holder of each place that is taken."""
        return self._held.get(series, {})

    def promote(self, series: Series, model: Contender, cause: Cause) -> None:
        """Make the model champion.

        It forecasts from its own as_of, or from where the champion before it did if that
        is later: an old model that comes back is to forecast the coming days, not past ones.
        """
        places = self._held.setdefault(series, {})
        before = places.get(CHAMPION)
        start = model.as_of if before is None else max(model.as_of, before.forecast_from)
        self._put(series, CHAMPION, Holder(model, start), cause)
        if before is not None and before.model != model:
            places[PREVIOUS] = before
        challenger = places.get(CHALLENGER)
        if challenger is not None and challenger.model == model:
            self._put(series, CHALLENGER, None, cause)

    def keep(self, series: Series, model: Contender, cause: Cause) -> None:
        """Make the model challenger unless there is a newer one."""
        before = self._held.setdefault(series, {}).get(CHALLENGER)
        if before is None or before.model.age < model.age:
            self._put(series, CHALLENGER, Holder(model, model.as_of), cause)

    def _put(self, series: Series, alias: str, holder: Holder | None, cause: Cause) -> None:
        places = self._held[series]
        before = places.pop(alias, None)
        if holder is not None:
            places[alias] = holder
        self.changes.append(
            AliasChange(
                cause.id,
                *series,
                alias,
                None if holder is None else holder.model.model_id,
                None if before is None else before.model.model_id,
                cause.by,
                cause.reason,
                holder.forecast_from if holder is not None and alias == CHAMPION else None,
            )
        )

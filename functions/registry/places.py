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
class Cause:
    """What moves a model: the id of the request or of the trained model, who, and why."""

    id: str
    by: str
    reason: str


class Places:
    """The places of some series. `changes` are those of champions and challengers, in order."""

    def __init__(self, held: Mapping[Series, Mapping[str, Contender]]) -> None:
        self._held = {series: dict(places) for series, places in held.items()}
        self.changes: list[AliasChange] = []

    def of(self, series: Series) -> Mapping[str, Contender]:
        """The model in each place that is taken."""
        return self._held.get(series, {})

    def promote(self, series: Series, model: Contender, cause: Cause, start: date) -> None:
        """Make the model champion, which is to forecast from `start` on."""
        places = self._held.setdefault(series, {})
        before = places.get(CHAMPION)
        self._put(series, CHAMPION, model, cause, start)
        if before is not None and before != model:
            places[PREVIOUS] = before
        if places.get(CHALLENGER) == model:
            self._put(series, CHALLENGER, None, cause)

    def keep(self, series: Series, model: Contender, cause: Cause) -> None:
        """Make the model challenger unless there is a newer one."""
        before = self._held.setdefault(series, {}).get(CHALLENGER)
        if before is None or before.age < model.age:
            self._put(series, CHALLENGER, model, cause)

    def _put(
        self,
        series: Series,
        alias: str,
        model: Contender | None,
        cause: Cause,
        start: date | None = None,
    ) -> None:
        places = self._held[series]
        before = places.pop(alias, None)
        if model is not None:
            places[alias] = model
        self.changes.append(
            AliasChange(
                cause.id,
                *series,
                alias,
                None if model is None else model.model_id,
                None if before is None else before.model_id,
                cause.by,
                cause.reason,
                start,
            )
        )

"""Assign the aliases champion, challenger and previous to models, and record the changes. Pure.

- `champion` is the served model; `previous` is the one it replaced. A rollback swaps the two,
  so a second rollback undoes the first.
- `challenger` is the newest model that was not promoted. If it is promoted later, the alias
  becomes empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from functions.records import AliasChange, Candidate, Series

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why an alias changes: the id of the request or trained model, who asked, and the reason."""

    id: str
    by: str
    reason: str


class Aliases:
    """The aliases of some series; `changes` lists those of champion and challenger in order."""

    def __init__(self, held: Mapping[Series, Mapping[str, Candidate]]) -> None:
        self._held = {series: dict(models) for series, models in held.items()}
        self.changes: list[AliasChange] = []

    @property
    def changed(self) -> dict[Series, dict[str, str]]:
        """The model id of each alias of the series that changed."""
        series = sorted({(change.store, change.product) for change in self.changes})
        return {
            each: {alias: model.model_id for alias, model in self.of(each).items()}
            for each in series
        }

    def of(self, series: Series) -> Mapping[str, Candidate]:
        """Return the model of each alias of a series; an unassigned alias is left out."""
        return self._held.get(series, {})

    def promote(self, series: Series, model: Candidate, cause: Cause, start: date) -> None:
        """Make the model champion; it forecasts from `start` on."""
        held = self._held.setdefault(series, {})
        before = held.get(CHAMPION)
        self._put(series, CHAMPION, model, cause, start)
        if before is not None and before != model:
            held[PREVIOUS] = before
        if held.get(CHALLENGER) == model:
            self._put(series, CHALLENGER, None, cause)

    def keep(self, series: Series, model: Candidate, cause: Cause) -> None:
        """Make the model challenger unless the current one is newer."""
        before = self._held.setdefault(series, {}).get(CHALLENGER)
        if before is None or before.age < model.age:
            self._put(series, CHALLENGER, model, cause)

    def _put(
        self,
        series: Series,
        alias: str,
        model: Candidate | None,
        cause: Cause,
        start: date | None = None,
    ) -> None:
        held = self._held[series]
        before = held.pop(alias, None)
        if model is not None:
            held[alias] = model
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

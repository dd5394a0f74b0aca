"""How well each strategy did on the folds, and what each candidate counts for by that."""

from collections.abc import Iterable, Sequence

import numpy as np

from functions.forecasting.series.panel import Floats
from functions.forecasting.series.scale import Band
from functions.forecasting.strategy import NAIVE, Strategies, weighed
from functions.forecasting.training import selection
from functions.forecasting.training.backtests import Tested
from functions.forecasting.training.evidence import Evidence


class Weighing:
    """The `tested` strategies `names` of all series, those of `mixed` with candidates among them.

    Losses are relative to the middle one of `candidates` and the naive.
    """

    def __init__(
        self,
        tests: Evidence,
        known: Strategies,
        names: Iterable[str],
        candidates: Sequence[str],
        mixed: Iterable[str],
    ) -> None:
        self._actual, self._known = tests.actual, known
        self.tested: dict[str, Tested] = {name: tests[name] for name in names}
        some = dict.fromkeys([*candidates, NAIVE])
        self._reference = selection.middle(self._actual, self._losses(some))
        self._weights: dict[str, Floats] = {}
        for name in mixed:
            if weighed(name, known) != (name,):
                self._mix(name)
        places = list(self.tested)
        scores = selection.scores(self._actual, self._losses(places), self._reference)
        naive = scores[:, places.index(NAIVE)]
        self._relative = {name: scores[:, at] / naive for at, name in enumerate(places)}

    def score(self, name: str, i: int) -> float:
        """The loss of that strategy on the i-th series, 1 for as good as the naive; NaN if it has
        none.
        """
        return float(self._relative[name][i]) if name in self._relative else np.nan

    def shares(self, name: str, i: int) -> dict[str, float]:
        """The strategies that the i-th series' forecast by that one is a mean of, by their share:
        its candidates that count, or itself.
        """
        if name not in self._weights:
            return {name: 1.0}
        shares = zip(weighed(name, self._known), self._weights[name][i].tolist(), strict=True)
        return {part: share for part, share in shares if share > 0}

    def _losses(self, names: Iterable[str]) -> Floats:
        """(n, K, len(names))."""
        every = [selection.losses(self._actual, self.tested[name].band.yhat) for name in names]
        return np.stack(every, axis=2)

    def _mix(self, name: str) -> None:
        """Adds a strategy with candidates to what was tested: their weighted mean."""
        candidates = weighed(name, self._known)
        tested = [self.tested[each] for each in candidates]
        fitted = np.array([[why is None for why in each.reasons] for each in tested]).T
        scores = selection.scores(self._actual, self._losses(candidates), self._reference)
        weights = selection.weights(np.where(fitted, scores, np.nan))
        band = Band.weighted([each.band for each in tested], weights)
        why = [
            None if None in reasons else reasons[0]
            for reasons in zip(*(each.reasons for each in tested), strict=True)
        ]
        self._weights[name] = weights
        self.tested[name] = Tested(band, why)

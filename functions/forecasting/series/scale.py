"""Between units per day and the scale that a model is fitted on.

On the log scale, log(1 + units), terms multiply and a forecast is the median. The mean
lies exp(variance / 2) above it; `smearing` goes a share of that way. Source: Duan, Smearing
estimate (1983), in its parametric form.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from functions.forecasting.series.panel import Floats

# Beyond e^50 units nothing is told apart; it keeps a wild fit from overflowing.
_MAX_LOG = 50.0


@dataclass(frozen=True, eq=False)
class Band:
    """Forecasts in units per day: 0 <= lower <= yhat <= upper, arrays of one shape."""

    yhat: Floats
    lower: Floats
    upper: Floats

    @staticmethod
    def empty(shape: tuple[int, ...]) -> "Band":
        """NaN everywhere."""
        return Band(np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, np.nan))

    def put(self, place: Any, part: "Band") -> None:
        """Put a part where numpy's index `place` says."""
        self.yhat[place], self.lower[place], self.upper[place] = part.yhat, part.lower, part.upper

    def at(self, place: Any) -> "Band":
        """The part where numpy's index `place` says."""
        return Band(self.yhat[place], self.lower[place], self.upper[place])

    @staticmethod
    def mean(bands: Sequence["Band"]) -> "Band":
        """The mean of bands of one shape, without those that are NaN there."""
        if len(bands) == 1:
            return bands[0]
        number = np.sum([np.isfinite(band.yhat) for band in bands], axis=0)

        def over(parts: list[Floats]) -> Floats:
            total = np.sum([np.nan_to_num(part) for part in parts], axis=0)
            return np.where(number > 0, total / np.maximum(number, 1), np.nan)

        return Band(
            over([band.yhat for band in bands]),
            over([band.lower for band in bands]),
            over([band.upper for band in bands]),
        )

    @staticmethod
    def weighted(bands: Sequence["Band"], weights: Floats) -> "Band":
        """The weighted mean of C bands of shape (n, K, B), by the series' `weights` (n, C), without
        those that are NaN there; NaN where none with a weight is left.
        """
        share = [
            np.where(np.isfinite(b.yhat), weights[:, c, None, None], 0.0)
            for c, b in enumerate(bands)
        ]
        whole = np.sum(share, axis=0)

        def over(parts: list[Floats]) -> Floats:
            total = np.sum(
                [w * np.nan_to_num(p) for w, p in zip(share, parts, strict=True)], axis=0
            )
            return np.where(whole > 0, total / np.where(whole > 0, whole, 1.0), np.nan)

        return Band(
            over([band.yhat for band in bands]),
            over([band.lower for band in bands]),
            over([band.upper for band in bands]),
        )


def fitted_on(units: Floats, scale: str) -> Floats:
    """Units per day on the scale of a fit."""
    return np.log1p(units) if scale == "log" else units


def smeared(share: Floats, noise: Floats, on_log: Floats) -> Floats:
    """What moves a median on the log scale that share of the way to the mean; 0 elsewhere.

    `noise` is the standard deviation on the scale of the fit. All broadcast.
    """
    added: Floats = share * np.where(on_log, noise, 0.0) ** 2 / 2
    return added


def in_units(center: Floats, half_width: Floats, on_log: Floats, added: Floats) -> Band:
    """The band of forecasts `center` with intervals `half_width` to either side.

    Where `on_log` (bool, of a shape that broadcasts) they are on the log scale. `added` is
    what goes to the center alone (`smeared`).
    """

    def units(values: Floats) -> Floats:
        logs = np.expm1(np.minimum(values, _MAX_LOG))
        return np.maximum(np.where(on_log, logs, values), 0.0)

    lower, upper = units(center - half_width), units(center + half_width)
    yhat = units(center + added)
    return Band(np.minimum(yhat, upper), lower, upper)

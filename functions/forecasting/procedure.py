"""Training by the book: cut the window, keep open days, backtest, fit on all of them.

`as_of` is a parameter, so any run can be repeated on old data.
"""

from dataclasses import dataclass
from datetime import date

from functions.forecasting.engine import Engine
from functions.forecasting.metrics import Metrics
from functions.forecasting.panel import Key, Panel
from functions.forecasting.parameters import ProphetParameters
from functions.forecasting.strategy import Strategy
from functions.forecasting.unfit import Unfit, refusals


@dataclass(frozen=True)
class Trained:
    """A trained series: its model on the whole window, and how well folds of it did."""

    key: Key
    parameters: ProphetParameters
    metrics: Metrics

    @property
    def first_day(self) -> date:
        """The first open day used."""
        return self.parameters.first_day

    @property
    def data_through(self) -> date:
        """The last open day used."""
        return self.parameters.last_day

    @property
    def rows(self) -> int:
        """The number of open days used."""
        return self.parameters.rows


def train(panel: Panel, strategy: Strategy, as_of: date, engine: Engine) -> list[Trained | Unfit]:
    """Trains every series of `panel` on the open days before `as_of`, in the panel's order.

    A series with too few open days, with a value that is not finite, or that the engine
    can't fit is an `Unfit` in its place. Days from `as_of` on are never looked at.
    """
    days = panel.window(as_of, strategy.window_days).open_days()
    too_few = (
        f"{{rows}} open days in {strategy.window} before {as_of}; "
        f"at least {strategy.min_open_days} are needed"
    )
    reasons = refusals(days, strategy.min_open_days, too_few)
    sound = [i for i, reason in enumerate(reasons) if reason is None]
    sound_days = days if len(sound) == len(days) else days.select(sound)
    metrics = dict(zip(sound, engine.backtest(sound_days, strategy), strict=True))
    models = dict(zip(sound, engine.fit(sound_days, strategy), strict=True))
    return [
        reason or _outcome(days.keys[i], models[i], metrics[i]) for i, reason in enumerate(reasons)
    ]


def _outcome(
    key: Key, model: ProphetParameters | Unfit, metrics: Metrics | Unfit
) -> Trained | Unfit:
    """A model counts only with its backtest: unmeasured, it could not be compared later."""
    if isinstance(model, Unfit):
        return model
    if isinstance(metrics, Unfit):
        return metrics
    return Trained(key, model, metrics)

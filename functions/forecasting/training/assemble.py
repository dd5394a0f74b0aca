"""The last step of training: each series' model, measured and compared, and what to know of it."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from functions.forecasting.findings import Finding
from functions.forecasting.model import Member, SeriesModel
from functions.forecasting.prophet.parameters import ProphetParameters
from functions.forecasting.series import outliers
from functions.forecasting.series.opening import opening
from functions.forecasting.series.panel import Floats, Panel
from functions.forecasting.series.regressors import rest_weekdays
from functions.forecasting.strategy import NAIVE
from functions.forecasting.training.calibrate import Calibrated
from functions.forecasting.training.caps import caps
from functions.forecasting.training.choose import Choice
from functions.forecasting.training.entrants import Entrants
from functions.forecasting.training.evidence import Evidence
from functions.forecasting.training.metrics import fold_metrics, mean_metrics, metrics_of
from functions.forecasting.training.trained import Comparison, Fold, Trained
from functions.forecasting.training.weighing import Weighing

MAX_DAYS_NAMED = 31  # of those that are left out for one reason, the newest


def assemble(
    days: Panel,
    as_of: date,
    entrants: Entrants,
    evidence: Evidence,
    weighing: Weighing,
    choices: Sequence[Choice],
    calibrated: Calibrated,
) -> list[Trained]:
    """What became of each series of `days`."""
    bounds, rest = caps(days.only(~evidence.discounted)), rest_weekdays(days)
    opened = opening(days, as_of)
    compared = {
        name: mean_metrics(fold_metrics(evidence.actual, tested.band))
        for name, tested in weighing.tested.items()
    }
    results = []
    for i, (key, choice) in enumerate(zip(days.keys, choices, strict=True)):
        model = SeriesModel(
            members=choice.members,
            weights=choice.weights,
            last_day=days.dates[days.offsets[i + 1] - 1].item(),
            cap=float(bounds[i]),
            closed_weekdays=tuple(np.flatnonzero(opened.chances[i] == 0).tolist()),
            opening=opened.of(i),
            rest_weekdays=tuple(np.flatnonzero(rest[i]).tolist()),
            interval_scale=tuple(calibrated.times[i].tolist()),
            typical_drivers=evidence.typical_drivers(i),
        )
        first_day, rows = _used(days, i, model.members)
        coverage = float(calibrated.coverage_before[i])
        trained = Trained(
            key=key,
            chosen=choice.strategy,
            model=model,
            first_day=first_day,
            rows=rows,
            metrics=metrics_of(calibrated.means[i].tolist()),
            coverage_before=None if np.isnan(coverage) else coverage,
            folds=tuple(
                Fold(first, last, metrics_of(calibrated.folds[i, k].tolist()))
                for k, first, last in evidence.fold_days(i)
            ),
            comparison=_comparison(i, entrants, weighing, compared),
            findings=(
                *choice.findings,
                *_of_fits(choice.strategy, i, evidence, weighing),
                *_discounted(days, i, evidence),
                *([] if (drivers := evidence.left_out(i)) is None else [drivers]),
                *_unused(model),
                *opened.findings[i],
            ),
        )
        results.append(trained)
    return results


def _comparison(
    i: int, entrants: Entrants, weighing: Weighing, compared: Mapping[str, Floats]
) -> tuple[Comparison, ...]:
    """Every strategy that was measured on the i-th series, the best first."""
    asked = entrants.asked
    shares = weighing.shares(asked, i)
    found = [
        Comparison(
            name,
            score,
            metrics_of(compared[name][i].tolist()),
            champion=champion,
            weight=shares.get(name) if name != asked else None,
        )
        for name in weighing.tested
        if np.isfinite(score := weighing.score(name, i))
        for champion in ((False, True) if name == entrants.serving[i] else (False,))
        if champion or name in (*entrants.candidates, asked, NAIVE)
    ]
    return tuple(sorted(found, key=lambda each: each.score))


def _of_fits(name: str, i: int, evidence: Evidence, weighing: Weighing) -> list[Finding]:
    """How the i-th series' models were fitted."""
    found: list[Finding] = []
    for part in weighing.shares(name, i):
        found += [each for each in evidence.findings(part, i) if each not in found]
    return found


def _discounted(days: Panel, i: int, evidence: Evidence) -> list[Finding]:
    """The days of the i-th series that are no evidence, a finding for each reason."""
    rows = days.series(i)
    why = evidence.why_discounted[rows]
    return [
        Finding(
            code,
            {
                "days": len(some),
                "first": str(some[0]),
                "last": str(some[-1]),
                "newest": [str(day) for day in some[-MAX_DAYS_NAMED:]],
            },
        )
        for reason, code in outliers.REASONS.items()
        if len(some := days.dates[rows][why == reason])
    ]


def _unused(model: SeriesModel) -> list[Finding]:
    names = sorted(model.typical_drivers.keys() - model.drivers)
    return [Finding("drivers-unused", {"names": names})] if names else []


def _used(days: Panel, i: int, members: Sequence[Member]) -> tuple[date, int]:
    """The first open day that any of a series' members was fitted to, and how many it was."""
    fitted = [each for each in members if isinstance(each, ProphetParameters)]
    if len(fitted) < len(members):  # a level has no first day: it knew them all
        return days.dates[days.offsets[i]].item(), int(days.rows[i])
    return min(each.first_day for each in fitted), max(each.rows for each in fitted)

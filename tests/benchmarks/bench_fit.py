"""The whole modelling job for every series, batched, against stock Prophet on one core.

The job: five walk-forward folds of 7 open days with their errors and intervals, a final fit,
a 7-day forecast with its 95 % interval. `windowed` trains on the last 120 days, `full` on all
history. What training does beside (other strategies, the naive) is not a part of it.

The yardsticks run on samples of the series, in blocks that alternate with the batched job; a
block's ratio is in CPU seconds a series (user and system, Stan's processes included), which a
busy machine disturbs less than the clock. The median over blocks is reported.

    python -m tests.benchmarks.bench_fit [--json] [--series N] [--prophet-batch PYTHON]

PYTHON is an interpreter that has the PyPI package prophet-batch installed. It is run in the
quickest way its documentation offers for this job: one `forecast_many` for all folds,
without sampling, and one for the final fits, forecast columns only, one process.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from functions.forecasting.engines.batched.engine import BatchedEngine
from functions.forecasting.folds import fold_cuts
from functions.forecasting.forecast.forecasts import forecast
from functions.forecasting.model import SeriesModel
from functions.forecasting.series.panel import Panel
from functions.forecasting.series.regressors import design
from functions.forecasting.strategy import Strategy, strategy
from functions.forecasting.training.metrics import fold_metrics, mean_metrics
from tests.benchmarks.bench_retrain import AS_OF, FOLDS, HORIZON, folds, stock
from tests.benchmarks.report import report
from tests.benchmarks.system import console, sales

_OF_EACH = (
    *("seconds", "seconds_by_the_clock", "stock_seconds_a_series"),
    *("x_stock", "x_stock_by_the_clock", "x_prophet_batch"),
)
KEYS = (
    *("series", "load"),
    *(f"{name}_{what}" for name in ("windowed", "full") for what in _OF_EACH),
)
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

# Reads the two long frames, then does the job once per line of input and says what it took.
_PROPHET_BATCH = """
import logging, sys, time
import pandas as pd
from prophet_batch import forecast_many
logging.disable(logging.WARNING)
folder, horizon = sys.argv[1], int(sys.argv[2])
read = lambda name: pd.read_csv(f"{folder}/{name}.csv", parse_dates=["ds"])
folds, tests, finals = read("folds"), read("tests"), read("finals")
columns = ["ds", "yhat", "yhat_lower", "yhat_upper"]
model = dict(weekly_seasonality=True, daily_seasonality=False, interval_width=0.95)
model.update(n_jobs=1, seed=1)
for _ in sys.stdin:
    clock, cpu = time.perf_counter(), time.process_time()
    yhat = forecast_many(
        folds, futures=tests[["unique_id", "ds"]], columns=["ds", "yhat"], uncertainty_samples=0,
        history_uncertainty=False, **model,
    )
    joined = tests.merge(yhat, on=["unique_id", "ds"])
    miss = (joined["y"] - joined["yhat"]).abs()
    errors = joined.assign(miss=miss, square=miss**2, share=miss / joined["y"])
    by_fold = errors.groupby("unique_id")
    by_fold[["miss", "square", "share"]].mean(), by_fold["miss"].median()
    forecast_many(
        finals, periods=horizon, include_history=False, columns=columns,
        history_uncertainty=False, **model,
    )
    print(time.process_time() - cpu, time.perf_counter() - clock, flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=1115)
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--sample", type=int, default=4, help="series of stock Prophet a block")
    parser.add_argument("--prophet-batch", metavar="PYTHON", help="an interpreter that has it")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if any(os.environ.get(name) != value for name, value in _ONE_THREAD.items()):
        # Numpy reads these when it is imported, so the process starts anew with them.
        again = [sys.executable, "-m", "tests.benchmarks.bench_fit", *sys.argv[1:]]
        os.execve(sys.executable, again, {**os.environ, **_ONE_THREAD})  # noqa: S606
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    frame = sales(options.series, 10_000)
    panel = _panel(frame)
    result: dict[str, Any] = {"series": len(panel), "load": os.getloadavg()[0]}
    for chosen in (strategy("windowed"), strategy("full")):
        result.update(_compare(frame, panel, chosen, options))
    report("the modelling job, CPU seconds, one core", result, options.json)


def _compare(
    frame: pd.DataFrame, panel: Panel, chosen: Strategy, options: argparse.Namespace
) -> dict[str, Any]:
    """The strategy's numbers, in seconds for all series, and their ratios."""
    histories = _histories(frame, chosen)
    at = np.linspace(0, len(histories) - 1, options.blocks * options.sample + 1).astype(int)
    batched(panel.select(range(min(len(panel), 50))), chosen)  # imports, caches
    stock(histories[at[0]])
    ours: list[_Seconds] = []
    stocks: list[_Seconds] = []
    others: list[_Seconds] = []
    with _prophet_batch(histories, chosen, options.prophet_batch) as other:
        for block in range(options.blocks):
            console.print(f"{chosen.name}: block {block + 1} of {options.blocks} …")
            ours.append(_measured(lambda: batched(panel, chosen)) / len(panel))
            some = at[1 + block * options.sample :][: options.sample]
            seconds = _measured(lambda some=some: [stock(histories[i]) for i in some])
            stocks.append(seconds / len(some))
            if other is not None:
                others.append(other())
    name = chosen.name
    result: dict[str, Any] = {
        f"{name}_seconds": median(each.cpu for each in ours) * len(panel),
        f"{name}_seconds_by_the_clock": median(each.clock for each in ours) * len(panel),
        f"{name}_stock_seconds_a_series": median(each.cpu for each in stocks),
        f"{name}_x_stock": _ratio(stocks, ours),
        f"{name}_x_stock_by_the_clock": median(
            a.clock / b.clock for a, b in zip(stocks, ours, strict=True)
        ),
    }
    result[f"{name}_x_prophet_batch"] = _ratio(others, ours) if others else None
    return result


class _Seconds:
    """What something took: of the processor, and by the clock."""

    def __init__(self, cpu: float, clock: float) -> None:
        self.cpu, self.clock = cpu, clock

    def __truediv__(self, parts: int) -> "_Seconds":
        return _Seconds(self.cpu / parts, self.clock / parts)


def _measured(job: Callable[[], object]) -> _Seconds:
    def processor() -> float:
        who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        used = [resource.getrusage(each) for each in who]
        return sum(each.ru_utime + each.ru_stime for each in used)

    cpu, clock = processor(), time.perf_counter()
    job()
    return _Seconds(processor() - cpu, time.perf_counter() - clock)


def _ratio(slow: list[_Seconds], quick: list[_Seconds]) -> float:
    return median(a.cpu / b.cpu for a, b in zip(slow, quick, strict=True))


def batched(panel: Panel, chosen: Strategy) -> None:
    """The job for every series."""
    days = panel.window(AS_OF.date(), chosen.window_days).open_days()
    long = np.flatnonzero(days.rows >= FOLDS * HORIZON + 2)
    days = days.select(long.tolist())
    blocks = np.full(len(days), HORIZON)
    [walk] = BatchedEngine().walk_forward(days, [chosen], design(days, chosen), blocks)
    starts = days.offsets[:-1, None] + fold_cuts(days.rows, blocks, FOLDS)[:, :-1]
    actual = days.units[starts[:, :, None] + np.arange(HORIZON)]
    mean_metrics(fold_metrics(actual, walk.band))
    models = []
    for i, reason in enumerate(walk.reasons):
        if reason is None:
            model = walk.model(i)
            models.append(
                SeriesModel(
                    members=(model,),
                    last_day=model.last_day,
                    cap=2 * model.y_scale,
                    never_open_weekdays=model.never_open_weekdays,
                )
            )
    forecast(models, AS_OF.date(), HORIZON)


@contextmanager
def _prophet_batch(
    histories: list[pd.DataFrame], chosen: Strategy, python: str | None
) -> Iterator[Callable[[], _Seconds] | None]:
    """The job by prophet-batch on a sample of the series, once per call, a series' share."""
    if python is None:
        yield None
        return
    sample = histories[:: max(len(histories) // (100 if chosen.window_days else 30), 1)]
    trains, tests = [], []
    for i, history in enumerate(sample):
        for k, (start, end) in enumerate(folds(len(history))):
            trains.append(history[:start].assign(unique_id=f"{i}-{k}"))
            tests.append(history[start:end].assign(unique_id=f"{i}-{k}"))
    finals = [history.assign(unique_id=str(i)) for i, history in enumerate(sample)]
    with tempfile.TemporaryDirectory() as folder:
        for name, frames in {"folds": trains, "tests": tests, "finals": finals}.items():
            pd.concat(frames).to_csv(Path(folder) / f"{name}.csv", index=False)
        with subprocess.Popen(
            [python, "-c", _PROPHET_BATCH, folder, str(HORIZON)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            stdin, stdout = child.stdin, child.stdout

            def job() -> _Seconds:
                stdin.write("\n")
                stdin.flush()
                line = stdout.readline()
                if not line:
                    raise SystemExit(f"prophet-batch does not run under {python}: see above")
                cpu, clock = (float(each) for each in line.split())
                return _Seconds(cpu, clock) / len(sample)

            job()  # imports, caches
            yield job
            stdin.close()


def _panel(frame: pd.DataFrame) -> Panel:
    """The sales as a panel; `frame` is sorted by store, then date."""
    rows = frame.groupby("store", sort=False).size()
    return Panel(
        keys=tuple((store, "total") for store in rows.index),
        offsets=np.r_[0, rows.cumsum()].astype(np.int64),
        dates=frame["date"].to_numpy("datetime64[D]"),
        units=frame["units"].to_numpy(float),
        is_open=frame["open"].to_numpy(bool),
    )


def _histories(frame: pd.DataFrame, chosen: Strategy) -> list[pd.DataFrame]:
    """Each store's open days in the window, in columns ds and y."""
    open_days = frame[frame["open"] & (frame["date"] < AS_OF)]
    if chosen.window_days is not None:
        open_days = open_days[open_days["date"] >= AS_OF - timedelta(days=chosen.window_days)]
    renamed = open_days.rename(columns={"date": "ds", "units": "y"})
    return [
        rows[["ds", "y"]].reset_index(drop=True) for _, rows in renamed.groupby("store", sort=False)
    ]


if __name__ == "__main__":
    main()

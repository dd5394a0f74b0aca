"""All series retrained end to end, against plain stock Prophet on the same cores.

The yardstick is the plain loop that a per-series job runs: five walk-forward folds of 7 open
days with a `Prophet.fit` and a `Prophet.predict` each, a final fit, a 7-day forecast; one
process per core, nothing batched. It runs on a sample of the series, spread evenly, and is
scaled up.
"""

import os
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import pandas as pd
import psycopg

from tests.benchmarks.report import report
from tests.benchmarks.system import client, console, ingest, options_of, running_stack, sales, wait

KEYS = ("series", "strategy", "succeeded", "seconds", "stock_seconds", "ratio")
AS_OF = pd.Timestamp("2015-08-01")
WINDOW_DAYS, FOLDS, HORIZON = 120, 5, 7


def folds(rows: int) -> list[tuple[int, int]]:
    """First and last row (not included) of each test block: scikit-learn's
    `TimeSeriesSplit(5, test_size=7)`, as long as the rows suffice.
    """
    test = min(HORIZON, rows // (FOLDS + 1))
    return [(rows - back * test, rows - (back - 1) * test) for back in range(FOLDS, 0, -1)]


def stock(history: pd.DataFrame) -> None:
    """One series by stock Prophet alone."""
    from functions.forecasting.prophet.quiet import Prophet

    def fitted(rows: pd.DataFrame) -> "Prophet":
        model = Prophet(weekly_seasonality=True, daily_seasonality=False, interval_width=0.95)
        return model.fit(rows)

    for start, end in folds(len(history)):
        held_out = history.iloc[start:end]
        miss = held_out["y"].to_numpy() - fitted(history.iloc[:start]).predict(held_out)["yhat"]
        np.sqrt(np.mean(miss**2)), np.mean(np.abs(miss)), np.median(np.abs(miss))
    final = fitted(history)
    final.predict(final.make_future_dataframe(HORIZON, include_history=False))


def stock_seconds(frame: pd.DataFrame, sample: int) -> float:
    """Seconds of stock Prophet for every series of the frame, from a sample, on all cores."""
    start = AS_OF - pd.Timedelta(days=WINDOW_DAYS)
    window = frame[(frame["date"] >= start) & frame["open"]]
    stores = window["store"].unique()
    chosen = stores[np.linspace(0, len(stores) - 1, min(sample, len(stores))).astype(int)]
    histories = [
        pd.DataFrame({"ds": rows["date"], "y": rows["units"]}).reset_index(drop=True)
        for store in chosen
        for rows in (window[window["store"] == store],)
    ]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(stock, histories[: 2 * (os.cpu_count() or 1)]))  # imports, caches
        began = time.perf_counter()
        list(pool.map(stock, histories))
        return (time.perf_counter() - began) * len(stores) / len(histories)


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--series", type=int, default=1115)
    parser.add_argument("--strategy", default="windowed")
    parser.add_argument("--days", type=int, default=200, help="days of history; 1000 for all")
    parser.add_argument("--sample", type=int, default=100, help="series of the yardstick")
    options = parser.parse_args()
    frame = sales(options.series, options.days)
    series = frame["store"].nunique()
    console.print("the yardstick, first half …")
    before = stock_seconds(frame, options.sample)
    with running_stack(options.home) as settings:
        ingest(settings, frame)
        console.print(f"retraining {series:,} series …")
        with client(settings) as api, psycopg.connect(settings.database, autocommit=True) as db:
            began = time.perf_counter()
            wishes = {"all": True, "strategy": options.strategy, "policy": "always"}
            run_id = api.post("/retrain", json=wishes).json()["run_id"]
            wait(partial(_completed, api, run_id))
            counts = api.get(f"/runs/{run_id}").json()["counts"]
            wait(lambda: _forecast_rows(db, run_id) == HORIZON * counts["succeeded"], 0.05)
            seconds = time.perf_counter() - began
    console.print("the yardstick, second half …")
    yardstick = (before + stock_seconds(frame, options.sample)) / 2
    result = {
        "series": series,
        "strategy": options.strategy,
        "succeeded": counts["succeeded"],
        "seconds": seconds,
        "stock_seconds": yardstick,
        "ratio": seconds / yardstick,
    }
    report("all series: request to last forecast row", result, options.json)


def _completed(api, run_id: str) -> bool:
    answer = api.get(f"/runs/{run_id}")
    return answer.status_code == 200 and answer.json()["state"] == "completed"


def _forecast_rows(db: psycopg.Connection, run_id: str) -> int:
    row = db.execute(
        "SELECT count(*) FROM forecasts JOIN model_versions USING (model_id) WHERE run_id = %s",
        [run_id],
    ).fetchone()
    return 0 if row is None else int(row[0])


if __name__ == "__main__":
    main()

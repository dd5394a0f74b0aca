"""How good forecasts are: rolling weekly origins, strategies beside yardsticks.

The real Rossmann sales where they are, else generated ones; a FILE of sales, as the import reads
it; or real panels, by name or all of them (60 series of each, unless --series says otherwise).
`ratio` is the WAPE of the default strategy over that of the best row; `beats_mean4` the share of
series with 30 days of sales whose errors sum to less than those of the mean of the last four same
weekdays, `beats_naive` that against the same with the promotion flag. A strategy other than the
default is taken as it is, even where the naive would serve.

    python -m tests.benchmarks.bench_accuracy [--json] [--data FILE | --panel NAME … | --all] …

PYTHON of --statsforecast is an interpreter that has the PyPI package statsforecast, for AutoETS.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from events.payloads import DEFAULT_STRATEGY
from functions.forecasting.series.panel import Panel
from functions.forecasting.strategy import BUILT_IN
from infra.sales_io.columns.layout import ColumnChoice
from tests.benchmarks.panels import PANELS, made_up, panel_of, sampled
from tests.benchmarks.rolling import Known, auto_ets, by_strategy, origins, same_days
from tests.benchmarks.system import console

KEYS = ("panels", "tables")
STRATEGIES = (
    DEFAULT_STRATEGY,
    *BUILT_IN[DEFAULT_STRATEGY].candidates,
    *(name for name in ("full", "windowed") if name not in BUILT_IN[DEFAULT_STRATEGY].candidates),
)
SAMPLE = 60  # series of each panel, so that all take a quarter of an hour at most
REFERENCE = "rossmann"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, metavar="FILE", help="sales, as the import reads them")
    for column in ("store", "product", "date", "units", "open"):
        parser.add_argument(f"--{column}-column")
    parser.add_argument("--driver-columns", help="comma-separated")
    parser.add_argument("--date-format")
    parser.add_argument("--missing-days", choices=["closed", "zero"], default="closed")
    parser.add_argument("--panel", action="append", choices=sorted(PANELS), help="a real panel")
    parser.add_argument("--all", action="store_true", help="every real panel that is there")
    parser.add_argument("--origins", metavar="A..B", help="first days of weeks; B at most")
    parser.add_argument("--weeks", choices=["all", "even", "odd"], default="all")
    parser.add_argument("--series", type=int, help="only so many, spread over all")
    parser.add_argument("--strategies", default=",".join(STRATEGIES))
    parser.add_argument("--sample", type=int, default=40, help="series for slow yardsticks")
    parser.add_argument("--stock", action="store_true", help="stock Prophet on the sample too")
    parser.add_argument("--statsforecast", metavar="PYTHON", help="an interpreter that has it")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    panels: dict[str, dict[str, Any]] = {}
    tables: dict[str, dict[str, Any]] = {}
    for name, panel in _panels(options):
        days = list(origins(panel, options.origins, options.weeks))
        console.print(f"{name}: {len(panel):,} series, {len(days)} weeks from {days[0]}")
        tables[name] = _judged(Known(panel, days), options)
        panels[name] = _summary(tables[name])
        _show(f"{name}: {len(panel):,} series, {len(days)} weeks from {days[0]}", tables[name])
    _show("all panels", panels)
    _show(
        "how much of it the 95 % interval covers, by day ahead, weekday, and half of the series",
        {name: next(iter(rows.values()))["covered"] for name, rows in tables.items()},
    )
    if options.json:
        print(json.dumps({"panels": panels, "tables": tables}))


def _judged(known: Known, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """A row for each strategy and each yardstick."""
    rows: dict[str, dict[str, Any]] = {}
    for name in options.strategies.split(","):
        began = time.perf_counter()
        rows[name] = known.judge(partial(by_strategy, name=name))
        rows[name]["seconds"] = round(time.perf_counter() - began, 1)
    rows["seasonal-naive"] = known.judge(partial(same_days, count=1, flag=None))
    rows["mean4"] = known.judge(partial(same_days, count=4, flag=None))
    if options.statsforecast:
        ets = partial(auto_ets, python=options.statsforecast)
        rows["auto-ets (sample)"] = known.sample(options.sample).judge(ets)
    if options.stock:
        stock = partial(by_strategy, name="full", engine_name="prophet")
        rows["stock full (sample)"] = known.sample(min(options.sample, 8)).judge(stock)
    return rows


def _summary(rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The default strategy (or the first that was asked for) against the best other row."""
    first = next(iter(rows))
    auto = rows[first]
    others = {name: row["wape"] for name, row in rows.items() if name != first}
    others = {name: wape for name, wape in others.items() if "(sample)" not in name}
    best = min(others, key=lambda name: others[name])
    return {
        "auto_wape": auto["wape"],
        "best": best,
        "best_wape": others[best],
        "ratio": auto["wape"] / others[best],
        "bias": auto["bias"],
        "coverage": auto["coverage"],
        "beats_mean4": auto["beats_mean4"],
    }


def _panels(options: argparse.Namespace) -> Iterator[tuple[str, Panel]]:
    """What to measure on, with its name."""
    if options.data is not None:
        drivers = options.driver_columns
        choice = ColumnChoice(
            store=options.store_column,
            product=options.product_column,
            date=options.date_column,
            units=options.units_column,
            open=options.open_column,
            drivers=None if drivers is None else tuple(filter(None, drivers.split(","))),
            date_format=options.date_format,
        )
        panel = panel_of(options.data, choice, options.missing_days)
        yield options.data.name.split(".")[0], sampled(panel, options.series)
        return
    if options.panel or options.all:
        for name in PANELS if options.all else options.panel:
            if not PANELS[name].path.exists():
                console.print(f"{name}: skipped, as there is no {PANELS[name].file}")
                continue
            yield name, sampled(PANELS[name].read(), options.series or SAMPLE)
        return
    if PANELS[REFERENCE].path.exists():
        yield REFERENCE, sampled(PANELS[REFERENCE].read(), options.series)
    else:
        yield "made-up", made_up(options.series or 200)


def _show(title: str, rows: dict[str, dict[str, Any]]) -> None:
    """The rows as a table."""
    every = (name for row in rows.values() for name in row if not isinstance(row[name], dict))
    names = list(dict.fromkeys(every))
    table = Table("", *names, title=title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for label, row in rows.items():
        table.add_row(label, *(_cell(row.get(name)) for name in names))
    Console(width=150).print(table)


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:,.3f}" if abs(value) < 50 else f"{value:,.0f}"


if __name__ == "__main__":
    sys.exit(main())

"""`shelfcast demo`: run the whole system on streamed sales, in one command."""

import asyncio
import json
import signal
import sys
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from infra.local.progress import Progress
    from infra.settings import Settings

SERIES, DAYS = 30, 400  # generated without a file: few enough that nobody waits long
SHOWN = 10  # series in the table
POLL = 0.25  # seconds


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(demo)


def demo(
    once: Annotated[bool, typer.Option(help="End after the forecasts.")] = False,
    series: Annotated[int | None, typer.Option(min=1, help="Use only N series.")] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Sales file that `shelfcast sales import` reads; unset: generated sales."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON and nothing else.")
    ] = False,
) -> None:
    """Start the stack, stream sales through it, retrain every series, show next week's forecasts.

    Sales of an earlier demo are kept, and used if no file is named.
    """
    from infra.cli.stack import checked_settings
    from infra.local import stack
    from infra.local.progress import shown
    from infra.local.status import status

    if data is not None:
        _check(data)
    settings = checked_settings()
    ran_before = all(part.state in ("ready", "elsewhere") for part in status(settings))
    signal.signal(signal.SIGTERM, _interrupted)  # so that it ends what it started
    try:
        with shown() as progress:
            began = time.monotonic()
            demo = Demo(stack.up(settings, progress), progress)
            demo.seconds["start"] = time.monotonic() - began
            summary = demo.run(data, series)
        if as_json:
            json.dump(summary, sys.stdout)
            sys.stdout.write("\n")
        else:
            demo.print(summary)
        if not once:
            typer.echo("\nThe stack runs until Ctrl-C.", err=as_json)
            _wait_for_interrupt()
    finally:
        # A stack that ran before the demo goes on after it.
        if not ran_before:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is ending already
            with shown() as progress:
                stack.down(settings, progress)


def _check(data: Path) -> None:
    """Raise BadInput for a file that the import can't read without options."""
    from infra.errors import BadInput
    from infra.sales_io.columns.layout import ColumnChoice, choose_layout
    from infra.sales_io.tables.opening import open_source

    try:
        choose_layout(open_source(data).header, ColumnChoice())
    except BadInput as error:
        raise BadInput(
            f"--data: {error}; a file with columns of its own comes in by `shelfcast up` and "
            "`shelfcast sales import`, and a demo without --data then uses it"
        ) from None


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def _wait_for_interrupt() -> None:
    try:
        while True:
            signal.pause()
    except KeyboardInterrupt:
        return


@dataclass
class Demo:
    """The stages of the demo on a running stack."""

    settings: "Settings"
    progress: "Progress"
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from infra.cli.client import Client

        self._api = Client(self._address)

    def close(self) -> None:
        """Close the connection to the API."""
        self._api.close()

    def run(self, data: Path | None, series: int | None) -> dict[str, Any]:
        """Run all stages. Return counts, failures and the seconds of each stage."""
        if data is not None or not self.has_sales():
            self._stage("sales", self._bring_in, data, series)
        run = self._stage("retrain", self._retrain)
        forecasts = self._stage("forecasts", self.wait_for_forecasts, run)
        return {
            "series": run["counts"]["planned"],
            "sales": self._number("SELECT count(*) FROM daily_sales"),
            "trained": run["counts"]["succeeded"],
            "failed": run["counts"]["failed"],
            "forecasts": forecasts,
            "seconds": {name: round(spent, 2) for name, spent in self.seconds.items()},
            "run_id": run["run_id"],
            "as_of": run["as_of"],
            "failures": run["failures"],
        }

    def has_sales(self) -> bool:
        """Say whether Postgres has sales already."""
        return bool(self._rows("SELECT 1 FROM daily_sales LIMIT 1"))

    def _stage(self, name: str, work: Any, *arguments: Any) -> Any:
        self.progress.begin(name, "…")
        start = time.monotonic()
        result, outcome = work(*arguments)
        self.seconds[name] = time.monotonic() - start
        self.progress.end(name, outcome)
        return result

    def _bring_in(self, data: Path | None, series: int | None) -> tuple[None, str]:
        """Publish sales and wait until Spark has persisted them all."""
        published, recorded_at = asyncio.run(self._publish(data, series))
        persisted = "SELECT count(*) FROM daily_sales WHERE recorded_at = %s"
        while (rows := self._number(persisted, recorded_at)) < published:
            self.progress.begin("sales", f"{rows:,} of {published:,} persisted")
            time.sleep(POLL)
        self._rows("ANALYZE daily_sales")
        return None, f"{published:,} sales came in as events and are persisted"

    async def _publish(self, data: Path | None, series: int | None) -> tuple[int, Any]:
        from events.clock import utc_now, utc_today
        from events.kafka import KafkaProducer
        from infra.sales_io.generator import generate_sales
        from infra.sales_io.publishing.event_records import encode_sales
        from infra.sales_io.publishing.import_sales import import_sales

        def show(phase: str, done: int, of: int | None) -> None:
            self.progress.begin("sales", f"{phase} {done:,}" + (f" of {of:,}" if of else ""))

        producer = KafkaProducer(self.settings.kafka)
        try:
            if data is not None:
                summary = await import_sales(
                    data, producer, missing_days="closed", progress=show, most_series=series
                )
                return summary.published, summary.recorded_at
            until = utc_today() - timedelta(days=1)
            frame = generate_sales(series or SERIES, days=DAYS, until=until)
            recorded_at = utc_now()
            await producer.send(encode_sales(frame, "shelfcast/demo", recorded_at))
            return len(frame), recorded_at
        finally:
            await producer.close()

    def _retrain(self) -> tuple[dict[str, Any], str]:
        from infra.cli.errors import NotFound

        body = {"all": True, "requested_by": "demo"}
        run_id = self._api.post("retrain", body=body)["run_id"]
        while True:
            try:
                run: dict[str, Any] = self._api.get("runs", run_id)
            except NotFound:  # the planner has not read the request yet
                time.sleep(POLL)
                continue
            counts = run["counts"]
            if run["state"] == "coalesced":
                run_id = run["coalesced_into"]
                continue
            if run["state"] != "running":
                return run, f"{counts['succeeded']:,} trained, {counts['failed']:,} failed"
            done = counts["planned"] - counts["pending"]
            self.progress.begin("retrain", f"{done:,} of {counts['planned']:,} series")
            time.sleep(POLL)

    def wait_for_forecasts(self, run: dict[str, Any]) -> tuple[int, str]:
        """Return the served days of the run's series, once all start at the run's first day."""
        while (now := self._api.get("runs", run["run_id"])["forecasts"])["stale"]:
            self.progress.begin("forecasts", f"{now['current']:,} of {now['due']:,} series")
            time.sleep(POLL)
        days = now["current"] * run["horizon"]
        models = "SELECT count(*) FROM model_versions WHERE run_id = %s AND "
        kept = self._number(models + "NOT (verdict->>'promote')::bool", run["run_id"])
        others = f"; {kept:,} models stay challengers" if kept else ""
        return days, f"{days:,} days forecast{others}"

    def _number(self, statement: str, *parameters: object) -> int:
        [(number,)] = self._rows(statement, *parameters)
        return int(number)

    def _rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows, or none if it returns no rows."""
        import psycopg

        with psycopg.connect(self.settings.database) as connection:
            found = connection.execute(statement.encode(), parameters)
            return [] if found.description is None else found.fetchall()

    @property
    def _address(self) -> str:
        return f"http://{self.settings.http_host}:{self.settings.http_port}"

    def print(self, summary: dict[str, Any]) -> None:
        """Print some forecasts, the failures, and further commands."""
        from rich.console import Console

        console = Console()
        console.print(self._table())
        for failure in summary["failures"][:SHOWN]:
            series = f"{failure['store']}/{failure['product']}"
            console.print(f"[yellow]not trained[/] {series}: {failure['reason']}", soft_wrap=True)
        console.print(
            f"{summary['series']:,} series, {summary['sales']:,} sales, "
            f"{summary['trained']:,} models trained, {summary['failed']:,} failed, "
            f"{summary['forecasts']:,} days forecast.\n\nLook further:",
            soft_wrap=True,
            highlight=False,
        )
        store, product = self._first_series()
        for command in (
            f"forecast {store} {product} --plot",
            f"retrain --store {store} --wait",
            "runs",
        ):
            console.print(f"  .venv/bin/shelfcast {command}", soft_wrap=True, highlight=False)
        console.print(f"  {self._address}/docs", soft_wrap=True)

    def _first_series(self) -> tuple[str, str]:
        rows = self._rows("SELECT store, product FROM daily_sales ORDER BY store, product LIMIT 1")
        return rows[0] if rows else ("STORE", "PRODUCT")

    def _table(self) -> Any:
        from rich.table import Table

        rows = self._rows(
            "SELECT store, product, date, yhat FROM forecasts JOIN model_aliases"
            " USING (store, product, model_id) WHERE alias = 'champion'"
            " AND (store, product) IN (SELECT store, product FROM model_aliases"
            "  WHERE alias = 'champion' ORDER BY length(store), store, product LIMIT %s)"
            " ORDER BY length(store), store, product, date",
            SHOWN,
        )
        days = sorted({day for _, _, day, _ in rows})[:7]
        title = f"Forecasts from {days[0]:%d %B %Y}, in units" if days else "No forecasts"
        single = len({product for _, product, _, _ in rows}) == 1
        table = Table("store" if single else "store/product", title=title)
        for day in days:
            table.add_column(f"{day:%a %d}", justify="right")
        values = {(store, product, day): yhat for store, product, day, yhat in rows}
        for store, product in dict.fromkeys((row[0], row[1]) for row in rows):
            found = (values.get((store, product, day)) for day in days)
            label = store if single else f"{store}/{product}"
            table.add_row(label, *("" if v is None else f"{v:,.0f}" for v in found))
        return table

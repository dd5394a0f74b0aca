"""Files in the shape that people post in public: read right, or asked about, never read wrong."""

import datetime as dt
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from events.cloudevents import decode
from events.memory import MemoryLog
from events.payloads import SaleRecorded
from infra.errors import BadInput
from infra.sales_io.checking.allowance import Allowance, RowsRefused
from infra.sales_io.checking.import_summary import ImportSummary
from infra.sales_io.columns.layout import ColumnChoice
from infra.sales_io.publishing.import_calendar import import_calendar
from infra.sales_io.publishing.import_sales import import_sales

DAYS = [dt.date(2026, 9, 24) + dt.timedelta(days=number) for number in range(60)]


class Imported:
    """What an import of a file of this text put on the log."""

    def __init__(self, folder: Path) -> None:
        self.path, self.log = folder / "sales.csv", MemoryLog()
        self.summary = ImportSummary("", dt.datetime.now(dt.UTC))

    async def of(self, text: str | bytes, **options: Any) -> list[SaleRecorded]:
        said = {n: options.pop(n) for n in list(options) if n in ColumnChoice.__slots__}
        self.path.write_bytes(text if isinstance(text, bytes) else text.encode())
        choice = ColumnChoice(**said)
        self.summary = await import_sales(self.path, self.log.producer(), choice, **options)
        events = [decode(r.value, r.headers).data for r in self.log.records("sales")]
        return sorted(events, key=lambda sale: (sale.store, sale.product, sale.date))

    async def asks(self, text: str | bytes, said: str, **options: Any) -> None:
        with pytest.raises(BadInput, match=said) as raised:
            await self.of(text, **options)
        assert "\n" not in str(raised.value)
        assert self.log.records("sales") == []


@pytest.fixture
def imported(tmp_path: Path) -> Imported:
    return Imported(tmp_path)


def table(rows: list[str], header: str = "store,date,units") -> str:
    return header + "\n" + "".join(f"{row}\n" for row in rows)


async def test_german_sales_are_read_whole_and_a_column_of_thousands_alone_is_asked_for(
    imported: Imported,
) -> None:
    rows = [f"Köln;{day:%d.%m.%Y};1.{200 + day.day}" for day in DAYS]
    header = "Filiale;Datum;Menge"
    said = r"Menge: numbers like 1\.224 .* --decimal comma \(1\.224 is 1224\) or --decimal point"
    await imported.asks(table(rows, header), said)
    (first, *_) = await imported.of(table([*rows, "Bonn;24.09.2026;987,5"], header))
    assert (first.store, first.units, first.date) == ("Bonn", 987.5, DAYS[0])
    assert {sale.units for sale in await imported.of(table(rows, header), decimal="comma")} >= {
        1224
    }


async def test_money_is_read_without_its_sign_and_two_currencies_are_refused(
    imported: Imported,
) -> None:
    text = table(['A,2026-09-24,"$1,234.50"', "A,2026-09-25,($12.00)"])
    await imported.asks(
        text, r"--returns: not given, and 1 row sold less than nothing, like \(\$12"
    )
    sales = await imported.of(text, returns="zero")
    assert [sale.units for sale in sales] == [1234.5, 0]
    with pytest.raises(BadInput, match="amounts in 2 currencies, like"):
        await imported.of(table(["A,2026-09-24,$1", "A,2026-09-25,€1"]))


TICKETS = ["A,2026-09-24,1", "A,2026-09-24,1", "A,2026-09-24,2", "A,2026-09-25,1"]


async def test_tickets_are_summed_or_asked_about_and_never_taken_for_one(imported: Imported):
    await imported.asks(table(TICKETS), "--duplicates: not given, and 2 rows are of a store")
    await imported.asks(table(TICKETS[:2]), "1 row is of .* with the same units as before")
    assert [sale.units for sale in await imported.of(table(TICKETS), duplicates="sum")] == [4, 1]
    summary = imported.summary
    assert (summary.accepted, summary.days_made, summary.published) == (4, 2, 2)


async def test_of_corrections_the_last_row_counts(imported: Imported) -> None:
    sales = await imported.of(table(TICKETS), duplicates="last")
    assert [sale.units for sale in sales] == [2, 1]


async def test_rows_of_a_day_that_are_wrong_are_rejected(imported: Imported) -> None:
    await imported.asks(table(TICKETS), "2 of 4 rows are rejected", duplicates="reject")
    sales = await imported.of(table(TICKETS), duplicates="reject", allow_rejects=Allowance(2))
    assert [sale.units for sale in sales] == [1, 1]


async def test_a_row_of_nothing_that_is_said_twice_needs_no_answer(imported: Imported) -> None:
    assert len(await imported.of(table(["A,2026-09-24,0"] * 2))) == 1
    assert imported.summary.repeated == 1


async def test_what_drives_a_summed_day_is_the_mean_or_what_any_ticket_says(
    imported: Imported,
) -> None:
    rows = ["A,2026-09-24,1,2.50,no,", "A,2026-09-24,2,3.50,yes,a", "A,2026-09-24,1,,,b"]
    sales = await imported.of(
        table(rows, "store,date,units,price,promo,kind"),
        duplicates="sum",
        drivers=("price", "promo", "kind"),
    )
    assert [(s.units, s.drivers) for s in sales] == [
        (4, {"price": 3.0, "promo": 1.0, "kind_a": 1.0, "kind_b": 1.0})
    ]


@pytest.mark.parametrize(
    ("returns", "duplicates", "units"),
    [("net", "sum", [3, 0]), ("zero", "sum", [5, 0]), ("net", "last", [0, 0])],
)
async def test_returns_are_what_a_person_says(
    imported: Imported, returns: str, duplicates: str, units: list[float]
) -> None:
    rows = ["A,2026-09-24,5", "A,2026-09-24,-2", "A,2026-09-25,-4"]
    sales = await imported.of(table(rows), returns=returns, duplicates=duplicates)
    assert [sale.units for sale in sales] == units


async def test_all_that_only_a_person_knows_is_asked_at_once(imported: Imported) -> None:
    said = "--duplicates: not given.*; and --returns: not given.*; and --missing-days: not given"
    await imported.asks(table([*TICKETS, "A,2026-10-25,-1", "A,2026-10-26,1"]), said)


FLAGS = [("True", "False"), ("1", "0"), ("ja", "Nein"), ("oui", "non"), ("Y", "N"), ("1.0", "0.0")]


@pytest.mark.parametrize(("yes", "no"), FLAGS)
@pytest.mark.parametrize("empty", ["", "NA", "null", "NaN", "-"])
async def test_a_flag_is_one_driver_in_every_spelling_in_sales_and_in_plans(
    imported: Imported, yes: str, no: str, empty: str
) -> None:
    rows = [f"A,2026-09-24,1,{yes}", f"A,2026-09-25,1,{no}", f"A,2026-09-26,1,{empty}"]
    sales = await imported.of(table(rows, "store,date,units,promo"), drivers=("promo",))
    assert [sale.drivers for sale in sales] == [{"promo": 1.0}, {"promo": 0.0}, {}]
    plan = imported.path.with_name("plan.csv")
    plan.write_text(table([row.replace(",1,", ",") for row in rows], "store,date,promo"))
    choice = ColumnChoice(store="store", date="date", drivers=("promo",))
    summary = await import_calendar(plan, imported.log.producer(), choice)
    assert (summary.drivers, summary.rejected) == (("promo",), 0)
    plans = [decode(r.value, r.headers).data for r in imported.log.records("calendar")]
    assert [plan.drivers for plan in plans] == [sale.drivers for sale in sales]


async def test_a_header_that_is_said_again_is_no_row_and_makes_no_words(imported: Imported):
    header = "Store,Date,Units,Promo"
    rows = [f"A,{day},{number},{number % 2}" for number, day in enumerate(DAYS)]
    sales = await imported.of(
        table([*rows[:20], header, *rows[20:], header], header), drivers=("Promo",)
    )
    assert len(sales) == 60
    assert imported.summary.drivers == ("promo",)
    assert "2 repeated header lines left out" in imported.summary.notes


async def test_a_stray_word_in_a_column_of_numbers_makes_no_drivers(imported: Imported) -> None:
    rows = [f"A,{day},{number},{number % 2}" for number, day in enumerate(DAYS)]
    rows[7] = f"A,{DAYS[7]},7,O"
    await imported.asks(
        table(rows, "store,date,units,promo"),
        "promo: 1 row, like 'O' in line 9: not a number",
        drivers=("promo",),
    )


async def test_too_many_words_for_drivers_are_refused_in_one_message(imported: Imported) -> None:
    rows = [f"A,{day},1,word {number}" for number, day in enumerate(DAYS)]
    await imported.asks(
        table(rows, "store,date,units,note"), "more than 20 different words", drivers=("note",)
    )


async def test_ids_written_as_floats_are_the_ids(imported: Imported) -> None:
    rows = [f"118.0,{day},1" for day in DAYS[:2]]
    assert {sale.store for sale in await imported.of(table(rows))} == {"118"}
    assert imported.summary.notes == ("store: whole numbers, 118.0 is 118",)
    kept = Imported(imported.path.parent)
    assert {s.store for s in await kept.of(table(rows), names_as_written=True)} == {"118.0"}


@pytest.mark.parametrize("names", [("007", "8.0"), ("1.0", "1.5"), ("0.5", "2.0"), ("A1", "2")])
async def test_names_that_are_no_whole_numbers_stay_as_they_are(
    imported: Imported, names: tuple[str, ...]
) -> None:
    rows = [f"{name},2026-09-24,1" for name in names]
    assert {sale.store for sale in await imported.of(table(rows))} == set(names)


async def test_names_that_may_be_one_or_two_are_asked_about(imported: Imported) -> None:
    rows = [f"{name},2026-09-24,1" for name in ("118", "118.0", "web")]
    await imported.asks(table(rows), "118 and 118.0 may be one name or two")
    await imported.asks(table(["1.2E+05,2026-09-24,1"]), "a number that a spreadsheet shortened")


@pytest.mark.parametrize("other", [unicodedata.normalize("NFD", "Zürich HB"), "Zürich\u00a0HB"])
async def test_two_spellings_of_one_name_are_one_series(imported: Imported, other: str) -> None:
    rows = [f"{name},{day},1" for name, day in zip(("Zürich HB", other), DAYS, strict=False)]
    assert {sale.store for sale in await imported.of(table(rows))} == {"Zürich HB"}
    assert "several spellings of one name are one, like Zürich HB" in imported.summary.notes[0]


async def test_slashes_and_long_names_are_refused_in_words_and_have_a_way_out(
    imported: Imported,
) -> None:
    names = ("MUSIC/CD/1", "x" * 70, "PLAIN")
    text = table([f"A,{name},2026-09-24,1" for name in names], "store,sku,date,units")
    await imported.asks(text, r"can't have '/'; give --replace-slash.*--shorten-names")
    sales = await imported.of(text, replace_slash="-", shorten_names=True)
    assert sorted(sale.product[:11] for sale in sales) == ["MUSIC-CD-1", "PLAIN", "x" * 11]
    assert {len(sale.product) for sale in sales} == {10, 5, 64}
    clash = table(["A,a/b,2026-09-24,1", "A,a-b,2026-09-24,1"], "store,sku,date,units")
    await Imported(imported.path.parent).asks(clash, "would both be a-b", replace_slash="-")


async def test_order_lines_count_on_their_local_day(imported: Imported) -> None:
    rows = ["A,2026-10-03 23:41:07 -0400,1", "A,2026-10-03 09:00:00 -0400,2"]
    sales = await imported.of(table(rows), duplicates="sum")
    assert [(sale.date, sale.units) for sale in sales] == [(dt.date(2026, 10, 3), 3)]


async def test_swapped_days_are_never_stored_whatever_is_allowed(imported: Imported) -> None:
    text = table([f"A,{day:%d/%m/%Y},1" for day in DAYS])
    said = "--date-format: %m/%d/%Y reads .* give --date-format day-first"
    for allowed in (Allowance(), Allowance(None)):
        await imported.asks(text, said, date_format="%m/%d/%Y", allow_rejects=allowed)
    assert [sale.date for sale in await imported.of(text)] == DAYS


async def test_day_numbers_of_a_spreadsheet_are_read_and_said(imported: Imported) -> None:
    sales = await imported.of(table(["A,46289,1", "A,46290,1"]))
    assert [sale.date for sale in sales] == DAYS[:2]
    assert imported.summary.notes == ("date: Excel's day numbers, 46289 is 2026-09-24",)


async def test_rows_of_a_week_are_named_where_missing_days_are_asked_about(imported: Imported):
    rows = [f"A,{DAYS[0] + dt.timedelta(weeks=number)},7" for number in range(8)]
    await imported.asks(table(rows), "--missing-days: .* if each row is the sum of a week")


@pytest.mark.parametrize(
    "header",
    [
        "store,product,date,units",
        "Filiale,Artikelnummer,Datum,Menge",
        "magasin,article,jour,quantité",
        "Tienda,Artículo,Fecha,Cantidad",
        "store_nbr,item_nbr,date,unit_sales",
        "StoreID,SKU,BusinessDate,UnitsSold",
        "Negozio,Prodotto,Data,Quantità",
        "店舗,商品,日付,数量",
    ],
)
async def test_headers_that_speak_for_themselves_need_no_option(
    imported: Imported, header: str
) -> None:
    (sale,) = await imported.of(table(["A,x,2026-09-24,1"], header))
    assert (sale.store, sale.product, sale.units) == ("A", "x", 1)


async def test_a_person_who_names_every_needed_column_has_named_all(imported: Imported) -> None:
    text = table(["A,x,2026-09-24,1"], "store,product,date,units")
    (sale,) = await imported.of(text, store="store", date="date", units="units")
    assert sale.product == "total"


async def test_two_columns_that_could_be_the_same_are_asked_about(imported: Imported) -> None:
    text = table(["A,B,2026-09-24,1"], "store,branch,date,units")
    await imported.asks(text, "--store-column: not given, and 2 columns could be it: store, branch")


async def test_nothing_is_published_where_a_row_is_rejected_and_the_reasons_are_one_a_column(
    imported: Imported,
) -> None:
    rows = [
        f"A,{day},{'many' if day.day == 1 else 'no idea' if day.day == 2 else 1}" for day in DAYS
    ]
    with pytest.raises(RowsRefused) as refused:
        await imported.of(table(rows))
    assert imported.log.records("sales") == []
    summary = refused.value.summary
    assert (summary.refused, summary.rejected, summary.published) == (True, 4, 0)
    assert len(summary.rejections) == 1
    assert "units: 4 rows, like 'many' in line 9, 'no idea' in line 10" in summary.rejections[0]
    for allowed in (Allowance(4), Allowance(None, 0.07), Allowance(None)):
        fresh = Imported(imported.path.parent)
        assert len(await fresh.of(table(rows), allow_rejects=allowed, missing_days="closed")) == 56


async def test_a_hidden_character_in_a_number_is_named(imported: Imported) -> None:
    rows = ["A,2026-09-24,1\u00a0234", "A,2026-09-25,\uff14\uff12", "A,2026-09-26,1\u00ad2"]
    await imported.asks(
        table(rows), r"'1<U\+00AD>2' in line 4: not a number; it has soft hyphen \(U\+00AD\)"
    )
    sales = await imported.of(table(rows), allow_rejects=Allowance(1))
    assert [sale.units for sale in sales] == [1234, 42]

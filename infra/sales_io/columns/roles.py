"""Which role a column has by its name: the names that people give a sale's columns."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

Role = Literal["store", "product", "date", "units", "open"]

# English, German, French, Spanish, Italian, Portuguese, Dutch, Nordic, Polish, Czech, Turkish,
# Russian, Chinese, Japanese. Without names of money (revenue, Umsatz), which is not units.
NAMES: dict[Role, str] = {
    "store": "store, store id, store nbr, store number, store no, store code, store name, "
    "storeid, shop, shop id, shop name, branch, branch id, outlet, outlet id, "
    "location, location id, site, site id, filiale, filial nr, filialnr, "
    "filialnummer, filial id, filialname, markt, marktnummer, laden, standort, "
    "verkaufsstelle, magasin, boutique, point de vente, pdv, tienda, sucursal, "
    "local, negozio, punto vendita, loja, filial, winkel, vestiging, butik, "
    "butikk, forretning, sklep, obchod, prodejna, pobocka, magaza, sube, магазин, "
    "店舗, 店舗名, 門店, 门店, 店铺",
    "product": "product, product id, product code, product name, product nbr, productid, item, "
    "item id, item nbr, item number, item no, item code, item name, itemid, sku, sku id, article, "
    "article id, article number, article no, artikel, artikelnummer, artikel nr, artikelnr, "
    "artikel id, artikelbezeichnung, produkt, produktnummer, ware, produit, code produit, "
    "code article, reference, producto, articulo, codigo producto, prodotto, articolo, produto, "
    "vare, varenummer, towar, vyrobek, zbozi, urun, товар, артикул, 商品, 商品名, "
    "商品コード, ean, gtin, upc",
    "date": "date, day, ds, sale date, sales date, date of sale, business date, calendar date, "
    "transaction date, order date, datum, tag, verkaufsdatum, belegdatum, buchungsdatum, "
    "kalendertag, jour, date de vente, fecha, dia, fecha de venta, data, giorno, data vendita, "
    "data da venda, dato, dag, dzien, data sprzedazy, tarih, дата, 日付, 日期, 売上日",
    "units": "units, unit sales, units sold, sold units, sales units, sold, qty, qty sold, "
    "sales qty, quantity, quantity sold, sold quantity, sales quantity, menge, anzahl, stuck, "
    "stueck, stuckzahl, verkaufte menge, verkaufsmenge, absatz, absatzmenge, quantite, qte, "
    "quantite vendue, unites, unites vendues, cantidad, cantidad vendida, unidades, "
    "unidades vendidas, quantita, quantita venduta, qta, pezzi, quantidade, qtd, qtde, aantal, "
    "antal, ilosc, mnozstvi, miktar, adet, количество, 数量, 販売数, 销量",
    "open": "open, is open, geoffnet, offen, ouvert, abierto, aperto",
}
SECOND: dict[Role, str] = {  # used only if no column has a name listed above
    "units": "sales, verkaufe, verkaeufe, verkauf, ventes, ventas, vendite, vendas, y",
    "date": "created at, timestamp, datetime, date time, zeitstempel, time",
}


@lru_cache(4096)
def plain(name: str) -> str:
    """The name without accents, capitals and punctuation: `Store_Nbr` becomes `store nbr`."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    letters = unicodedata.normalize("NFKD", words.replace("ß", "ss").replace("ł", "l"))
    bare = "".join(c for c in letters if not unicodedata.combining(c)).lower()
    return " ".join(re.sub(r"[\W_]+", " ", unicodedata.normalize("NFC", bare)).split())


def _table(names: dict[Role, str]) -> dict[str, Role]:
    return {plain(name): role for role, listed in names.items() for name in listed.split(", ")}


BEST, GOOD = _table(NAMES), _table(SECOND)


def role_of(name: str) -> Role | None:
    """The role of a column with this name; None if the name does not say."""
    return BEST.get(plain(name)) or GOOD.get(plain(name))


def columns_of(role: Role, header: Sequence[str]) -> list[str]:
    """The columns whose names say this role; those named in SECOND only if there are no others."""
    names = list(dict.fromkeys(header))
    best = [name for name in names if BEST.get(plain(name)) == role]
    return best or [name for name in names if GOOD.get(plain(name)) == role]

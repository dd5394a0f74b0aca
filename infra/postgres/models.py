"""Model versions, their aliases, and the history of aliases, in Postgres."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import from_json

from events.payloads import MAX_INTEGER, Compared, Finding, FoldMetrics
from functions.records import MAX_CHANGE, AliasChange, Model, Promotion, Series, Verdict
from infra.postgres.columns import columns
from infra.postgres.connections import Connections
from infra.postgres.queries import models as queries

FOLDS = TypeAdapter(tuple[FoldMetrics, ...])
COMPARISON = TypeAdapter(tuple[Compared, ...])
FINDINGS = TypeAdapter(tuple[Finding, ...])


class PostgresModels(Connections):
    """See `functions.ports.Models`."""

    async def champions(self, series: Sequence[Series]) -> dict[Series, Model]:
        """By alias."""
        rows = await (await self.pool()).fetch(queries.CHAMPIONS, *columns(series, 2))
        return {(row["store"], row["product"]): _model(row) for row in rows}

    async def up_to_date(
        self, store: str | None, product: str | None, since: date
    ) -> frozenset[Series]:
        """From the aliases."""
        rows = await (await self.pool()).fetch(queries.UP_TO_DATE, store, product, since)
        return frozenset(map(tuple, rows))

    async def versions_page(
        self, store: str, product: str, before: int | None, limit: int
    ) -> list[Model]:
        """Newest first, without parameters."""
        asked = (store, product, MAX_INTEGER if before is None else before, limit)
        return [
            _model(row) for row in await (await self.pool()).fetch(queries.VERSIONS_PAGE, *asked)
        ]

    async def alias_history_page(
        self, store: str, product: str, before: int | None, limit: int
    ) -> tuple[list[AliasChange], int | None]:
        """By the numbers that changes have."""
        asked = (store, product, MAX_CHANGE if before is None else before, limit)
        rows = [
            dict(r) for r in await (await self.pool()).fetch(queries.ALIAS_HISTORY_PAGE, *asked)
        ]
        numbers = [row.pop("id") for row in rows]
        return [AliasChange(**row) for row in rows], numbers[-1] if len(rows) == limit else None

    async def promotions(self, cause_ids: Sequence[str]) -> list[Promotion]:
        """From the history of aliases."""
        rows = await (await self.pool()).fetch(queries.PROMOTIONS, list(cause_ids))
        return [Promotion(**row) for row in rows]

    async def verdicts(self, model_ids: Sequence[str]) -> dict[str, tuple[int, Verdict]]:
        """From the models."""
        rows = await (await self.pool()).fetch(queries.VERDICTS, list(model_ids))
        return {r["model_id"]: (r["version"], Verdict(**from_json(r["verdict"]))) for r in rows}


def _model(row: Any) -> Model:
    values = dict(row)
    for column in ("metrics", "parameters", "versions"):
        values[column] = from_json(values[column])
    values["folds"] = FOLDS.validate_json(values["folds"])
    values["comparison"] = COMPARISON.validate_json(values["comparison"])
    values["findings"] = FINDINGS.validate_json(values["findings"])
    if values["verdict"] is not None:
        values["verdict"] = Verdict(**from_json(values["verdict"]))
    return Model(**values | {"aliases": tuple(values["aliases"])})

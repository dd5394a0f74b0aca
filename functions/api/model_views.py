"""What the routes of models take and answer."""

import datetime as dt
from typing import Annotated

from pydantic import (
    AfterValidator,
    Field,
    computed_field,
    model_validator,
)

from events.names import name
from events.payloads import (
    MAX_SERIES,
    Compared,
    Finding,
    FoldMetrics,
    PromotionAction,
    RunId,
    Version,
    check_promotion,
)
from functions.api.views import Repeatable, View
from functions.forecasting.findings import said


def _names_a_series(text: str) -> str:
    store, slash, product = text.partition("/")
    if not slash:
        raise ValueError("must be store/product, as GET /series has them")
    for part, given in (("store", store), ("product", product)):
        try:
            name(given)
        except ValueError as error:
            raise ValueError(
                f"must be store/product, as GET /series has them; its {part} {error}"
            ) from None
    return f"{name(store)}/{name(product)}"


SeriesName = Annotated[str, AfterValidator(_names_a_series)]


class PromoteBody(Repeatable):
    """Which model of a series to promote; with neither version nor model_id its challenger."""

    version: Version | None = Field(None, description="As in GET /models.")
    model_id: RunId | None = Field(None, description="The same by its id; instead of version.")

    @model_validator(mode="after")
    def _names_one(self) -> "PromoteBody":
        check_promotion("promote", 1, None, self.version, self.model_id)
        return self


class RollbackBody(Repeatable):
    """Why to go back to the champion before."""


class PromotionBody(Repeatable):
    """Many series at once: those named, or those of a run."""

    action: PromotionAction
    series: Annotated[tuple[SeriesName, ...], Field(max_length=MAX_SERIES)] = Field(
        (), description="Each as store/product. promote: their challengers; rollback: see there."
    )
    run_id: RunId | None = Field(
        None,
        description="Instead of series. promote: every model of the run; rollback: every series "
        "whose champion is of the run and replaced another.",
    )

    @model_validator(mode="after")
    def _names_some(self) -> "PromotionBody":
        check_promotion(self.action, len(self.series), self.run_id, None, None)
        return self


class PromotionAccepted(View):
    """A request for other champions that became an event."""

    request_id: str
    series: int = Field(description="How many series it concerns as things stand.")


class VerdictView(View):
    """Whether a model became champion when it was trained, and why."""

    promote: bool
    reason: str
    champion_model_id: str | None = Field(description="The champion that it was compared with.")
    score: float | None
    champion_score: float | None


class AliasChangeView(View):
    """A change of who is champion or challenger, from one version to another.

    It stays when these versions are kept no longer, and GET /models has them no more.
    """

    changed_at: dt.datetime
    alias: str = Field(description="champion or challenger")
    from_version: int | None = Field(validation_alias="previous_version")
    to_version: int | None = Field(validation_alias="version")
    from_model_id: str | None = Field(validation_alias="previous_model_id")
    to_model_id: str | None = Field(validation_alias="model_id")
    strategy: str | None = Field(description="By which the version forecasts that came.")
    as_of: dt.date | None = Field(description="As of when it was trained.")
    changed_by: str
    reason: str
    cause_id: str = Field(description="The request's id, or the model's that was trained.")


class AliasHistory(View):
    """Who was champion and challenger of a series when, newest change first."""

    store: str
    product: str
    changes: list[AliasChangeView]
    next: int | None = Field(description="For `before`, to see older ones; null: these were all.")


class ModelView(View):
    """A model version; `metrics` are cross-validated, in units but for MAPE."""

    model_id: str
    version: int
    aliases: list[str]
    run_id: str
    strategy: str
    chosen: str | None = Field(description="By which it forecasts: the strategy, or the naive.")
    policy: str = Field(description="When it was to become champion: always, if-better, never.")
    as_of: dt.date
    first_day: dt.date
    data_through: dt.date
    rows: int
    metrics: dict[str, float | None]
    folds: tuple[FoldMetrics, ...]
    comparison: tuple[Compared, ...]
    findings: tuple[Finding, ...] = Field(description="What a reader should know, as data.")
    verdict: VerdictView | None = Field(description="Null: trained before there were verdicts.")
    versions: dict[str, str]
    trained_at: dt.datetime

    @computed_field(description="The findings in words.")  # type: ignore[prop-decorator]
    @property
    def notes(self) -> list[str]:
        """In the words that the command line shows too."""
        return [said(each.code, each.values) for each in self.findings]


class Models(View):
    """A series' models, newest first."""

    store: str
    product: str
    models: list[ModelView]
    next: int | None = Field(description="For `before`, to see older ones; null: these were all.")

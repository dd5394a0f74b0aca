"""What payloads have in common: a key, a lane; of a series, of a run, of a scope."""

from abc import ABC, abstractmethod
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from events import names
from events.payloads.fields import EXPRESS_SERIES, MAX_SERIES, KeptName, Lane, Name, RunId


class Payload(BaseModel, ABC):
    """What every event's data have in common."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)

    TYPE: ClassVar[str]
    TOPIC: ClassVar[str]

    @property
    @abstractmethod
    def key(self) -> str:
        """The Kafka key: order holds among events of one key."""

    @property
    def subject(self) -> str:
        """What the event is about; unique among the effects of one cause."""
        return self.key

    @property
    def lane(self) -> Lane:
        """The lane that it begins on when it has no cause of ours."""
        return "bulk"


class SeriesRef(BaseModel):
    """One series: a product in a store, both named as the database has them."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    store: KeptName
    product: KeptName


def _well_named(series: SeriesRef) -> SeriesRef:
    found = {}
    for part in ("store", "product"):
        try:
            found[part] = names.name(getattr(series, part))
        except ValueError as error:
            raise ValueError(f"its {part} {error}") from None
    return series if found == series.__dict__ else SeriesRef(**found)


# A series as somebody names it who asks for something.
NamedSeries = Annotated[SeriesRef, AfterValidator(_well_named)]


class OfSeries(Payload):
    """Of one series."""

    store: KeptName
    product: KeptName

    @property
    def key(self) -> str:
        return f"{self.store}/{self.product}"


class OfRun(Payload):
    """Of one run."""

    run_id: RunId

    @property
    def key(self) -> str:
        return self.run_id


class ScopeFields(BaseModel):
    """What names series in a request, on the wire and over HTTP: a store, a product, both, or
    each one; nothing means all.
    """

    store: Name | None = Field(None, description="Only this store; unset: every store.")
    product: Name | None = Field(None, description="Only this product; unset: every product.")
    series: Annotated[tuple[NamedSeries, ...], Field(max_length=MAX_SERIES)] | None = Field(
        None, description="Only these series; instead of store and product."
    )

    @model_validator(mode="after")
    def _names_series_once(self) -> Self:
        check_named_series(self.series, self.store, self.product)
        return self


class OfScope(ScopeFields, Payload):
    """A request for the series of a store, of a product, of both, for named ones, or for all."""

    @property
    def key(self) -> str:
        return f"{self.store or '*'}/{self.product or '*'}"

    @property
    def lane(self) -> Lane:
        """Express if it names few series: these don't wait behind a run of all."""
        one = self.store is not None and self.product is not None
        few = self.series is not None and len(self.series) <= EXPRESS_SERIES
        return "express" if one or few else "bulk"


def check_named_series(
    series: tuple[SeriesRef, ...] | None, store: str | None, product: str | None
) -> None:
    """ValueError if no series is named, one twice, or one beside a store or a product."""
    if series is None:
        return
    if not series:
        raise ValueError("series: is empty; name at least one, or leave it out")
    if store is not None or product is not None:
        raise ValueError("series: names each series; leave it out, or store and product")
    seen = set()
    for each in series:
        if (pair := (each.store, each.product)) in seen:
            name = "/".join(pair)
            raise ValueError(f"series: {name!r} is named more than once; name it once")
        seen.add(pair)

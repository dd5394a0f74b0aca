"""The data of many events at once, where they are written plainly.

Looks at whole Arrow columns. Values are *plain* when they are JSON objects of one layout: the
same fields of the contract in the same order, each a scalar or an object of scalars. Such values
are cut into the texts of their fields (`stream_jobs.cuts`), and each distinct text of a field is
judged once, by the field's own type. Nothing of the contract is said again here, so a value that
is taken is one that the payload takes, with the same fields. What is not taken may still be right;
that is for the payload to say, one value at a time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from types import GenericAlias
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from events.payloads import Payload
from stream_jobs.cuts import Cut, Layout, Rows, cut_alike, cut_freely
from stream_jobs.tables import Projection


@dataclass(frozen=True)
class PlainValues:
    """Values of one layout: which they are, and their columns as the table keeps them."""

    rows: Rows
    columns: Mapping[str, Any]  # Arrow arrays


def plain_values(values: Any, kept: Projection) -> Iterator[PlainValues]:
    """What is plain among an Arrow array of JSON, by the layouts of a few samples."""
    reader = _reader(kept)
    left = np.arange(len(values))
    for cut in reader.cuts(values):
        if not len(left):
            return
        part = reader.read(cut(values.take(pa.array(left))))
        if part is not None:
            yield PlainValues(left[part.rows], part.columns)
            left = np.delete(left, part.rows)


class _Reader:
    """Reads the data of one table's events."""

    def __init__(self, kept: Projection) -> None:
        self._kept = kept
        self._fields = kept.payload.model_fields if _of_fields_alone(kept.payload) else {}
        self._types = {name: self._many(field) for name, field in self._fields.items()}

    def _many(self, field: FieldInfo) -> TypeAdapter[list[Any]]:
        kind: Any = GenericAlias(list, (field.rebuild_annotation(),))
        return TypeAdapter(kind, config=self._kept.payload.model_config)

    def cuts(self, values: Any) -> Sequence[Callable[[Any], Cut]]:
        """How to cut the first, the middle and the last value, which need not differ, and others
        like them, the fastest way first.
        """
        samples: dict[bytes, Layout] = {}
        for at in (0, len(values) // 2, len(values) - 1) if len(values) else ():
            value = values[at].as_py()
            with suppress(orjson.JSONDecodeError):
                sample = orjson.loads(value)
                if isinstance(sample, dict) and self._is_layout(sample):
                    samples[value] = tuple(sample)
        alike = [partial(cut_alike, sample=one, layout=layout) for one, layout in samples.items()]
        return alike + [partial(cut_freely, layout=one) for one in dict.fromkeys(samples.values())]

    def read(self, cut: Cut) -> PlainValues | None:
        """The values that are right; None if they hold something that no column takes."""
        right = np.ones(len(cut.rows), bool)
        found: dict[str, tuple[list[Any], Rows]] = {}
        for name, field in self._fields.items():
            texts = cut.texts.get(name)
            if texts is None:
                default = field.get_default(call_default_factory=True)
                found[name] = [default], np.zeros(len(cut.rows), np.int64)
                continue
            judged, known = self._judged(name, texts.dictionary.to_pylist())
            codes = texts.indices.to_numpy()
            right &= known[codes]
            found[name] = judged, (np.cumsum(known) - 1)[codes]
        try:
            columns = {
                name: self._kept.column(name, judged).take(pa.array(places[right]))
                for name, (judged, places) in found.items()
            }
        except (pa.ArrowException, ValueError, TypeError):
            return None
        return PlainValues(cut.rows[right], columns)

    def _is_layout(self, sample: Mapping[str, Any]) -> bool:
        required = {name for name, field in self._fields.items() if field.is_required()}
        return required <= sample.keys() <= self._fields.keys()

    def _judged(self, name: str, texts: list[bytes]) -> tuple[list[Any], Any]:
        """The values of those texts that the field's type takes, and which these are."""
        validate = self._types[name].validate_json
        try:
            return validate(b"[%b]" % b",".join(texts)), np.ones(len(texts), bool)
        except ValueError:
            pass  # at least one is not right: look at each
        values, known = [], np.zeros(len(texts), bool)
        for at, text in enumerate(texts):
            with suppress(ValueError):
                values += validate(b"[%b]" % text)
                known[at] = True
        return values, known


_reader = cache(_Reader)


def _of_fields_alone(payload: type[Payload]) -> bool:
    """Whether the payload is right when each of its fields is."""
    also = payload.__pydantic_decorators__
    return not (
        also.validators or also.field_validators or also.root_validators or also.model_validators
    )

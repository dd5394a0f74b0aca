"""JSON objects of one layout, cut into the texts of their fields.

A layout is the names of the fields in their order. Looks at whole Arrow columns, and at what is
written, not at what it means: a text that is cut out is one JSON scalar, an object of scalars, or
no JSON at all, and never reaches into the next field. So texts of a field, put into one JSON
array, are judged as each would be by itself.

`cut_alike` takes values that are written as a sample is, letter by letter but for the fields' own
texts, without a backslash; `cut_freely` those with blanks and escapes of their own, at three
times the cost.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

BLANK = r"[ \t\n\r]*"
STRING = r'"(?:[^"\\]|\\.)*"'
TEXT = rf'{STRING}|[-+.\w]+|\{{(?:[^"{{}}]|{STRING})*\}}'
QUOTE, BACKSLASH = b'"\\'
Rows = np.ndarray[Any, np.dtype[np.int64]]
Layout = tuple[str, ...]


@dataclass(frozen=True)
class Cut:
    """Values of one layout: which they are, and the texts of their fields."""

    rows: Rows
    texts: Mapping[str, Any]  # Arrow dictionary arrays of bytes


def cut_freely(values: Any, layout: Layout) -> Cut:
    """The values of that layout, however they are spaced and escaped."""
    found = pc.extract_regex(values, pattern=_pattern(layout))
    rows = np.flatnonzero(found.is_valid().to_numpy(zero_copy_only=False))
    found = found.drop_null()
    texts = {name: pc.struct_field(found, name).dictionary_encode() for name in layout}
    return Cut(rows, texts)


def cut_alike(values: Any, sample: bytes, layout: Layout) -> Cut:
    """The values that are written as the sample, which is of that layout.

    Where no backslash is, each quote begins or ends a string. So where the quotes of the sample
    are, relative to its fields, says where the fields of a value are that has as many quotes; that
    what lies between the fields is the same shows whether it is so.
    """
    written = re.match(_pattern(layout).encode(), sample)
    data, begins, ends = _bytes_of(values)
    if written is None or BACKSLASH in sample or not len(data):
        return Cut(np.empty(0, np.int64), {})
    marks = [at for at, byte in enumerate(sample) if byte == QUOTE]
    quotes = _places_of(QUOTE, data, begins, ends)
    first = np.searchsorted(quotes, begins)
    alike = np.searchsorted(quotes, ends) - first == len(marks)
    escapes = _places_of(BACKSLASH, data, begins, ends)
    alike &= np.searchsorted(escapes, begins) == np.searchsorted(escapes, ends)
    rows = np.flatnonzero(alike & values.is_valid().to_numpy(zero_copy_only=False))
    first, begins, ends = first[rows], begins[rows], ends[rows]

    def place(at: int, after: bool) -> Rows:
        """Where in each value is what is there in the sample: by the quote before or after it."""
        number = sum(mark < at for mark in marks)
        if after and number == len(marks):
            return ends - (len(sample) - at)
        number -= not after
        there: Rows = quotes[first + number] + (at - marks[number])
        return there

    spans = [written.span(name) for name in layout]
    fields = [(place(begin, after=False), place(end, after=True)) for begin, end in spans]
    right = reduce(np.logical_and, (begin < end for begin, end in fields))
    between = pairwise([(begins, begins), *fields, (ends, ends)])
    in_sample = pairwise([(0, 0), *spans, (len(sample), len(sample))])
    for ((_, begin), (end, _)), ((_, left), (beyond, _)) in zip(between, in_sample, strict=True):
        right &= _is_there(data, begin, end, sample[left:beyond], right)
    columns = _slices(values, [(begin[right], end[right]) for begin, end in fields])
    texts = {name: texts.dictionary_encode() for name, texts in zip(layout, columns, strict=True)}
    return _of_texts(rows[right], texts)


def _places_of(byte: int, data: Any, begins: Rows, ends: Rows) -> Rows:
    """Where a byte is, from the first value to the last."""
    places: Rows = begins[0] + np.flatnonzero(data[begins[0] : ends[-1]] == byte)
    return places


def _is_there(data: Any, begin: Rows, end: Rows, literal: bytes, where: Any) -> Any:
    """Whether the literal is from each begin to each end; looks only at some."""
    there = where & (end - begin == len(literal))
    at = np.flatnonzero(there)
    if len(at) and literal:
        kind, windows = f"V{len(literal)}", len(data) - len(literal) + 1
        found = np.ndarray(windows, kind, data, strides=(1,))[begin[at]]
        there[at] = found == np.frombuffer(literal, kind)
    return there


def _of_texts(rows: Rows, texts: Mapping[str, Any]) -> Cut:
    """The rows whose texts are all in the form of TEXT."""
    right = np.ones(len(rows), bool)
    for column in texts.values():
        known = pc.match_substring_regex(column.dictionary, rf"(?s)^(?:{TEXT})$")
        known = known.to_numpy(zero_copy_only=False)
        if not known.all():
            right &= known[column.indices.to_numpy()]
    if right.all():
        return Cut(rows, texts)
    kept = pa.array(np.flatnonzero(right))
    return Cut(rows[right], {name: column.take(kept) for name, column in texts.items()})


def _bytes_of(values: Any) -> tuple[Any, Rows, Rows]:
    """All bytes of an Arrow array of bytes, and where each value begins and ends in them."""
    _, offsets, data = values.buffers()
    if data is None or not len(values):
        none = np.zeros(len(values), np.int64)
        return np.empty(0, np.uint8), none, none
    offsets = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    begins, ends = offsets[:-1].astype(np.int64), offsets[1:].astype(np.int64)
    return np.frombuffer(data, np.uint8), begins, ends


def _slices(values: Any, spans: Sequence[tuple[Rows, Rows]]) -> list[Any]:
    """Parts of values as columns; the spans are in their order, and so are those of each."""
    count, edges = len(spans[0][0]), [edge for span in spans for edge in span]
    if not count:
        return [pa.array([], pa.binary()) for _ in spans]
    offsets = np.column_stack(edges).astype(np.int32).ravel()
    buffers = [None, pa.py_buffer(offsets.tobytes()), values.buffers()[2]]
    pieces = pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)
    places: Rows = np.arange(count) * len(edges)
    return [pieces.take(pa.array(places + 2 * at, pa.int64())) for at in range(len(spans))]


@cache
def _pattern(layout: Layout) -> str:
    fields = f"{BLANK},{BLANK}".join(
        rf'"{name}"{BLANK}:{BLANK}(?P<{name}>{TEXT})' for name in layout
    )
    return rf"(?s)^{BLANK}\{{{BLANK}{fields}{BLANK}\}}{BLANK}$"

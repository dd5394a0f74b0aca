"""The encoding of a text file, if its first bytes show it."""

import codecs

from infra.errors import BadInput

UTF8 = "utf-8-sig"  # UTF-8 with or without a byte order mark: the default
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
MIN_NUL_SHARE = 0.05  # of pairs of bytes; digits and separators alone give more


def encoding_of(head: bytes, named: str = UTF8) -> str:
    """The encoding of a text with these first bytes; BadInput for an unknown name.

    It is the named one, unless that is UTF-8 or UTF-16 and the bytes have the mark of another, or a
    NUL in every other byte, as only UTF-16 has.
    """
    try:
        "".encode(named)
    except LookupError:
        raise BadInput(
            f"--encoding: {named!r} is not an encoding; try utf-8, latin-1 or cp1252"
        ) from None
    plain = named.lower().replace("_", "-")
    if plain != UTF8 and not plain.startswith("utf-16"):
        return named
    for mark, encoding in MARKS:
        if head.startswith(mark):
            return encoding
    pairs = len(head) // 2
    low, high = head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    if pairs and high > MIN_NUL_SHARE * pairs and high > 10 * low:
        return "utf-16-le"
    if pairs and low > MIN_NUL_SHARE * pairs and low > 10 * high:
        return "utf-16-be"
    return named


def shown(encoding: str) -> str:
    """The encoding's name in a message."""
    return "UTF-8" if encoding == UTF8 else encoding.upper().replace("_", "-")

"""In which encoding a text file is written, where its bytes leave no doubt."""

import codecs

from infra.errors import BadInput

UTF8 = "utf-8-sig"  # UTF-8, with or without a byte order mark; what is taken if nobody says
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
MIN_NUL_SHARE = 0.05  # of the pairs of bytes: digits and separators alone give more


def encoding_of(head: bytes, named: str = UTF8) -> str:
    """The encoding of a text that begins so, if it is another than the named one.

    A mark, or a NUL in every other byte, is UTF-16: no other text has them.
    """
    try:
        "".encode(named)
    except LookupError:
        raise BadInput(
            f"--encoding: {named!r} is no encoding; try utf-8, latin-1 or cp1252"
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


def spoken(encoding: str) -> str:
    """The encoding's name for people."""
    return "UTF-8" if encoding == UTF8 else encoding.upper().replace("_", "-")

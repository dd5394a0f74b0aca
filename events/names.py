"""What may be a name, an id or a reason, and what is told of one that may not.

A name is what a person sees: its letters composed (NFC), every blank a plain one, and nothing
in it that no eye can see, so two names that look alike are one, wherever they come from. What
passes here fits Postgres, a Kafka key, a URL's path and a line of a terminal.
"""

import re
import unicodedata
from functools import lru_cache

MAX_NAME = 64  # characters
MAX_RUN_ID = 128
MAX_TEXT = 1000

ALL_DOTS = (".", "..")  # a URL's path takes them for folders and drops them
CONTROL = "Cc"
UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # control, format, half a pair, ends of lines
# They are letters or marks by their category, and drawn as nothing or as a blank.
BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# Emoji are made of several with the first, Persian and Indic words are spelt with both.
JOINERS = "\u200d\u200c"
FIRST_JOINED = "\u0590"  # Latin, Greek and Cyrillic, before it, have no use for a joiner

_PLAIN_NAME = re.compile(r"[!-.0-~](?:[ -.0-~]*[!-.0-~])?")  # ASCII without slash, outer blanks
_RUN_ID = re.compile(r"[\w.:-]+")
_UNPRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

# For documents; `name` and `run_id` say the rest.
NAME_SCHEMA = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_NAME,
    "pattern": r"^[^\s/\x00-\x1f\x7f]([^/\x00-\x1f\x7f]*[^\s/\x00-\x1f\x7f])?$",
}
RUN_ID_SCHEMA = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_RUN_ID,
    "pattern": r"^[\w.:-]+$",
}
TEXT_SCHEMA = {"type": "string", "maxLength": MAX_TEXT}


@lru_cache(16_384)  # names of a shop's stores and products; a refusal is not kept
def name(text: str) -> str:
    """The name as it is kept, or ValueError with what is wrong with it, and where."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        text = "".join(" " if unicodedata.category(c) == "Zs" else c for c in text)
    _check_length(text, MAX_NAME)
    if text in ALL_DOTS:
        raise ValueError("is dots alone, which no URL can carry; add a letter or a digit")
    if _PLAIN_NAME.fullmatch(text) is None and (wrong := _trouble(text)):
        raise ValueError(
            f"must have no slash, no control character and no blank at its ends; it has {wrong}"
        )
    return text


@lru_cache(16_384)
def kept_name(text: str) -> str:
    """The name unchanged, or ValueError for what can't be one in the database.

    What functions say of series they read there: names were once looked at less closely, and
    what is stored under them still has its forecasts.
    """
    if not text or len(text) > MAX_NAME or "/" in text or _UNPRINTED.search(text) is not None:
        raise ValueError(
            f"must have 1 to {MAX_NAME} characters, no slash and no control character among them"
        )
    return text


def run_id(text: str) -> str:
    """The id unchanged, or ValueError: ids are compared as they are, so none is mended."""
    _check_length(text, MAX_RUN_ID)
    if text in ALL_DOTS:
        raise ValueError("is dots alone, which no URL can carry; add a letter or a digit")
    if _RUN_ID.fullmatch(text) is None or not unicodedata.is_normalized("NFC", text):
        raise ValueError("may have letters, digits and _ . : - only")
    return text


def is_run_id(text: str) -> bool:
    """Whether the text may be a run's id."""
    try:
        run_id(text)
    except ValueError:
        return False
    return True


def one_line_text(text: str) -> str:
    """The text unchanged, or ValueError for one of several lines or with control characters."""
    _check_length(text, MAX_TEXT, least=0)
    if (found := _UNPRINTED.search(text)) is not None:
        raise ValueError(
            "must be one line without control characters; it has "
            f"{spelt(found[0])} at character {found.start() + 1}"
        )
    return text


def as_one_line(text: str) -> str:
    """What a library says of its troubles, as `one_line_text` takes it."""
    return _UNPRINTED.sub(" ", text)[:MAX_TEXT]


def spelt(character: str) -> str:
    """A character that can't be shown, by its number and, where it has one, its name."""
    known = unicodedata.name(character, "").lower()
    return f"U+{ord(character):04X}" + (f" ({known})" if known else "")


def _check_length(text: str, most: int, least: int = 1) -> None:
    if len(text) < least:
        raise ValueError(f"must have at least {least} character")
    if len(text) > most:
        raise ValueError(f"must have at most {most} characters and has {len(text)}")


def _trouble(text: str) -> str | None:
    """What keeps a text from being a name, and what to do about it."""
    if text[0] == " " or text[-1] == " ":
        return "a blank at its start or end: leave it out"
    for at, character in enumerate(text):
        if character == "/":
            return (
                f"a slash at character {at + 1}, which parts store from product in the name of a "
                "series: use another sign, such as - or _"
            )
        if character in JOINERS and _joins(text[at - 1 : at + 2]):
            continue
        if unicodedata.category(character) in UNSEEN or character in BLANK_LETTERS:
            return f"{spelt(character)} at character {at + 1}, which nobody sees: leave it out"
    return None


def _joins(three: str) -> bool:
    """Whether the character in the middle has one on each side that it can join."""
    return (
        len(three) == 3
        and min(three[0], three[2]) >= FIRST_JOINED
        and not {three[0], three[2]} & {*JOINERS}
    )

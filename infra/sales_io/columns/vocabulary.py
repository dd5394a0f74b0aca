"""Words that many systems write where a value is missing, or for yes and no."""

import unicodedata


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split("|"))


# What programs and people write into a cell that says nothing.
EMPTY = _set(
    "|na|n/a|n.a.|#n/a|#nv|#na|nan|null|nil|none|nat|<na>|(null)|(blank)|(leer)|(vide)|\\n|-|--|---"
    "|\u2013|\u2014|?|.|missing|leer|k.a.|k. a.|n.v.|s.o.|nd|n/d|n.d.|keine angabe"
)
NONE = frozenset({"none", "nil"})  # in a column of words, that none of them holds
YES = _set(
    "1|1.0|1,0|true|yes|y|t|on|ja|j|wahr|oui|o|vrai|si|s|sí|sì|verdadero|verdadeiro|vero|sim|tak|"
    "ano|evet|да|kyllä|igen|x|✓|✔|是|はい"
)
NO = _set(
    "0|0.0|0,0|false|no|n|f|off|nein|falsch|non|faux|falso|não|nao|nie|ne|hayir|нет|ei|nem|"
    "nee|nej|否|いいえ"
)
MARKS = frozenset("x✓✔")  # yes in a column of its own; an open day may be marked, or a closed one
OPEN = (YES - MARKS) | _set("open|offen|geöffnet|ouvert|abierto|aperto|aberto")
CLOSED = NO | _set("closed|close|zu|geschlossen|fermé|ferme|cerrado|chiuso|fechado")


def plain_word(text: str) -> str:
    """A word without outer blanks and capitals."""
    return unicodedata.normalize("NFC", text).strip().lower()


def is_empty(text: str) -> bool:
    """Whether a cell says nothing."""
    return plain_word(text) in EMPTY


def yes_or_no(text: str) -> float | None:
    """1 or 0; None for a word that is neither."""
    word = plain_word(text)
    return 1.0 if word in YES else 0.0 if word in NO else None

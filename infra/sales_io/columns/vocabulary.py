"""Words of many languages and systems: missing, yes, no, open, closed, months and weekdays."""

import unicodedata


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split("|"))


# What programs and people write where a value is missing.
EMPTY = _set(
    "|na|n/a|n.a.|#n/a|#nv|#na|nan|null|nil|none|nat|<na>|(null)|(blank)|(leer)|(vide)|\\n|-|--|---"
    "|\u2013|\u2014|?|.|missing|leer|k.a.|k. a.|n.v.|s.o.|nd|n/d|n.d.|keine angabe"
)
NONE = frozenset({"none", "nil"})  # in a column of words: no word holds, as 0 says
YES = _set(
    "1|1.0|1,0|true|yes|y|t|on|ja|j|wahr|oui|o|vrai|si|s|sí|sì|verdadero|verdadeiro|vero|sim|tak|"
    "ano|evet|да|kyllä|igen|x|✓|✔|是|はい"
)
NO = _set(
    "0|0.0|0,0|false|no|n|f|off|nein|falsch|non|faux|falso|não|nao|nie|ne|hayir|нет|ei|nem|"
    "nee|nej|否|いいえ"
)
MARKS = frozenset("x✓✔")  # say yes, but a mark in a column "open" may mean open or closed
OPEN = (YES - MARKS) | _set("open|offen|geöffnet|ouvert|abierto|aperto|aberto")
CLOSED = NO | _set("closed|close|zu|geschlossen|fermé|ferme|cerrado|chiuso|fechado")
_MONTHS = """
jan january januar janvier janv ene enero gen gennaio janeiro januari styczeń stycznia leden
feb february februar février févr fevrier febrero febbraio fev fevereiro februari luty lutego únor
mar march märz mär maerz mrz mars marzo março marco maart mrt marzec marca březen
apr april avril avr abr abril aprile kwiecień kwietnia duben
may mai mayo mag maggio maio mei maj maja květen
jun june juni juin junio giu giugno junho czerwiec czerwca červen
jul july juli juillet juil julio lug luglio julho lipiec lipca červenec
aug august août aout ago agosto augustus augusti sierpień sierpnia srpen
sep sept september septembre septiembre setiembre set settembre setembro wrzesień września září
oct october okt oktober octobre octubre ott ottobre out outubro październik października říjen
nov november novembre noviembre novembro listopad listopada
dec december dez dezember décembre déc dic diciembre dicembre dezembro grudzień grudnia prosinec
"""
_WEEKDAYS = """
mon monday mo montag lun lundi lunes lunedì seg segunda ma maandag man mandag
tue tuesday tues di dienstag mar mardi martes martedì ter terça dinsdag tir tirsdag
wed wednesday mi mittwoch mer mercredi mié miércoles mercoledì qua quarta wo woensdag ons onsdag
thu thursday thur thurs do donnerstag jeu jeudi jue jueves gio giovedì qui quinta donderdag tor
fri friday fr freitag ven vendredi vie viernes venerdì sex sexta vr vrijdag fre fredag
sat saturday sa samstag sam samedi sáb sábado sab sabato za zaterdag lør lørdag
sun sunday so sonntag dim dimanche dom domingo domenica zo zondag søn søndag
"""
MONTHS = {
    name: number
    for number, names in enumerate(_MONTHS.strip().splitlines(), start=1)
    for name in names.split()
}
WEEKDAYS = frozenset(_WEEKDAYS.split())


def plain_word(text: str) -> str:
    """The word in small letters, without blanks around it."""
    return unicodedata.normalize("NFC", text).strip().lower()


def is_empty(text: str) -> bool:
    """Whether the cell holds no value: it is empty or holds a word for missing."""
    return plain_word(text) in EMPTY


def yes_or_no(text: str) -> float | None:
    """1 for yes, 0 for no, None for any other word."""
    word = plain_word(text)
    return 1.0 if word in YES else 0.0 if word in NO else None

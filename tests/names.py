"""Names as people give them, for property-based tests."""

import unicodedata

from hypothesis import strategies as st

from events.names import name


def _may_be_a_name(text: str) -> bool:
    try:
        name(text)
    except ValueError:
        return False
    return True


names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"]),
    min_size=1,
    max_size=64,
).filter(_may_be_a_name)
kept_names = names.filter(lambda text: text == name(text))
spellings = st.sampled_from(["NFC", "NFD"]).flatmap(
    lambda form: names.map(lambda text: unicodedata.normalize(form, text))
)

"""Errors that a command shows in one line: bad input, or a broker that does not answer."""


def visible(text: str) -> str:
    """The text with invisible characters and those that control a terminal as <U+…>."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"<U+{ord(c):04X}>" for c in text)


class BadInput(Exception):
    """An option or a file can't be used; the message names it, its value and the fix. Exit 2."""

    def __init__(self, message: str) -> None:
        super().__init__(visible(message))


class BrokerAway(Exception):
    """The broker did not answer in time; the message says how to go on. Exit 1."""

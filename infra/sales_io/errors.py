"""What can go wrong between a person's file and the log, one class per exit code."""


class BadInput(Exception):
    """What a person gave can't be used; the message names it, the value and the fix. Exit 2."""


class BrokerAway(Exception):
    """The broker did not take or give records in time; the message says how to go on. Exit 1."""

"""Stock Prophet without its log lines: four or so per fit, and a complaint at import.

Whatever goes wrong in a fit is in its result. The loggers are disabled, because prophet
and cmdstanpy set their own levels as they are imported; and before the import, because
prophet logs while it is imported (no plotly).
"""

import logging

for _name in ("cmdstanpy", "prophet", "prophet.models", "prophet.plot"):
    logging.getLogger(_name).disabled = True

from prophet import Prophet  # noqa: E402  # after its loggers are disabled, as said above

__all__ = ["Prophet"]

"""Request new forecasts from the champions between retrains."""

from functions.refresher.refresher import Refresher

__all__ = ["Refresher"]

"""Says which champions' forecasts are to be made anew, between retrains."""

from functions.refresher.refresher import Refresher

__all__ = ["Refresher"]

"""The HTTP API: reads what is stored and publishes requests; it never trains."""

from functions.api.app import create_app

__all__ = ["create_app"]

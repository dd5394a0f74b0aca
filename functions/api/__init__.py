"""The HTTP API: reads what is stored and publishes requests; it never trains.

The application is imported when it is asked for: who takes requests without it needs no FastAPI.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from functions.api.app import create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> Any:
    if name != "create_app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from functions.api.app import create_app

    return create_app

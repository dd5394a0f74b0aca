"""Find the address of the running stack's API.

The settings have it, but importing them is slow for a command that only calls the API. So
plainly written values are read here by the same rules: the environment, whatever the case of a
name, before `stack.env` in the state folder. All other cases are left to the settings, which report
invalid values.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

STACK_ENV = "stack.env"  # as in infra.settings
LINE = re.compile(r"(SHELFCAST_[A-Z_]+)=([^\s'\"$\\#]*)")  # nothing to unquote or to expand
HOST, PORT = re.compile(r"[\w.:-]+"), re.compile(r"[0-9]{1,5}")
DEFAULT_HOME, DEFAULT_HOST = ".shelfcast", "127.0.0.1"


def api_address(environment: Mapping[str, str] = os.environ) -> tuple[str, int | None]:
    """Return host and port; the port is None if nothing sets it."""
    return plain_address(environment) or _by_settings()


def plain_address(environment: Mapping[str, str]) -> tuple[str, int] | None:
    """Return host and port if both are plainly written or absent, otherwise None."""
    given = {name.upper(): value for name, value in environment.items()}
    home = Path(given.get("SHELFCAST_HOME", DEFAULT_HOME))
    found = _of_file(home / STACK_ENV)
    if found is None:
        return None
    host = given.get("SHELFCAST_HTTP_HOST", found.get("SHELFCAST_HTTP_HOST", DEFAULT_HOST))
    port = given.get("SHELFCAST_HTTP_PORT", found.get("SHELFCAST_HTTP_PORT", ""))
    if HOST.fullmatch(host) and PORT.fullmatch(port):
        return host, int(port)
    return None


def _of_file(file: Path) -> dict[str, str] | None:
    """Read what `shelfcast up` wrote: {} without a file, None if the file was edited."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        return None
    pairs = [LINE.fullmatch(line) for line in lines if line and not line.startswith("#")]
    if not all(pairs):
        return None
    return {pair[1]: pair[2] for pair in pairs if pair}


def _by_settings() -> tuple[str, int | None]:
    from infra.settings import load_settings

    settings = load_settings()
    return settings.http_host, settings.http_port

"""Keeps other sites' pages out: by the name a request asks for, and the page that sends it.

A page of another site may have its own name point to this machine (DNS rebinding) and then
read and post as if it were the API's own. What it can't do is to ask for a name of ours, so a
request for a name that is not known here is refused. Addresses need no such care: nobody can
have them point elsewhere.
"""

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from events.errors import Refusal
from events.wording import shown
from functions.api.problem_document import FOREIGN_ORIGIN, UNKNOWN_HOST, Refused
from functions.api.problems import answer

ANY = "*"
LOCALHOST = "localhost"
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}  # another site's page may send them, and not read


class KnownHosts:
    """Answers 400 for a host that is not known, 403 for a change that another site asks for.

    `hosts` are names of this API, or `*` for any; None: any name without a dot, which no other
    site has.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None = None) -> None:
        self._app = app
        self._hosts = None if hosts is None else {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what comes from where it may."""
        if scope["type"] in ("http", "websocket"):
            headers = Headers(scope=scope)
            for host in headers.getlist("host"):
                if not self._is_known(name := _name_of(f"//{host}")):
                    return await self._refuse(_no_host(name or host), scope, receive, send)
            origin = headers.get("origin")
            if origin is not None and scope.get("method") not in SAFE_METHODS:
                own = urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
                if not own and _name_of(origin) not in (self._hosts or ()):
                    return await self._refuse(_no_origin(origin), scope, receive, send)
        return await self._app(scope, receive, send)

    async def _refuse(self, why: Refused, scope: Scope, receive: Receive, send: Send) -> None:
        await answer(why, scope["path"])(scope, receive, send)

    def _is_known(self, name: str | None) -> bool:
        if name is None:
            return False
        if name == LOCALHOST or name.endswith(f".{LOCALHOST}") or _is_address(name):
            return True
        if self._hosts is None:
            return "." not in name
        return ANY in self._hosts or name in self._hosts


def _name_of(url: str) -> str | None:
    try:
        name = urlsplit(url).hostname
    except ValueError:
        return None
    return name.rstrip(".") if name else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _no_host(name: str) -> Refused:
    refusal = Refusal(
        "host",
        f"{shown(name)} is not a name of this API",
        shown(name),
        "ask for its address, or for a name that SHELFCAST_HTTP_HOSTS has",
    )
    return Refused(UNKNOWN_HOST, refusal)


def _no_origin(origin: str) -> Refused:
    refusal = Refusal(
        "origin",
        f"a page of {shown(origin)} may not ask for changes here",
        shown(origin),
        "do it from the API's own host, or add that page's to SHELFCAST_HTTP_HOSTS",
    )
    return Refused(FOREIGN_ORIGIN, refusal)

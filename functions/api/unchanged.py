"""Answers that a client has already: entity tags, 304, and waiting until there is another one.

As RFC 9110 has it, an answer's `ETag` names its content, and a client that sends it back in
`If-None-Match` is told 304 while that is still the answer. With `wait` the answer comes when it is
another one, or after so many seconds as it would without; who waits so asks once instead of
every few milliseconds.
"""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Annotated, TypeVar

from fastapi import Header, Query
from fastapi.exceptions import HTTPException

from functions.api import views
from functions.api.problems import Answers
from functions.changes import Changes

T = TypeVar("T")

MAX_WAIT = 10  # seconds; a process that is to stop answers first who waits
MAX_WAITING = 50  # at once; half of the requests that a replica works on at a time
# Many changes a second, as in a full run, must not have all who wait read as often.
FIRST_PAUSE, MAX_PAUSE = 0.005, 0.25  # seconds between two looks, doubled each time

Known = Annotated[
    str | None,
    Header(
        alias="If-None-Match",
        max_length=1_000,
        description="The ETag of the answer that is known; while it is still that one, 304.",
    ),
]
Wait = Annotated[
    float,
    Query(
        ge=0,
        le=MAX_WAIT,
        description="Seconds to wait for an answer other than the known one, or for the first.",
    ),
]
UNCHANGED: Answers = {304: {"description": "It is the answer that If-None-Match names."}}


def entity_tag(view: views.View) -> str:
    """The name of this content, quoted as HTTP has it."""
    return f'"{blake2b(view.model_dump_json().encode(), digest_size=12).hexdigest()}"'


def is_known(tag: str, known: str | None) -> bool:
    """Whether an If-None-Match names the tag; proxies that compress make a tag a weak one."""
    named = {each.strip().removeprefix("W/") for each in (known or "").split(",")}
    return tag in named or "*" in named


def unchanged(tag: str) -> HTTPException:
    """A 304, which has no body."""
    return HTTPException(304, headers={"ETag": tag})


class Waiting:
    """Looks again at what is stored whenever that may have changed.

    With `MAX_WAITING` who wait already, others are answered at once.
    """

    def __init__(self, changes: Changes) -> None:
        self._changes, self._waiting = changes, 0

    async def look(
        self, look: Callable[[], Awaitable[T]], settles: Callable[[T], bool], seconds: float
    ) -> T:
        """What `look` gives: the first that settles it, or the last within so many seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (seconds if self._waiting < MAX_WAITING else 0)
        pause = 0.0
        self._waiting += 1
        try:
            while True:
                change = self._changes.next()
                seen = await look()
                if settles(seen) or (left := deadline - loop.time()) <= 0:
                    return seen
                await asyncio.sleep(min(pause, left))
                await asyncio.wait([change], timeout=max(deadline - loop.time(), 0))
                pause = min(max(2 * pause, FIRST_PAUSE), MAX_PAUSE)
        finally:
            self._waiting -= 1

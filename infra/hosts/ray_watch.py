"""Monitor the local Ray node, and report when it is lost.

A process of the node that has ended is noticed within EVERY seconds. Everything else is checked
like a client does it: Ray's nodes, the status of Serve's controller, the API's
health. The checks have a separate thread, since an answer may never come; what counts is how
long ago all three succeeded.
"""

import asyncio
import http.client
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from infra import heartbeat
from infra.local import process

log = logging.getLogger("shelfcast")

ASK_EVERY = 5.0  # seconds
ANSWER_WITHIN = 10.0
# Serve replaces a controller, a proxy or a replica by itself, which takes a busy machine some 30 s.
GIVE_UP_AFTER = 120.0
VITAL = ("gcs_server", "raylet")  # without these nothing works; the others only report or scale


class NodeLost(Exception):
    """The node does not work and will not recover: stop it, and start another."""


class Questioner:
    """Asks every ASK_EVERY seconds, and remembers when all was well last.

    A question raises when the answer is bad.
    """

    def __init__(self, questions: Sequence[Callable[[], None]]) -> None:
        self._questions = questions
        self._well = time.monotonic()
        self._trouble = ""

    def start(self) -> None:
        """Start the checks in a daemon thread."""
        threading.Thread(target=self._run, name="questioner", daemon=True).start()

    def _run(self) -> None:
        while True:
            self.ask()
            time.sleep(ASK_EVERY)

    def ask(self) -> None:
        """Make every check once."""
        try:
            for question in self._questions:
                question()
        except Exception as error:  # noqa: BLE001 - any error is a failed check
            self._trouble = f"{type(error).__name__}: {error}"
            log.warning("Ray or the API does not answer as it should: %s", self._trouble)
        else:
            self._trouble, self._well = "", time.monotonic()

    def trouble(self, now: float) -> tuple[str, float]:
        """Return what fails (empty if nothing), and for how many seconds."""
        silent = now - self._well
        if not self._trouble and silent > ASK_EVERY + ANSWER_WITHIN:
            return f"Ray or the API has not answered for {silent:.0f} s", silent
        return self._trouble, silent


async def watch(
    node: Mapping[str, psutil.Process], questioner: Questioner, sign: Path | None
) -> None:
    """Renew the sign of life for as long as the node lives; NodeLost when it does not.

    A node without one of its lesser processes goes on, and the sign of life names it.
    """
    questioner.start()
    while True:
        ended = [name for name, member in node.items() if not process.runs(member)]
        if vital := [name for name in ended if name in VITAL]:
            raise NodeLost(f"{' and '.join(vital)} ended")
        said, silent = questioner.trouble(time.monotonic())
        if silent > GIVE_UP_AFTER:
            raise NodeLost(f"not well for {silent:.0f} s: {said}")
        if sign is not None:
            troubles = [*(f"Ray's {name} has ended" for name in ended), *filter(None, [said])]
            heartbeat.beat(sign, "; ".join(troubles))
        await asyncio.sleep(heartbeat.EVERY)


def is_healthy(host: str, port: int) -> None:
    """Ask the API for its health over HTTP."""
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_WITHIN)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise NodeLost(f"GET /healthz answers {answer.status}")


def members(host: psutil.Process) -> dict[str, psutil.Process]:
    """Return the processes of the node that the host started, by name."""
    return {_name(member): member for member in host.children()}


def _name(member: psutil.Process) -> str:
    """Return the name of a process's program, or of the script that Python runs."""
    try:
        command = member.cmdline()
    except psutil.NoSuchProcess:
        command = []
    scripts = [Path(word).stem for word in command if word.endswith(".py")]
    names = [*scripts, *(Path(word).name for word in command[:1])]
    return names[0] if names else f"process {member.pid}"

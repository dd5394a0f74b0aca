"""Runs a Lambda's zip as AWS does: Lambda's own Python client, fed by a small Runtime API.

The client is the real one (`infra/aws/runtime.txt`), and so are its contexts, error payloads and
import errors. Where this machine has Lambda's Python and platform, the zip runs in it; elsewhere
this tree runs in the Python of the tests.
"""

import json
import os
import platform
import queue
import subprocess
import sys
import time
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from infra.aws import package
from infra.local import interpreters

CLIENT = package.REQUIREMENTS.with_name("runtime.txt")
SECONDS = 30.0  # as serverless.yml gives a function
MAX_WAIT = 120.0  # for a process on a busy machine
ARN = "arn:aws:lambda:eu-central-1:123456789012:function:shelfcast-test"
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


@dataclass(frozen=True)
class Outcome:
    """What became of an invocation, or of the start: `ok`, and the answer or the error."""

    ok: bool
    said: Any


class RuntimeApi(ThreadingHTTPServer):
    """What a function asks for work and tells of it: Lambda's Runtime API, version 2018-06-01."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.events: queue.Queue[tuple[str, bytes, float] | None] = queue.Queue()
        self.outcomes: queue.Queue[Outcome] = queue.Queue()
        self.asked: queue.Queue[float] = queue.Queue()  # when the function was ready for work

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def handle_error(self, *about: Any) -> None:
        """A function that is ended breaks its connection; what else goes wrong is told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(*about)


class _Answers(BaseHTTPRequestHandler):
    server: RuntimeApi
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The next event, once there is one."""
        self.server.asked.put(time.monotonic())
        if (event := self.server.events.get()) is None:
            self.close_connection = True
            return
        request_id, body, seconds = event
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + seconds) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
            "Lambda-Runtime-Trace-Id": TRACE,
        }
        self._answer(200, body, headers)

    def do_POST(self) -> None:
        """An answer, or an error of the start or of an invocation."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.outcomes.put(Outcome(self.path.endswith("/response"), json.loads(body)))
        self._answer(202, b"{}", {})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        length = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        for name, value in {**headers, **length}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent: the function has a log of its own."""


class Function:
    """A function that has been started and waits for events."""

    def __init__(self, api: RuntimeApi, process: subprocess.Popen[bytes], log: Path) -> None:
        self._api, self._process, self._log = api, process, log

    def invoke(self, event: object, seconds: float = SECONDS) -> Outcome:
        """What it makes of an event; one that takes longer than it has is ended, as AWS does."""
        self._api.events.put((str(uuid.uuid4()), json.dumps(event).encode(), seconds))
        return self._outcome(seconds)

    def start(self) -> Outcome | None:
        """None once it waits for an event; what went wrong if it never does."""
        until = time.monotonic() + MAX_WAIT
        while time.monotonic() < until:
            try:
                self._api.asked.get(timeout=0.05)
            except queue.Empty:
                if not self._api.outcomes.empty():
                    return self._api.outcomes.get()
                assert self._process.poll() is None, self._log.read_text()
            else:
                return None
        raise AssertionError(f"the function does not start: {self._log.read_text()}")

    def _outcome(self, seconds: float) -> Outcome:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                return self._api.outcomes.get(timeout=0.05)
            except queue.Empty:
                if (code := self._process.poll()) is not None:
                    return Outcome(False, {"errorType": "Runtime.ExitError", "code": code})
        self._process.kill()
        return Outcome(False, {"errorType": "Sandbox.Timedout"})

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What it logged; every line is JSON."""
        return [json.loads(line) for line in self._log.read_text().splitlines()]


@dataclass(frozen=True)
class LambdaRuntime:
    """A Python with the client; `code` is where the functions are."""

    python: str
    client: Path
    code: Path
    folder: Path

    @contextmanager
    def process(
        self, handler: str, code: Path | None = None, **environ: object
    ) -> Iterator[Function]:
        """That function's process, which may fail to start."""
        task = code or self.code
        log = self.folder / f"{uuid.uuid4()}.log"
        known = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "PYTHONPATH": os.pathsep.join(map(str, self._path(task))),
            "LAMBDA_TASK_ROOT": str(task),
            "AWS_LAMBDA_FUNCTION_NAME": "shelfcast-test",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            **{name: str(value) for name, value in environ.items()},
        }
        with RuntimeApi() as api, log.open("wb") as out:
            Thread(target=api.serve_forever, daemon=True).start()
            process = subprocess.Popen(
                [self.python, "-m", "awslambdaric", handler],
                cwd=self.folder,
                env={**known, "AWS_LAMBDA_RUNTIME_API": api.address},
                stdout=out,
                stderr=out,
            )
            try:
                yield Function(api, process, log)
            finally:
                process.kill()
                process.wait()
                api.events.put(None)
                api.shutdown()

    @contextmanager
    def function(self, handler: str, **environ: object) -> Iterator[Function]:
        """That function of `infra.hosts.aws_lambda`, once it waits for events."""
        with self.process(f"infra.hosts.aws_lambda.{handler}", **environ) as function:
            assert (failed := function.start()) is None, failed
            yield function

    def _path(self, task: Path) -> Sequence[Path]:
        if self.python != sys.executable:
            return (task, self.client)
        return (task, self.client, Path(pytest.__file__).parents[1])


def make(folder: Path, zipped: Path) -> LambdaRuntime:
    """The runtime for that zip, as near to Lambda as this machine has."""
    found = None
    if (platform.system(), platform.machine()) == ("Linux", "x86_64"):
        found = interpreters.find(package.PYTHON, interpreters.candidates(package.PYTHON))
    python = found or sys.executable
    client = folder / "client"
    told = subprocess.run(
        [
            *(Path(sys.executable).with_name("uv"), "pip", "install", "-q", "--target", client),
            *("--python", python, "--require-hashes", "--only-binary", ":all:", "-r", CLIENT),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode != 0:
        pytest.skip(f"Lambda's runtime client can't be installed here: {told.stderr.strip()}")
    code = package.PROJECT
    if found is not None:
        code = folder / "task"
        zipfile.ZipFile(zipped).extractall(code)
    return LambdaRuntime(python, client, code, folder)

"""What a Lambda asks of AWS, answered by a small server: its parameters, and SNS."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs

from tests.unit.hosts.lambda_world import ALARM_TOPIC

NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"
PUBLISHED = (
    f'<PublishResponse xmlns="{NAMESPACE}"><PublishResult><MessageId>1</MessageId></PublishResult>'
    "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></PublishResponse>"
)


class Aws(ThreadingHTTPServer):
    """The two calls that functions make: parameters by path, and SNS's publish."""

    daemon_threads = True

    def __init__(self, parameters: dict[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Calls)
        self.parameters, self.told = parameters, list[dict[str, list[str]]]()
        self.sns_is_away = False

    @property
    def environ(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server_port}",
            "SHELFCAST_LAMBDA_PARAMETERS": "/shelfcast/test",
            "SHELFCAST_LAMBDA_ALARM_TOPIC": ALARM_TOPIC,
        }


class _Calls(BaseHTTPRequestHandler):
    server: Aws

    def do_POST(self) -> None:
        """One call."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.headers.get("X-Amz-Target") == "AmazonSSM.GetParametersByPath":
            path = json.loads(body)["Path"]
            found = [{"Name": f"{path}/{n}", "Value": v} for n, v in self.server.parameters.items()]
            self._answer(200, json.dumps({"Parameters": found}))
        elif self.server.sns_is_away:
            self._answer(
                403, "<ErrorResponse><Error><Code>AuthorizationError</Code></Error></ErrorResponse>"
            )
        else:
            self.server.told.append(parse_qs(body))
            self._answer(200, PUBLISHED)

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Silent: a test says what failed."""


@contextmanager
def serving(parameters: dict[str, str]) -> Iterator[Aws]:
    """The server, with these parameters under its path."""
    with Aws(parameters) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()

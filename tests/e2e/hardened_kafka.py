"""A Kafka that lets nobody in without TLS and a password, and nobody do what is not allowed."""

import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization

from events.cluster import Cluster
from infra.local import jars, kafka, ports
from infra.local.java import java_home
from tests.e2e.system import wait

OPERATOR, PASSWORD = "operator", "known to operators"
LISTENER = "listener.name.clients.scram-sha-512.sasl.jaas.config"


@contextmanager
def hardened_kafka(home: Path) -> Iterator[Cluster]:
    """The cluster as its operator reaches it, for the length of the block."""
    home.mkdir()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(home / "ca.pem")
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    chain = b"".join(each.bytes() for each in certificate.cert_chain_pems)
    (home / "broker.pem").write_bytes(_as_java_reads(certificate.private_key_pem.bytes()) + chain)
    port = ports.choose(None, set())
    controller = ports.choose(None, {port})
    cluster = Cluster(
        *(f"127.0.0.1:{port}", "SASL_SSL", "SCRAM-SHA-512"),
        *(OPERATOR, PASSWORD, str(home / "ca.pem")),
    )
    properties = home / "server.properties"
    settings = kafka.SETTINGS | {
        "listeners": f"CLIENTS://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"CLIENTS://127.0.0.1:{port}",
        "listener.security.protocol.map": "CLIENTS:SASL_SSL,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "CLIENTS",
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        LISTENER: cluster.java["sasl.jaas.config"],
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(home / "broker.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(home / "ca.pem"),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{OPERATOR};User:ANONYMOUS",  # the node itself, as controller
        "log.dirs": str(home / "data"),
    }
    properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    class_path = ":".join(str(jar) for jar in jars.class_path("kafka"))
    java = [str(java_home(home) / "bin/java"), "-Xmx256m", "-cp", class_path]
    identity = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    user = f"SCRAM-SHA-512=[name={OPERATOR},password={PASSWORD}]"
    tool = ["kafka.tools.StorageTool", "format", "--standalone", f"--cluster-id={identity}"]
    subprocess.run(
        [*java, *tool, "-c", properties, "--add-scram", user],
        check=True,
        capture_output=True,
    )
    with (home / "log").open("w") as log:
        broker = subprocess.Popen([*java, "kafka.Kafka", properties], stdout=log, stderr=log)
    try:
        wait(lambda: ports.accepts(port) or broker.poll() is not None)
        assert broker.poll() is None, (home / "log").read_text()
        yield cluster
    finally:
        broker.terminate()
        broker.wait()


def _as_java_reads(key: bytes) -> bytes:
    """The key in PKCS 8, the one form of PEM that Java takes."""
    return serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )

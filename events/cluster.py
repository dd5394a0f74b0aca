"""Which Kafka cluster, and how a client proves who it is: said once for every kind of client."""

from dataclasses import dataclass, field
from functools import cached_property
from ssl import SSLContext, create_default_context
from typing import Any, Literal

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
LOGIN_MODULES = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}


@dataclass(frozen=True)
class Cluster:
    """A cluster as its clients reach it.

    `bootstrap` is host:port[,host:port]. `ca_file` is a PEM file of the authorities that may
    have signed the brokers' certificates; None: those that the machine trusts.
    """

    bootstrap: str
    protocol: Protocol = "PLAINTEXT"
    mechanism: Mechanism = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None

    def __str__(self) -> str:
        return self.bootstrap

    @property
    def aiokafka(self) -> dict[str, Any]:
        """What every client of aiokafka is made with."""
        given: dict[str, Any] = {"bootstrap_servers": self.bootstrap}
        if self.protocol != "PLAINTEXT":
            given["security_protocol"] = self.protocol
        if self.protocol.endswith("SSL"):
            given["ssl_context"] = self._tls
        if self.protocol.startswith("SASL"):
            given |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return given

    @property
    def java(self) -> dict[str, str]:
        """The same as properties of Java's clients, without a prefix."""
        given = {"bootstrap.servers": self.bootstrap}
        if self.protocol != "PLAINTEXT":
            given["security.protocol"] = self.protocol
        if self.protocol.endswith("SSL") and self.ca_file is not None:
            given |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": self.ca_file}
        if self.protocol.startswith("SASL"):
            login = f'username="{_quoted(self.username)}" password="{_quoted(self.password)}"'
            given |= {
                "sasl.mechanism": self.mechanism,
                "sasl.jaas.config": f"{LOGIN_MODULES[self.mechanism]} required {login};",
            }
        return given

    @cached_property
    def _tls(self) -> SSLContext:
        return create_default_context(cafile=self.ca_file)

    def __getstate__(self) -> dict[str, Any]:
        """Without the context of TLS, which another process makes itself."""
        return {name: value for name, value in vars(self).items() if name != "_tls"}


def _quoted(value: str | None) -> str:
    return (value or "").replace("\\", "\\\\").replace('"', '\\"')

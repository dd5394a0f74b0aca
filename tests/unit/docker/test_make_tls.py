"""What the authority of the composed stack signs is believed by who trusts it, for its host."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.docker.make_tls import VALID, Authority


def shaken(tmp_path: Path, authority: str, signed: tuple[str, str], host: str) -> str | None:
    """The version of TLS that a client who trusts the authority and a server agree on."""
    (tmp_path / "server.pem").write_text("".join(signed))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(tmp_path / "server.pem")
    trusting = ssl.create_default_context(cadata=authority)
    trusting.verify_flags |= ssl.VERIFY_X509_STRICT
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(down, up, server_hostname=host)
    server = serving.wrap_bio(up, down, server_side=True)
    for _ in range(3):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return client.version()


def test_a_client_believes_the_server_by_its_name(tmp_path: Path):
    authority = Authority()

    made = authority.server("postgres")

    assert shaken(tmp_path, authority.certificate, made, "postgres") == "TLSv1.3"


def test_another_name_is_not_believed(tmp_path: Path):
    authority = Authority()

    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shaken(tmp_path, authority.certificate, authority.server("postgres"), "kafka")


def test_another_authority_is_not_believed(tmp_path: Path):
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(tmp_path, Authority().certificate, Authority().server("kafka"), "kafka")


def test_a_certificate_ends_one_day(tmp_path: Path):
    long_ago = Authority(datetime.now(UTC) - VALID - timedelta(days=1))

    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        shaken(tmp_path, long_ago.certificate, long_ago.server("kafka"), "kafka")

"""Certificates of the composed stack's servers, for the hardened way of running it.

An authority signs one certificate for Postgres and one for Kafka, and its own key is dropped: there
is nothing left to sign a third with, and nothing to steal. So all of them go and come together. To
have them anew, remove the folder `tls` from the volume of secrets and start the stack again.
"""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# They are for one stack's own network and are remade by hand, so they outlive what a public
# authority would give, and no stack stops at night because nobody thought of it.
VALID = timedelta(days=3650)
SLACK = timedelta(minutes=5)  # of a clock that is behind ours


class Authority:
    """Signs certificates of servers for as long as this object lives."""

    def __init__(self, now: datetime | None = None) -> None:
        self._from = (now or datetime.now(UTC)) - SLACK
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("Shelfcast's servers")
        self._usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        signed = (
            self._for(self._name, self._key.public_key())
            .add_extension(constraints, critical=True)
            .add_extension(self._usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.certificate = signed.public_bytes(serialization.Encoding.PEM).decode()

    def server(self, host: str) -> tuple[str, str]:
        """A new private key (PKCS 8, which Java reads too) and its certificate for that host."""
        key = ec.generate_private_key(ec.SECP256R1())
        signed = (
            self._for(_named(host), key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return private.decode(), signed.public_bytes(serialization.Encoding.PEM).decode()

    def _for(
        self, subject: x509.Name, public: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        issuer = self._key.public_key()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._from)
            .not_valid_after(self._from + VALID)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False
            )
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

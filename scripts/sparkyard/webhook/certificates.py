"""Certificates that renew themselves. The Secret is the truth: whichever replica writes it first wins, the others take what it holds.

A certificate comes with an authority of its own whose key is thrown away. The API server is told to trust the new authority beside the
old one before any replica serves by it, so that a renewal is never seen from outside."""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sparkyard.webhook.api import ApiServer, Json

LIFETIME = timedelta(days=90)


@dataclass(frozen=True)
class Certificate:
    authorities: str  # PEM, the one that signed first
    chain: str
    key: str

    @property
    def not_after(self) -> datetime:
        return x509.load_pem_x509_certificate(self.chain.encode()).not_valid_after_utc

    def is_due(self, now: datetime, names: tuple[str, ...]) -> bool:
        """Two thirds of its life are over, or it is another Service's."""
        certificate = x509.load_pem_x509_certificate(self.chain.encode())
        age = certificate.not_valid_after_utc - certificate.not_valid_before_utc
        said = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
        return now > certificate.not_valid_before_utc + age * 2 / 3 or not set(names) <= set(said)


def make_certificate(names: tuple[str, ...], now: datetime, lifetime: timedelta = LIFETIME) -> Certificate:
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    # the serial number tells authorities of the same name apart
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"sparkyard-defaults-{x509.random_serial_number():x}"[:60])])
    authority = (
        _builder(issuer, issuer, authority_key, now, lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    certificate = (
        _builder(subject, issuer, key, now, lifetime)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()
    return Certificate(_pem(authority), _pem(certificate), pem)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - lifetime / 100)  # clocks differ
        .not_valid_after(now + lifetime)
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@dataclass(frozen=True)
class CertificateStore:
    """The Secret with the certificate, and the webhook configuration that has to trust it."""

    api: ApiServer
    secret: str  # path of the API
    configuration: str
    names: tuple[str, ...]
    issues: bool = True  # False: cert-manager does, and its injector tells the API server whom to trust
    lifetime: timedelta = LIFETIME

    def ensure(self, now: datetime) -> Certificate | None:
        """The certificate to serve by, renewed when due and trusted by the API server; None while nobody issued one."""
        secret = self.api.update(self.secret, lambda secret: self._renewed(secret, now)) if self.issues else self.api.get(self.secret)
        certificate = parse_secret(secret)
        if certificate and self.issues:
            self.api.update(self.configuration, lambda configuration: trusting(configuration, certificate.authorities))
        return certificate

    def _renewed(self, secret: Json, now: datetime) -> Json | None:
        old = parse_secret(secret)
        if old and not old.is_due(now, self.names):
            return None
        new = make_certificate(self.names, now, self.lifetime)
        before = old.authorities.split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n" if old else ""
        values = {"ca.crt": new.authorities + before, "tls.crt": new.chain, "tls.key": new.key}
        return {**secret, "data": {key: b64encode(value.encode()).decode() for key, value in values.items()}}


def parse_secret(secret: Json) -> Certificate | None:
    data = {key: b64decode(value).decode() for key, value in (secret.get("data") or {}).items()}
    if not (data.get("tls.crt") and data.get("tls.key")):
        return None
    return Certificate(data.get("ca.crt", ""), data["tls.crt"], data["tls.key"])


def trusting(configuration: Json, authorities: str) -> Json | None:
    """The webhook configuration with these authorities, or None if it has them."""
    bundle = b64encode(authorities.encode()).decode()
    webhooks = [{**webhook, "clientConfig": {**webhook["clientConfig"], "caBundle": bundle}} for webhook in configuration["webhooks"]]
    return None if webhooks == configuration["webhooks"] else {**configuration, "webhooks": webhooks}


def utc_now() -> datetime:
    return datetime.now(UTC)

"""Certificates: trusted by their own authority only, due in time, and renewed so that nobody notices."""

import base64
import ssl
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509

from sparkyard.settings import PlatformSettings, revision
from sparkyard.webhook.certificates import LIFETIME, CertificateStore, make_certificate, parse_secret, trusting, utc_now
from sparkyard.webhook.revisions import KEPT, Revisions, with_revision

NAMES = ("sparkyard-defaults.sparkyard.svc", "sparkyard-defaults.sparkyard.svc.cluster.local")
NOW = utc_now()
STORE = CertificateStore(None, "", "", NAMES)  # type: ignore[arg-type]


def test_the_certificate_is_for_the_service_and_signed_by_its_authority() -> None:
    made = make_certificate(NAMES, NOW)
    certificate, authority = (x509.load_pem_x509_certificate(pem.encode()) for pem in (made.chain, made.authorities))
    certificate.verify_directly_issued_by(authority)
    assert "sparkyard-defaults.sparkyard.svc" in str(certificate.extensions)
    assert ssl.create_default_context(cadata=made.authorities).get_ca_certs()


@pytest.mark.parametrize(("age", "due"), [(0.0, False), (0.6, False), (0.7, True), (1.1, True)])
def test_it_is_due_after_two_thirds_of_its_life(age: float, due: bool) -> None:
    assert make_certificate(NAMES, NOW).is_due(NOW + LIFETIME * age, NAMES) is due


def test_it_is_due_when_the_service_has_another_name() -> None:
    assert make_certificate(NAMES, NOW).is_due(NOW, ("other.sparkyard.svc",))


def test_a_renewal_keeps_trust_in_the_old_authority_and_forgets_the_one_before() -> None:
    secret: dict[str, Any] = {"metadata": {"name": "s"}}
    held = []
    for step in range(3):
        secret = STORE._renewed(secret, NOW + step * LIFETIME) or secret
        held.append(parse_secret(secret))
    bundle = held[2].authorities  # type: ignore[union-attr]
    roots = [certificate.authorities.split("-----END")[0] for certificate in held if certificate]
    assert [root in bundle for root in roots] == [False, True, True]
    assert bundle.startswith(roots[2])


def test_nothing_is_written_before_it_is_due() -> None:
    secret = STORE._renewed({}, NOW) or {}
    assert STORE._renewed(secret, NOW + timedelta(days=1)) is None


def test_the_api_server_is_told_once() -> None:
    configuration = {"webhooks": [{"name": "a", "clientConfig": {"service": {"name": "s"}}}]}
    told = trusting(configuration, "PEM")
    assert told
    assert base64.b64decode(told["webhooks"][0]["clientConfig"]["caBundle"]) == b"PEM"
    assert told["webhooks"][0]["clientConfig"]["service"] == {"name": "s"}
    assert trusting(told, "PEM") is None


def test_revisions_are_remembered_once_and_the_oldest_make_room() -> None:
    config_map: dict[str, Any] = {"metadata": {}}
    made = [PlatformSettings(ttl_seconds=100 + number) for number in range(KEPT + 5)]
    for number, settings in enumerate(made):
        config_map = with_revision(config_map, settings, NOW + timedelta(seconds=number)) or config_map
    assert len(config_map["data"]) == KEPT
    assert revision(made[0]) not in config_map["data"]
    assert with_revision(config_map, made[-1], NOW) is None
    revisions = Revisions(made[-1])
    revisions._read(config_map)
    assert revisions.find(revision(made[50])) == made[50]
    assert revisions.find("0-of-another-generation") is None

"""The real server over real TLS."""

import ssl
import threading
import urllib.error
from datetime import timedelta

import pytest
from tests.webhook.conftest import NAMES, Running, application, review, wait_until

from sparkyard.webhook.certificates import make_certificate, utc_now


def test_answers_reviews(running: Running) -> None:
    assert running.post(review("CREATE", application()))["response"]["allowed"] is True
    refused = running.post(review("CREATE", application(mode="client")))["response"]
    assert "in client mode the driver would run inside the operator" in refused["status"]["message"]


def test_counts_what_it_does(running: Running) -> None:
    running.post(review("CREATE", application(mode="client")))
    metrics = running.health("/metrics")
    assert 'sparkyard_admission_reviews_total{operation="CREATE",outcome="refused"} 1.0' in metrics
    assert 'sparkyard_admission_findings_total{rule="mode",severity="error"} 1.0' in metrics
    assert "sparkyard_webhook_certificate_expiry_timestamp_seconds" in metrics


def test_a_review_that_makes_no_sense_is_an_error_not_an_outage(running: Running) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        running.post({"request": {"uid": "x"}})
    assert caught.value.code == 500
    caught.value.close()
    broken = application()
    broken["spec"]["driver"] = "none"
    assert running.post(review("CREATE", broken))["response"]["allowed"] is False
    assert running.post(review("CREATE", application()))["response"]["allowed"] is True


def test_only_its_own_authority_is_trusted(running: Running) -> None:
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        running.post(review("CREATE", application()), make_certificate(NAMES, utc_now()).authorities)


def test_a_renewal_is_served_without_a_restart_and_no_review_is_lost(running: Running) -> None:
    old, new = running.certificates.held, make_certificate(NAMES, utc_now() + timedelta(seconds=1))
    both, failures, stop = new.authorities + old.authorities, [], threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                running.post(review("CREATE", application()), both)
            except OSError as error:
                failures.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    running.certificates.held = new
    wait_until(lambda: ssl.get_server_certificate(("127.0.0.1", running.port)).split() == new.chain.split())
    stop.set()
    asking.join()
    assert failures == []
    assert running.post(review("CREATE", application()), new.authorities)["response"]["allowed"] is True

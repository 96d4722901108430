"""What the webhook counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics


class Metrics:
    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        self.reviews = Counter(
            "sparkyard_admission_reviews", "Admission reviews by their outcome.", ["operation", "outcome"], registry=registry
        )
        self.findings = Counter("sparkyard_admission_findings", "Findings by rule and severity.", ["rule", "severity"], registry=registry)
        self.seconds = Histogram(
            "sparkyard_admission_seconds", "Time to answer a review.", registry=registry, buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2)
        )
        self.expiry = Gauge("sparkyard_webhook_certificate_expiry_timestamp_seconds", "End of the serving certificate.", registry=registry)
        self.renewal_failures = Counter(
            "sparkyard_webhook_certificate_check_failures", "Looks after the certificate that failed.", registry=registry
        )
        self.revision = Gauge("sparkyard_defaults_revision_info", "The revision of new defaults.", ["revision"], registry=registry)

"""The two HTTP faces: /mutate for the API server, and health with metrics for the kubelet and Prometheus."""

import logging
import secrets
import time
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from sparkyard.settings import revision
from sparkyard.webhook.metrics import Metrics
from sparkyard.webhook.review import Answer, decide, format_refusal, format_review
from sparkyard.webhook.revisions import Revisions

log = logging.getLogger("sparkyard.webhook")


def make_run_id(name: str) -> str:
    """Sorts by time, says the job, and fits a label."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{name[:42].rstrip('-')}-{secrets.token_hex(2)}"


def make_webhook(revisions: Revisions, metrics: Metrics) -> FastAPI:
    app = FastAPI(openapi_url=None)
    metrics.revision.labels(revision(revisions.current)).set(1)

    @app.post("/mutate")
    def mutate(review: dict[str, Any]) -> JSONResponse:
        request = review["request"]
        name = request.get("name") or request["object"]["metadata"].get("generateName", "")
        with metrics.seconds.time():
            answer = decide(request, revisions.current, revisions.find, make_run_id(name))
        _tell(request, name, answer, metrics)
        return JSONResponse(format_review(request, answer))

    @app.exception_handler(Exception)
    def fail(request: Request, error: Exception) -> PlainTextResponse:
        metrics.reviews.labels("", "error").inc()
        return PlainTextResponse(f"{type(error).__name__}: {error}", 500)

    return app


def _tell(request: dict[str, Any], name: str, answer: Answer, metrics: Metrics) -> None:
    metrics.reviews.labels(request["operation"], answer.outcome).inc()
    for finding in answer.findings:
        metrics.findings.labels(finding.rule, finding.severity).inc()
    words = format_refusal(answer.findings).replace("\n", " | ") if answer.outcome == "refused" else f"{len(answer.patch)} changes"
    user = (request.get("userInfo") or {}).get("username", "")
    log.info("%s %s/%s by %s: %s, %s", request["operation"], request.get("namespace"), name, user, answer.outcome, words)


def make_health(is_ready: Callable[[], str], metrics: Metrics) -> FastAPI:
    """`is_ready` says what is still missing, or nothing."""
    app = FastAPI(openapi_url=None)

    @app.get("/healthz")
    def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok")

    @app.get("/readyz")
    def readyz() -> PlainTextResponse:
        missing = is_ready()
        return PlainTextResponse(missing or "ok", 503 if missing else 200)

    @app.get("/metrics")
    def scrape() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return app

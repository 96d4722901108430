"""A notice of a failed task: what it says, and each way that it goes, to servers of the test's own."""

import json
import logging
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("airflow.sdk", reason="no Airflow here: make test runs these with the group airflow")
from unit.runs.fake_cluster import FakeCluster

from sparkyard.airflow import YARD, notice, spark_job, summary
from sparkyard.runs.attempt import make_name

RECORD = {"cause": {"message": "seven is not eight"}, "links": {"history": "http://history/1"}}


class FakeTi(SimpleNamespace):
    def xcom_pull(self, key: str, **_: Any) -> Any:
        return self.record if key == "run_record" else None


def make_context(record: Any = RECORD) -> dict[str, Any]:
    names = {"dag_id": "d", "task_id": "t", "run_id": "r", "map_index": -1, "try_number": 3, "log_url": "http://air/log"}
    return {"ti": FakeTi(record=record, **names), "task": spark_job("hello-hello"), "exception": ValueError("of Airflow")}


class Heard:
    def __init__(self) -> None:
        self.port, self.path, self.headers, self.body, self.status = 0, "", {}, "", 200


@pytest.fixture
def web() -> Iterator[Heard]:
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.path, heard.headers = self.path, dict(self.headers)
            heard.body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(heard.status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    heard.port = server.server_port
    yield heard
    server.shutdown()
    server.server_close()


@pytest.fixture
def mail() -> Iterator[Heard]:
    """As much of SMTP as a message takes."""
    heard = Heard()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            for line in self.rfile:
                if line.strip().upper() == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    heard.body = b"".join(iter(self.rfile.readline, b".\r\n")).decode()
                self.wfile.write(b"221 bye\r\n" if line.strip().upper() == b"QUIT" else b"250 ok\r\n")

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    heard.port = server.server_address[1]
    yield heard
    server.shutdown()
    server.server_close()


def connect(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SPARKYARD_NOTICE", json.dumps(fields))


def test_a_hook_hears_cause_object_last_lines_and_links(cluster: FakeCluster, web: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    name = make_name("hello-hello", "d", "t", "r", "-1")
    cluster.apps[name] = {"metadata": {"name": name, "namespace": "spark-jobs"}, "spec": {}}
    cluster.run_driver(name, 1)
    cluster.log = ["2026-11-21T16:21:50.1Z the last line"]
    connect(monkeypatch, conn_type="http", host=f"http://127.0.0.1:{web.port}/hook", password="sesame")
    notice.tell(make_context())
    assert (web.path, web.headers["Authorization"]) == ("/hook", "Bearer sesame")
    assert web.body == {
        "task": "d.t",
        "run": "r",
        "try": 3,
        "cause": "seven is not eight",
        "object": f"spark-jobs/{name}",
        "last_lines": ["the last line"],
        "links": {"log": "http://air/log", "history": "http://history/1"},
    }


@pytest.mark.parametrize(
    ("kind", "path"), [("slackwebhook", "/x/secret"), ("msteams", "/x/secret"), ("telegram", "/botsecret/sendMessage")]
)
def test_people_read_the_same_where_they_talk(
    cluster: FakeCluster, web: Heard, monkeypatch: pytest.MonkeyPatch, kind: str, path: str
) -> None:
    address = f"http://127.0.0.1:{web.port}"
    host = "the chat" if kind == "telegram" else f"{address}/x"
    connect(monkeypatch, conn_type=kind, host=host, password="secret", extra={"api": address})
    notice.tell(make_context())
    assert web.path == path
    said = json.dumps(web.body)
    for words in ("d.t failed (run r, try 3)", "seven is not eight", "http://air/log"):
        assert words in said
    assert (kind == "telegram") is (web.body.get("chat_id") == "the chat")


def test_a_mail_says_it_too(cluster: FakeCluster, mail: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {"to": "us@example.com", "from_email": "yard@example.com", "disable_ssl": True, "disable_tls": True}
    connect(monkeypatch, conn_type="smtp", host="127.0.0.1", port=mail.port, extra=extra)
    notice.tell(make_context())
    for words in ("Subject: d.t failed", "To: us@example.com", "seven is not eight"):
        assert words in mail.body


@pytest.mark.parametrize("broken", ["it answers 500", "nobody listens", "no such way"])
def test_what_cannot_be_sent_is_a_warning_that_tells_no_secret(
    cluster: FakeCluster, web: Heard, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    web.status = 500
    port = 1 if broken == "nobody listens" else web.port
    kind = "pigeon" if broken == "no such way" else "slackwebhook"
    connect(monkeypatch, conn_type=kind, host=f"http://127.0.0.1:{port}", password="hidden")
    with caplog.at_level(logging.WARNING, notice.__name__):
        notice.tell(make_context())
    assert "no notice could be sent" in caplog.text
    assert "hidden" not in caplog.text


def test_without_a_record_or_a_cluster_airflows_own_words_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    told = notice.make_notice(make_context(record=None))
    assert (told["cause"], told["last_lines"]) == ("of Airflow", [])


def test_without_a_connection_nobody_is_told(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SPARKYARD_NOTICE", raising=False)
    monkeypatch.setattr(notice, "make_notice", lambda _: pytest.fail("made for nobody"))
    notice.tell(make_context())


def test_every_job_tells_of_its_failure_and_a_summary_does_not_repeat_it() -> None:
    assert YARD["default_args"]["on_failure_callback"] is notice.tell
    assert summary.kwargs["on_failure_callback"] is None

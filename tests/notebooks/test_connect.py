"""The door in front of a real Connect server of this machine, a hub that answers as JupyterHub does, and a kernel's session."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sparkyard.local.cds import QUICK_START
from sparkyard.notebook import connect
from sparkyard.notebook.errors import explain
from sparkyard.project import ROOT
from sparkyard.webhook.certificates import make_certificate

grpc = pytest.importorskip("grpc", reason="no client of Spark Connect: uv sync --group connect")
pytestmark = pytest.mark.java
TEAMS = {"sales": {"users": ["ann"]}, "science": {"groups": ["lab"]}}


def make_model(name: str, *groups: str, scopes: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"kind": "user", "name": name, "groups": list(groups), "scopes": list(scopes or (f"access:servers!server={name}/",))}


PEOPLE = {
    "anns": make_model("ann"),
    "bobs": make_model("bob", "lab"),
    "cleos": make_model("cleo"),
    "anns-name-as-bobs-server-has-it": make_model("ann", scopes=("access:servers!server=bob/",)),
    "robots": {"kind": "service", "name": "ann", "scopes": ["access:servers"]},
}


class FakeHub:
    """GET /hub/api/user, as JupyterHub answers it to a token."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.people = dict(PEOPLE)
        self.broken = False
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.answer(self)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        token = handler.headers["Authorization"].removeprefix("token ")
        self.asked.append(token)
        model = self.people.get(token)
        handler.send_response(503 if self.broken else 200 if model else 403)
        handler.end_headers()
        handler.wfile.write(json.dumps(model).encode())

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hub/api"


def find_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for_port(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    import socket

    for _ in range(2000):
        assert process.poll() is None, log.read_text()[-3000:]
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text()[-3000:])


@contextmanager
def run(command: list[str], port: int, log: Path, **env: str) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("ab") as file:
        process = subprocess.Popen(command, env={**os.environ, **env}, stdout=file, stderr=file, cwd=log.parent)
        try:
            wait_for_port(port, process, log)
            yield process
        finally:
            process.kill()
            process.wait(30)


@contextmanager
def run_server(folder: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """By the script that the operator calls, on Spark's own jars."""
    import pyspark

    home = folder / "spark"
    if not home.exists():
        home.mkdir()
        for part in Path(pyspark.__file__).parent.iterdir():
            if part.name in ("bin", "jars"):
                (home / part.name).symlink_to(part)
        shutil.copytree(ROOT / "images/spark/sbin", home / "sbin")
    conf = {
        "spark.connect.grpc.binding.port": str(port),
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.driver.memory": "600m",
        "spark.driver.defaultJavaOptions": " ".join(QUICK_START),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
    }
    options = [word for key, value in conf.items() for word in ("--conf", f"{key}={value}")]
    command = [str(home / "sbin/start-connect-server.sh"), "--master", "local[2]", *options]
    own = {"SPARK_HOME": str(home), "SPARK_PID_DIR": str(folder), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    with run(command, port, folder / "server.log", SPARK_CONNECT_AUTHENTICATE_TOKEN="the server's own", **own) as process:
        yield process


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server of the team sales, none of science, and the door in front of both."""
    folder, hub = tmp_path_factory.mktemp("connect"), FakeHub()
    made = SimpleNamespace(folder=folder, hub=hub, server_port=find_port(), port=find_port(), metrics=find_port())
    certificate = make_certificate(("localhost",), datetime.now(UTC))
    for name, text in {"tls.crt": certificate.chain, "tls.key": certificate.key, "ca.crt": certificate.authorities}.items():
        (folder / name).write_text(text)
    addresses = {"sales": made.server_port, "science": find_port()}
    servers = {team: {**TEAMS[team], "address": f"127.0.0.1:{port}"} for team, port in addresses.items()}
    (folder / "values.json").write_text(json.dumps({"hub": hub.api, "sessionIdle": 3600, "servers": servers}))
    for team in TEAMS:
        (folder / team).write_text("the server's own")
    command = [sys.executable, "-m", "sparkyard.hub.connect", str(folder / "values.json"), "--tokens", str(folder), "--tls", str(folder)]
    command += ["--port", str(made.port), "--metrics-port", str(made.metrics)]
    with ExitStack() as made.servers, pytest.MonkeyPatch.context() as patch:
        made.server = made.servers.enter_context(run_server(folder, made.server_port))
        made.servers.enter_context(run(command, made.port, folder / "door.log"))
        patch.setitem(os.environ, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", str(folder / "ca.crt"))
        patch.setitem(connect.PATIENCE, "max_retries", 2)
        made.certificate = certificate
        yield made


def make_environment(place: Any, token: str, teams: tuple[str, ...] = ("sales",)) -> dict[str, str]:
    door = {"address": f"localhost:{place.port}", "teams": teams, "user": "ann", "authority": place.certificate.authorities}
    return {"SPARKYARD_CONNECT": json.dumps(door), "JUPYTERHUB_API_TOKEN": token}


@pytest.fixture
def open_session(place: Any) -> Iterator[Callable[..., Any]]:
    opened: list[connect.ConnectSession] = []

    def open_(token: str, *teams: str, progress: Callable[..., None] = lambda **_: None) -> connect.ConnectSession:
        environment = make_environment(place, token, teams or ("sales",))
        opened.append(connect.ConnectSession("here", lambda: connect.make_address(environment), progress))
        return opened[-1]

    yield open_
    for session in opened:
        if session._started is not None:
            connect.drop(session._started)


def get_metrics(place: Any) -> dict[str, float]:
    import urllib.request

    text = urllib.request.urlopen(f"http://127.0.0.1:{place.metrics}/metrics").read().decode()
    pairs = (line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("sparkyard_"))
    return {name: float(value) for name, value in pairs}


def test_a_member_asks_and_is_answered(place: Any, open_session: Any, capsys: Any) -> None:
    from pyspark.sql import functions
    from pyspark.sql.connect.session import SparkSession

    told: list[Any] = []
    spark = open_session("anns", progress=lambda **state: told.append(state))
    assert "not started" in repr(spark)
    assert isinstance(spark, SparkSession)
    assert spark.range(5).select(functions.sum("id")).first()[0] == 10
    assert "reached in" in capsys.readouterr().out
    assert spark.sql("SELECT :least AS it", args={"least": 3}).collect()[0].it == 3
    rows = spark.range(100_000).selectExpr("id", "repeat('x', 100) AS text")
    assert len(rows.toPandas()) == 100_000, "10 MB in many messages"
    assert told[-1]["done"], "progress is told"
    metrics = get_metrics(place)
    assert metrics['sparkyard_connect_sessions{team="sales"}'] >= 1
    calls = metrics['sparkyard_connect_calls_total{code="OK",team="sales"}']
    assert place.hub.asked.count("anns") < calls, "the hub is asked at times, not at each call"


def test_rows_and_code_of_the_notebook_go_there(open_session: Any) -> None:
    from pyspark.sql.functions import udf

    spark = open_session("anns")
    frame = spark.createDataFrame([(1, "a"), (2, "b")], "number int, letter string")
    assert [row[0] for row in frame.select(udf(lambda text: text * 2)("letter")).collect()] == ["aa", "bb"]
    frame.createOrReplaceTempView("mine")
    assert spark.table("mine").count() == 2


def test_an_error_of_sql_keeps_its_class_and_words(open_session: Any) -> None:
    from pyspark.errors import AnalysisException

    with pytest.raises(AnalysisException) as caught:
        open_session("anns").sql("SELECT nothing").collect()
    assert caught.value.getCondition().startswith("UNRESOLVED_COLUMN")


def test_an_interrupted_cell_ends_on_the_server(place: Any, open_session: Any) -> None:
    spark = open_session("anns")
    spark.range(1).count()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
    slow = spark.range(0, 10**12, 1, 2).selectExpr("sum(hash(id))")
    threading.Timer(2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        slow.collect()
    assert spark.range(3).count() == 3, "both cores are free again"


REFUSED = {
    "no token of anybody's": ("none", (), "does not know this token"),
    "of a person in no team": ("cleos", (), "cleo may use the Connect server of no team, not of sales"),
    "of another team": ("bobs", (), "bob may use the Connect server of science, not of sales"),
    "that bob's server holds of ann": ("anns-name-as-bobs-server-has-it", (), "does not know this token"),
    "of a service": ("robots", (), "does not know this token"),
}


@pytest.mark.parametrize(("token", "teams", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_token_is_refused_in_words(place: Any, open_session: Any, token: str, teams: tuple[str, ...], words: str) -> None:
    before = sum(value for name, value in get_metrics(place).items() if name.startswith("sparkyard_connect_refused_total"))
    with pytest.raises(Exception) as caught:
        open_session(token, *teams).version  # noqa: B018
    assert words in str(explain(caught.value))
    assert sum(value for name, value in get_metrics(place).items() if name.startswith("sparkyard_connect_refused_total")) > before


def test_the_server_itself_opens_to_nobody(place: Any) -> None:
    """Not to the token of a person, only to the one that the door has."""
    from pyspark.sql.connect.client import SparkConnectClient

    def ask(token: str) -> str:
        client = SparkConnectClient(f"sc://localhost:{place.server_port}/;token={token}")
        try:
            return str(client._analyze(method="spark_version").spark_version)
        finally:
            client.close()

    assert ask("the%20server's%20own").startswith("4.")
    with pytest.raises(Exception, match="UNAUTHENTICATED"):
        ask("anns")


def test_a_hub_that_is_away_is_told_and_who_is_known_goes_on(place: Any, open_session: Any, capsys: Any) -> None:
    known = open_session("anns")
    known.range(1).count()
    place.hub.broken = True
    try:
        assert known.range(2).count() == 2
        connect.drop(known._started)
        with pytest.raises(Exception) as caught:
            open_session("never-seen").version  # noqa: B018
    finally:
        place.hub.broken = False
    assert "the hub does not answer" in str(explain(caught.value))
    assert "waiting up to a minute: the hub does not answer" in capsys.readouterr().out


def test_a_server_that_is_away_is_told(open_session: Any) -> None:
    with pytest.raises(Exception) as caught:
        open_session("bobs", "science").version  # noqa: B018
    assert "the Connect server of science does not answer: it is starting, or it has crashed" in str(explain(caught.value))


@pytest.mark.long
def test_a_server_that_has_started_anew_is_told_and_the_next_cell_runs(
    place: Any, open_session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connect.PATIENCE, "max_retries", 15)  # the door looks for the new server every two seconds
    spark = open_session("anns")
    assert spark.range(1).count() == 1
    place.server.kill()
    place.server.wait(30)
    place.server = place.servers.enter_context(run_server(place.folder, place.server_port))
    with pytest.raises(Exception) as caught:
        spark.range(1).count()
    assert "the Connect server has started anew" in str(explain(caught.value))
    spark.notice(caught.value)
    assert spark.range(2).count() == 2


def test_the_script_that_stops_it_waits_for_its_end(place: Any, open_session: Any) -> None:
    """The last one: nothing answers afterwards."""
    spark = open_session("anns")
    spark.range(1).count()
    stop = subprocess.Popen(
        [str(place.folder / "spark/sbin/stop-connect-server.sh")], env={**os.environ, "SPARK_PID_DIR": str(place.folder)}
    )
    assert place.server.wait(60) is not None
    assert stop.wait(10) == 0
    with pytest.raises(Exception) as caught:
        spark.range(1).count()
    assert "the Connect server of sales does not answer" in str(explain(caught.value))

"""The kernel "Spark Connect" without a server: its address, its server's configuration, what is told when a session is over."""

import json
from pathlib import Path
from typing import Any

import pytest

from sparkyard.notebook import connect
from sparkyard.notebook.connect_server import write_conf
from sparkyard.notebook.errors import explain
from sparkyard.notebook.progress import CallProgress
from sparkyard.project import ROOT
from sparkyard.settings import Encryption, PlatformSettings, Share, format_settings

DOOR = {"address": "jupyter-connect.sparkyard.svc:15002", "teams": ["all", "sales"], "user": "ann@corp", "authority": "PEM"}
ENVIRON = {"SPARKYARD_CONNECT": json.dumps(DOOR), "JUPYTERHUB_API_TOKEN": "se;cr=et"}


def test_the_address_names_person_team_and_token_and_keeps_their_signs() -> None:
    assert connect.make_address(ENVIRON) == (
        "sc://jupyter-connect.sparkyard.svc:15002/;use_ssl=true;token=se%3Bcr%3Det;user_id=ann%40corp;sparkyard-team=all"
    )
    assert connect.make_address({**ENVIRON, "SPARKYARD_CONNECT_TEAM": "sales"}).endswith(";sparkyard-team=sales")


def test_the_kernel_is_prepared_without_asking_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED", "PYTHONPATH"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr("sys.path", [])
    settings = PlatformSettings(shares=(Share(name="sales", mount_path="/shares/sales"),))
    given = {"SPARKYARD_NOTEBOOK_SETTINGS": format_settings(settings), "SPARKYARD_CONNECT_CLIENT": "/opt/client"}
    place = connect.prepare_connect({**ENVIRON, **given})
    import os
    import sys

    assert Path(os.environ["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"]).read_text() == "PEM"
    assert os.environ["SPARK_REMOTE"] == connect.make_address(ENVIRON)
    assert sys.path[0] == "/opt/client"
    assert place.shares == {"sales": "/shares/sales/files"}


def test_the_kernel_is_shown_to_who_has_it_only() -> None:
    kernel = json.loads((ROOT / "images/notebook/jupyter/kernels/spark-connect/kernel.json").read_text())
    assert "--ext=sparkyard.notebook.connect" in kernel["argv"]
    assert (
        '({"spark-connect"} if "SPARKYARD_CONNECT" in os.environ else set())'
        in (ROOT / "images/notebook/jupyter/jupyter_server_config.py").read_text()
    )


class Session:
    is_stopped = False
    release_session_on_close = True
    stops = 0

    def stop(self) -> None:
        self.stops += 1


class SparkConnectGrpcException(Exception):
    __module__ = "pyspark.errors.exceptions.connect"


OVER = (
    "[INVALID_HANDLE.SESSION_CHANGED] The handle is invalid. The existing Spark server driver instance has restarted.",
    "[INVALID_HANDLE.SESSION_CLOSED] The handle is invalid. Session was closed.",
    "[NO_ACTIVE_SESSION] No active Spark session found.",  # what the client says of the first, which it has closed itself
    "Received incorrect server side session identifier for request. Please create a new Spark Session to reconnect.",
)


@pytest.mark.parametrize("words", OVER)
def test_a_session_that_is_over_is_told_and_not_used_again(words: str) -> None:
    spark = connect.ConnectSession("here", lambda: "", lambda: None)
    spark._started = session = Session()
    spark.notice(ValueError("another"))
    assert spark._started is session
    spark.notice(SparkConnectGrpcException(words))
    assert spark._started is None
    assert (session.stops, session.release_session_on_close) == (1, False), "a server that is away is not asked to release it"
    told = str(explain(SparkConnectGrpcException(words)))
    assert "Run the cell again" in told


def test_the_door_s_words_are_those_that_are_told() -> None:
    trace = '<_MultiThreadedRendezvous of RPC\n\tstatus = StatusCode.UNAVAILABLE\n\tdetails = "sparkyard: the hub does not answer"\n>'
    assert explain(SparkConnectGrpcException(trace)) == "the hub does not answer"


def test_what_is_waited_for_is_said_once(capsys: Any) -> None:
    class Away(Exception):
        def details(self) -> str:
            return "sparkyard: it is starting"

    can_retry = connect.tell_once(lambda error: isinstance(error, Away))
    assert [can_retry(Away()), can_retry(Away()), can_retry(ValueError())] == [True, True, False]
    assert capsys.readouterr().out == "waiting up to a minute: it is starting\n"


class Stage:
    stage_id, num_tasks, num_completed_tasks, done = 3, 8, 5, False


def test_progress_of_a_call_is_shown_below_its_cell() -> None:
    progress, shown = CallProgress(), []
    progress._shown.show = lambda text, html: shown.append(text)  # type: ignore[method-assign]
    progress(stages=[Stage()], inflight_tasks=2, operation_id="a", done=False)
    progress(stages=[Stage()], inflight_tasks=0, operation_id="a", done=True)
    assert shown[0] == "stage 3: 5 of 8 tasks\n2 task(s) running"
    assert shown[1].startswith("1 stage(s) seen to run in")


def write(folder: Path, **settings: Any) -> tuple[dict[str, str], dict[str, Any]]:
    sizes = {"user": "connect--sales", "driverMemory": "2g", "max": 8, "cores": 2, "memory": "4g"}
    environ = {
        "SPARKYARD_NOTEBOOK_SETTINGS": format_settings(PlatformSettings(**settings)),
        "SPARKYARD_NOTEBOOK_SIZES": json.dumps(sizes),
        "SPARKYARD_SESSION_IDLE": "600",
        "POD_NAME": "connect-sales-server",
        "POD_NAMESPACE": "spark-notebooks",
        "POD_IP": "10.0.0.7",
    }
    write_conf(folder, environ)
    lines = (folder / "spark-defaults.conf").read_text().splitlines()
    return dict(line.split(" ", 1) for line in lines), json.loads((folder / "executor.yaml").read_text())


def test_a_server_is_configured_as_a_notebook_is(tmp_path: Path) -> None:
    conf, executor = write(tmp_path, encryption=Encryption(secret="spark-rpc-connect--sales"), spark_conf={"spark.site": "own"})
    assert conf["spark.sql.catalog.yard.type"] == "jdbc"
    assert conf["spark.network.crypto.enabled"] == conf["spark.io.encryption.enabled"] == "true"
    assert conf["spark.dynamicAllocation.maxExecutors"] == "8"
    assert conf["spark.dynamicAllocation.minExecutors"] == conf["spark.dynamicAllocation.initialExecutors"] == "0"
    assert conf["spark.driver.memory"] == "2g"
    assert conf["spark.site"] == "own"
    assert conf["spark.connect.session.manager.defaultSessionTimeout"] == "600s"
    assert conf["spark.kubernetes.executor.podTemplateFile"] == str(tmp_path / "executor.yaml")
    assert executor["metadata"]["labels"]["sparkyard.dev/notebook-user"] == "connect--sales"
    assert {volume["secret"]["secretName"] for volume in executor["spec"]["volumes"] if "secret" in volume} == {"spark-rpc-connect--sales"}
    assert not any("token" in key or "password" in key for key in conf)

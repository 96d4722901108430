"""The kernel "Spark Connect": `spark` is a session of a server that a team shares, there at once. Nothing of Spark runs in this pod."""

import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

from pydantic import Field

from sparkyard import names
from sparkyard.notebook.place import Place, find_apps, find_shares
from sparkyard.notebook.session import LazySession
from sparkyard.settings import Model, parse_settings

CLIENT_ENV = "SPARKYARD_CONNECT_CLIENT"  # of the image: packages that only this kernel needs, since with them every session starts later
TEAM_ENV = "SPARKYARD_CONNECT_TEAM"  # of a notebook: which of several teams
PATIENCE = {"max_retries": 15, "max_backoff": 5000}  # milliseconds; about a minute in all
OVER = re.compile(
    r"SESSION_(CHANGED|NOT_FOUND|CLOSED)|OPERATION_NOT_FOUND|RESPONSE_ALREADY_RECEIVED|NO_ACTIVE_SESSION|server side session identifier"
)


class Door(Model):
    """What the hub says of Spark Connect to a person in a team (scripts/sparkyard/hub/teams.py)."""

    address: str
    teams: tuple[str, ...] = Field(min_length=1)
    user: str
    authority: str  # whose certificates are trusted, PEM


def load_ipython_extension(shell: Any) -> None:
    """`ipykernel_launcher --ext=sparkyard.notebook.connect`. Nothing is asked of the server before the first use."""
    from sparkyard.notebook.errors import watch_errors
    from sparkyard.notebook.helpers import Yard
    from sparkyard.notebook.idle import watch_idle
    from sparkyard.notebook.progress import CallProgress
    from sparkyard.notebook.sql import register_sql

    place = prepare_connect()
    progress = CallProgress()
    spark = ConnectSession(place.words, make_address, progress)
    shell.push({"spark": spark, "yard": Yard(spark, place)}, interactive=False)
    loading = Thread(target=import_client, daemon=True)
    shell.events.register("pre_run_cell", lambda _: loading.join())  # of two threads that import, one may see half a module
    progress.watch(shell.events)
    spark.watch(shell)
    register_sql(shell, spark)
    watch_errors(shell, spark.notice)
    watch_idle(shell)
    loading.start()


def import_client() -> None:
    """While the person still looks at the notebook. What fails here fails again, and is told, where it is used."""
    with suppress(Exception):
        import_module("pyspark.sql.connect.session")


def prepare_connect(environ: Mapping[str, str] = os.environ) -> Place:
    """Any session of this kernel is one of the server's, however it is asked for."""
    sys.path += [path for path in [environ.get(CLIENT_ENV)] if path]
    find_apps()
    authority = Path(tempfile.mkdtemp(prefix="sparkyard-kernel-")) / "ca.crt"
    authority.write_text(load_door(environ).authority)
    os.environ["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = str(authority)
    os.environ |= {"SPARK_REMOTE": make_address(environ), "SPARK_CONNECT_MODE_ENABLED": "1"}  # pyspark.sql.functions looks for the latter
    settings = environ.get(names.NOTEBOOK_SETTINGS_ENV)
    shares = find_shares(parse_settings(settings, names.NOTEBOOK_SETTINGS_ENV)) if settings else {}
    return Place("on a server that your team shares, whose other sessions you may notice", lambda: "", shares)


def load_door(environ: Mapping[str, str]) -> Door:
    return Door.model_validate_json(environ[names.NOTEBOOK_CONNECT_ENV])


def make_address(environ: Mapping[str, str] = os.environ) -> str:
    """With the token by which this server is known to the hub."""
    door = load_door(environ)
    given = {
        "use_ssl": "true",
        "token": environ["JUPYTERHUB_API_TOKEN"],
        "user_id": door.user,
        "sparkyard-team": environ.get(TEAM_ENV) or door.teams[0],
    }
    return f"sc://{door.address}/;" + ";".join(f"{key}={quote(value, safe='')}" for key, value in given.items())


class ConnectSession(LazySession):
    """After spark.stop(), or once the server has ended the session, the next use begins another."""

    def __init__(self, words: str, address: Callable[[], str], progress: Callable[..., None]) -> None:
        super().__init__(words)
        self._address = address
        self._progress = progress

    def notice(self, error: BaseException) -> None:
        """A session that is over is not asked again."""
        if self._started is not None and OVER.search(str(error)):
            drop(self._started)
            self._started = None

    def _is_over(self, session: Any) -> bool:
        return bool(session.is_stopped)

    def _kind(self) -> Any:
        from pyspark.sql.connect.session import SparkSession

        return SparkSession

    def _start(self) -> Any:
        from pyspark.sql import SparkSession
        from pyspark.sql.connect.client.retries import DefaultPolicy

        begun = time.monotonic()
        session = SparkSession.builder.remote(self._address()).getOrCreate()
        policy = DefaultPolicy(**PATIENCE)
        policy.can_retry = tell_once(policy.can_retry)
        session.client.set_retry_policies([policy])
        session.registerProgressHandler(self._progress)
        try:
            print(f"Spark {session.version} reached in {time.monotonic() - begun:.1f} s: {self._words}", flush=True)
        except BaseException:
            drop(session)
            raise
        return session


def drop(session: Any) -> None:
    """Without asking the server, which may be away; the next session is another."""
    session.release_session_on_close = False
    session.stop()


def tell_once(can_retry: Callable[[BaseException], bool]) -> Callable[[BaseException], bool]:
    """Says that the server is waited for: Spark's client tries again in silence."""
    told: set[str] = set()

    def tell(error: BaseException) -> bool:
        again = can_retry(error)
        words = str(getattr(error, "details", lambda: "")() or "")
        if again and words not in told:
            told.add(words)
            print(f"waiting up to a minute: {words.removeprefix('sparkyard: ')}", flush=True)
        return again

    return tell

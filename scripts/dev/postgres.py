"""A PostgreSQL for tests and measurements: Debian's, in a folder of its own, without a service, gone at the end.

python scripts/dev/postgres.py     installs it where this machine lets us
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "setup"))
import aptget

NO_SERVICE = Path("/etc/postgresql-common/createcluster.conf")
PR_SET_PDEATHSIG = 1
PASSWORD = "only-for-this-test"


@dataclass(frozen=True)
class Server:
    port: int
    certificate: str = ""

    def connection(self, database: str = "postgres", tls: str = "off") -> str:
        """As a file among the connections of a place says it."""
        said = {"kind": "postgresql", "host": "localhost", "database": database, "user": "postgres", "password": PASSWORD, "tls": tls}
        lines = [f'{key} = "{value}"' for key, value in said.items()] + [f"port = {self.port}"]
        return "\n".join([*lines, *([f'ca = """{self.certificate}"""'] if tls == "verify" else []), ""])

    def dsn(self, database: str = "postgres") -> str:
        return f"host=localhost port={self.port} user=postgres password={PASSWORD} dbname={database} sslmode=disable"


def find_programs() -> Path | None:
    """The folder of the newest version that is installed; Debian puts none of it on PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = folders[-1] if folders else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


@contextmanager
def serve(port: int, certificate: Path | None = None, *settings: str) -> Iterator[Server]:
    """`certificate`: a folder with tls.crt and tls.key. PostgreSQL refuses to run as root, so it has a user and a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        options = [f"port={port}", f"unix_socket_directories={folder}", *settings, *_encrypted(folder, certificate)]
        data = _initialise(folder)
        command = [_program("postgres"), "-D", str(data), *(word for option in options for word in ("-c", option))]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, user=_user(), cwd=folder, stdout=log, stderr=log, preexec_fn=_die_with_parent)
        try:
            _wait(process, port, folder / "log")
            yield Server(port, (certificate / "tls.crt").read_text() if certificate else "")
        finally:
            process.send_signal(signal.SIGINT)  # does not wait for clients
            process.wait(60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _die_with_parent() -> None:
    """Who is killed leaves no server behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def _encrypted(folder: Path, certificate: Path | None) -> list[str]:
    if not certificate:
        return []
    for name in ("tls.crt", "tls.key"):
        shutil.copy(certificate / name, folder / name)
        (folder / name).chmod(0o600)
    return ["ssl=on", f"ssl_cert_file={folder / 'tls.crt'}", f"ssl_key_file={folder / 'tls.key'}"]


def _initialise(folder: Path) -> Path:
    (folder / "password").write_text(PASSWORD)
    if user := _user():
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, user)
    command = [_program("initdb"), "--pgdata", str(folder / "data"), "--username", "postgres", "--pwfile", str(folder / "password")]
    command += ["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
    subprocess.run(command, user=_user(), cwd=folder, check=True, capture_output=True)
    return folder / "data"


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    for _ in range(600):
        if subprocess.run([_program("pg_isready"), "--quiet", "--host", "localhost", "--port", str(port)]).returncode == 0:
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"PostgreSQL does not start: {log.read_text()[-1000:]}")


def _program(name: str) -> str:
    if folder := find_programs():
        return str(folder / name)
    raise FileNotFoundError("PostgreSQL is not installed. Next: python scripts/dev/postgres.py")


def _user() -> str | None:
    return "postgres" if os.geteuid() == 0 else None


def main() -> int:
    if find_programs():
        return 0
    if not aptget.can_install():
        print("postgres: not installed here. Next: apt-get install postgresql", file=sys.stderr)
        return 3
    print("Installing PostgreSQL …", flush=True)
    if not NO_SERVICE.exists():
        NO_SERVICE.parent.mkdir(exist_ok=True)
        NO_SERVICE.write_text("create_main_cluster = false\n")
    done = aptget.install("postgresql")
    if done.returncode:
        print(f"postgres: {aptget.explain(done)}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())

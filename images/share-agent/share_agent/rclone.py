"""One rclone process: a share's connections and its mount, spoken to through a socket that only this pod sees.

The password reaches it in its environment, obscured: never on a command line, in a file or in a log."""

import http.client
import json
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

SOCKETS = Path("/run/sparkyard")
START_TIMEOUT = 20.0
OPTIONS = (
    *("--rc-no-auth", "--log-level", "NOTICE", "--contimeout", "10s"),
    # each try is a logon: with more of them one wrong password could lock an account
    *("--low-level-retries", "2"),
)


class RcloneError(Exception):
    """What rclone or the server said."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("rclone", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def obscure(password: str) -> str:
    done = subprocess.run(["rclone", "obscure", "-"], input=password, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def make_environment(server: str, port: int, credentials: dict[str, str]) -> dict[str, str]:
    remote = {
        "TYPE": "smb",
        "HOST": server,
        "PORT": str(port),
        "USER": credentials["username"],
        "PASS": obscure(credentials["password"]),
        "DOMAIN": credentials.get("domain") or "WORKGROUP",
    }
    kept = {"PATH": os.environ["PATH"], "HOME": "/tmp", "RCLONE_CONFIG": "/notfound", "RCLONE_CACHE_DIR": "/tmp/rclone"}
    return {**kept, **{f"RCLONE_CONFIG_SHARE_{key}": value for key, value in remote.items()}}


class Rclone:
    def __init__(self, name: str, environment: dict[str, str]) -> None:
        self.socket = SOCKETS / f"{name}.sock"
        self.socket.unlink(missing_ok=True)
        self.process = subprocess.Popen(["rclone", "rcd", "--rc-addr", f"unix://{self.socket}", *OPTIONS], env=environment)
        deadline = time.monotonic() + START_TIMEOUT
        while not self.socket.exists():
            if not self.is_alive() or time.monotonic() > deadline:
                self.stop()
                raise RcloneError("rclone does not start")
            time.sleep(0.05)

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def call(self, command: str, timeout: float, **parameters: Any) -> dict[str, Any]:
        try:
            connection = _Connection(self.socket, timeout)
            connection.request("POST", f"/{command}", json.dumps(parameters), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            body = json.loads(answer.read())
        except TimeoutError:
            raise RcloneError(f"timed out after {timeout:.0f} s") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise RcloneError(f"rclone does not answer: {error}") from None
        finally:
            connection.close()
        if answer.status != 200:
            raise RcloneError(str(body.get("error", body)))
        return dict(body)

    def stop(self) -> None:
        """Requests that hang end with it: whoever reads gets an error."""
        self.process.kill()
        self.process.wait()
        self.socket.unlink(missing_ok=True)

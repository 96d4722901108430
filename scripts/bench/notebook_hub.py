"""JupyterHub as a person's browser and kernel see it: pages, servers, cells over the WebSocket, all through the proxy."""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import websocket

Object = dict[str, Any]


@dataclass
class Answer:
    """What a cell left behind."""

    status: str
    text: str = ""  # streams and results
    shown: list[str] = field(default_factory=list)  # displays, each state of them
    error: str = ""
    trace: list[str] = field(default_factory=list)


class Hub:
    """By the token of the service `platform`, which may act for people."""

    def __init__(self, port: int, token: str) -> None:
        self.address, self.port, self.token = f"http://127.0.0.1:{port}", port, token
        self.client = httpx.Client(base_url=self.address, timeout=60, headers={"Authorization": f"token {token}"})

    def api(self, method: str, path: str, **fields: Any) -> httpx.Response:
        return self.client.request(method, f"/hub/api{path}", **fields)

    def start(self, user: str) -> None:
        self.api("POST", f"/users/{user}")
        started = self.api("POST", f"/users/{user}/server", json={"profile": "small"})
        assert started.status_code in (201, 202, 400), started.text

    def wait_for_server(self, user: str, timeout: float = 600) -> None:
        self.wait(lambda: self.get_server(user).get("ready"), f"{user}'s server is not ready", timeout)

    def get_server(self, user: str) -> Object:
        return dict(self.api("GET", f"/users/{user}").json().get("servers", {}).get("", {}))

    def stop(self, user: str) -> None:
        self.api("DELETE", f"/users/{user}/server")
        self.wait(lambda: not self.api("GET", f"/users/{user}").json().get("server"), f"{user}'s server is still there", 60)

    def wait(self, done: Callable[[], Any], words: str, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not done():
            assert time.monotonic() < deadline, f"{words} after {timeout:.0f} s"
            time.sleep(1)

    def make_token(self, user: str) -> str:
        return str(self.api("POST", f"/users/{user}/tokens", json={"note": "e2e"}).json()["token"])

    def log_in(self, user: str, password: str) -> httpx.Response:
        """The form that a browser sends."""
        with httpx.Client(base_url=self.address, timeout=30) as browser:
            browser.get("/hub/login")
            form = {"username": user, "password": password, "_xsrf": browser.cookies["_xsrf"]}
            return browser.post("/hub/login", data=form)

    def open_kernel(self, user: str, name: str = "spark") -> "Kernel":
        made = self.client.post(f"/user/{user}/api/kernels", json={"name": name})
        assert made.status_code == 201, made.text
        return Kernel(self, user, made.json()["id"])


class Kernel:
    def __init__(self, hub: Hub, user: str, identity: str) -> None:
        self.hub, self.user, self.identity = hub, user, identity
        self.socket: Any = None
        self.connect()

    def connect(self, tries: int = 3) -> None:
        """Again where the line breaks meanwhile, as JupyterLab does."""
        url = f"ws://127.0.0.1:{self.hub.port}/user/{self.user}/api/kernels/{self.identity}/channels"
        try:
            self.socket = websocket.create_connection(url, header=[f"Authorization: token {self.hub.token}"], timeout=180)
        except websocket.WebSocketConnectionClosedException:
            if tries == 1:
                raise
            time.sleep(1)
            self.connect(tries - 1)
        self.heard = time.monotonic()

    def run(self, code: str) -> Answer:
        if time.monotonic() - self.heard > 20:  # who does not answer the server's pings meanwhile is cut off
            self.socket.close()
            self.connect()
        identity = uuid.uuid4().hex
        header = {"msg_id": identity, "msg_type": "execute_request", "username": self.user, "session": "e2e", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        self.socket.send(json.dumps(message))
        return self._collect(identity)

    def _collect(self, identity: str) -> Answer:
        answer, idle = Answer(""), False
        while not (idle and answer.status):
            message = json.loads(self.socket.recv())
            self.heard = time.monotonic()
            if message.get("parent_header", {}).get("msg_id") != identity:
                continue
            kind, content = message["header"]["msg_type"], message["content"]
            idle |= kind == "status" and content["execution_state"] == "idle"
            self._note(answer, kind, content)
        return answer

    def _note(self, answer: Answer, kind: str, content: Object) -> None:
        if kind == "stream":
            answer.text += content["text"]
        elif kind == "execute_result":
            answer.text += content["data"].get("text/plain", "") + "\n"
        elif kind in ("display_data", "update_display_data"):
            answer.shown.append(content["data"].get("text/plain", ""))
        elif kind == "execute_reply":
            answer.status = content["status"]
        elif kind == "error":
            answer.error, answer.trace = f"{content['ename']}: {content['evalue']}", content["traceback"]

    def must(self, code: str) -> Answer:
        answer = self.run(code)
        assert answer.status == "ok", f"{code}\n{answer.error}\n{answer.text[-2000:]}"
        return answer

    def run_notebook(self, path: Path) -> list[Answer]:
        cells = json.loads(path.read_text())["cells"]
        return [self.must("".join(cell["source"])) for cell in cells if cell["cell_type"] == "code"]

    def restart(self) -> None:
        self.socket.close()
        done = self.hub.client.post(f"/user/{self.user}/api/kernels/{self.identity}/restart")
        assert done.status_code == 200, done.text
        self.connect()

    def get_metric(self, name: str) -> float:
        """Of the person's server, as Prometheus reads it with a token that may access servers."""
        lines = self.hub.client.get(f"/user/{self.user}/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    def close(self) -> None:
        self.socket.close()
        self.hub.client.delete(f"/user/{self.user}/api/kernels/{self.identity}")

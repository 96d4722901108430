"""Asks the node's components how they are, from inside."""

import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from place import Place
from processes import wait_until
from supervisor import read_states


def wait_for(place: Place, component: str, condition: Callable[[], bool], timeout: float = 60) -> None:
    """Wait, but not for a component that fails again and again."""

    def met() -> bool:
        state = read_states(place).get(component) or {}
        if state.get("starts", 0) > 3 and state.get("last_exit"):
            raise RuntimeError(f"{component} keeps failing (exit code {state['last_exit']}): see {place.log(component)}")
        return condition()

    try:
        wait_until(met, timeout, component)
    except TimeoutError as error:
        raise RuntimeError(f"{error}: see {place.log(component)}") from error


def answers(url: str, place: Place | None = None) -> bool:
    context = None
    if place:
        context = ssl.create_default_context(cafile=str(place.pki / "ca.crt"))
        context.load_cert_chain(place.pki / "root.crt", place.pki / "root.key")
    try:
        with urllib.request.urlopen(url, timeout=5, context=context) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def kubectl_wait(place: Place, component: str, condition: str, *what: str) -> None:
    wait_for(place, component, lambda: answers_kubectl(place, "get", *what))
    try:
        kubectl(place, "wait", f"--for=condition={condition}", "--timeout=90s", *what)
    except RuntimeError as error:
        raise RuntimeError(f"{what[0]} did not become {condition}: see {place.log(component)}\n{error}") from error


def answers_kubectl(place: Place, *arguments: str) -> bool:
    return subprocess.run([*make_kubectl(place), *arguments], capture_output=True).returncode == 0


def kubectl(place: Place, *arguments: str) -> None:
    run(*make_kubectl(place), *arguments)


def make_kubectl(place: Place) -> list[str]:
    return [str(place.bin / "kubectl"), "--kubeconfig", str(place.config / "root.kubeconfig")]


def run(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"`{Path(command[0]).name} {' '.join(command[1:])}`: {result.stderr.strip()}")

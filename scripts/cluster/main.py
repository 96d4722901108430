#!/usr/bin/env python3
"""A Kubernetes to try things on.

main.py up [--context NAME]   yours if KUBECONFIG or --context says so; else kind or k3d where docker runs; else a real node here
main.py down [--purge]        take it away; --purge also empties its registry
main.py status [--json]       what runs and where
main.py exec -- COMMAND …     run a command inside the node (its network, mounts and processes)
main.py enforcer off|on       stop enforcing NetworkPolicies and remove the rules; start again
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from typing import Any

import chosen
import kind
from down import tear_down
from packages import PackagesMissing
from place import REGISTRY, Place, get_place, read_json
from processes import is_alive, wait_until
from supervisor import read_states
from up import UpFailed, bring_up, locked


def up(place: Place, context: str | None) -> None:
    choice = chosen.get_choice(place, context)
    if choice is not None:
        print(chosen.check(choice))
    elif kind.is_possible():
        kind.bring_up(place)
    elif sys.platform != "linux" or os.geteuid() != 0:
        raise SystemExit(
            "there is no docker with kind or k3d, and a node of our own takes Linux and root: "
            "install kind, set KUBECONFIG to a cluster that you have, or run this as root"
        )
    else:
        bring_up(place)


def down(place: Place, purge: bool) -> None:
    if kind.is_possible() and kind.exists(place):
        kind.tear_down(place)
        print(f"the cluster {place.netns!r} of docker is gone")
        return
    if not place.home.exists():
        print("there is no cluster of ours here")
        return
    with locked(place):
        found = tear_down(place)
    if purge:
        shutil.rmtree(place.home)
    print(f"the cluster {place.name!r} is gone" if found else f"there was nothing of the cluster {place.name!r}")


def get_status(place: Place) -> dict[str, Any]:
    alive = is_alive(read_json(place.init))
    ports = read_json(place.ports) or {}
    phase = read_json(place.phase) or {}
    status = {
        "name": place.name,
        "phase": phase.get("phase", "starting") if alive else "dead" if place.life.exists() else "absent",
        "error": phase.get("error"),
        "kubernetes": (place.bin / "kubelet").resolve().name.removeprefix("kubernetes-") if alive else None,
        "init": read_json(place.init) if alive else None,
        "netns": place.netns,
        "kubeconfig": str(place.kubeconfig),
        "api": f"https://127.0.0.1:{ports['api']['port']}" if alive else None,
        "registry": REGISTRY,
        "registry_push": f"127.0.0.1:{ports['registry']['port']}" if alive else None,
        "logs": str(place.logs),
        "components": read_states(place) if alive else {},
    }
    return status


def show_status(place: Place, as_json: bool) -> None:
    status = get_status(place)
    if as_json:
        print(json.dumps(status, indent=2))
        return
    for key, value in status.items():
        if key != "components" and value:
            print(f"{key:14} {value}")
    for name, state in status["components"].items():
        condition = f"pid {state['pid']}" if state["pid"] else "stopped"
        print(f"  {name:24} {condition:12} started {state['starts']}×")


def get_init(place: Place) -> int:
    init = read_json(place.init)
    if not is_alive(init):
        raise SystemExit(f"the cluster {place.name!r} is not running: make cluster")
    return int(init["pid"])


def make_entry(place: Place) -> list[str]:
    return ["nsenter", "--target", str(get_init(place)), "--net", "--mount", "--pid", "--"]


def execute(place: Place, command: list[str]) -> None:
    environment = {**os.environ, "PATH": f"{place.bin}:{os.environ['PATH']}", "KUBECONFIG": str(place.config / "root.kubeconfig")}
    entry = make_entry(place)
    os.execvpe(entry[0], [*entry, *command], environment)


def switch_enforcer(place: Place, on: bool) -> None:
    entry = make_entry(place)
    off = place.components / "kube-router.off"
    if on:
        off.unlink(missing_ok=True)
    else:
        off.touch()
    wait_until(lambda: (read_states(place)["kube-router"]["pid"] is not None) == on, 30, "the policy enforcer")
    if not on:
        subprocess.run([*entry, str(place.bin / "kube-router"), "--cleanup-config"], check=True, capture_output=True)
    print(f"NetworkPolicies are {'enforced' if on else 'not enforced'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("up").add_argument("--context", help="a context of your kubeconfig")
    verbs.add_parser("down").add_argument("--purge", action="store_true", help="also empty its registry")
    verbs.add_parser("status").add_argument("--json", action="store_true")
    verbs.add_parser("exec").add_argument("command", nargs="+")
    verbs.add_parser("enforcer").add_argument("state", choices=["on", "off"])
    args, place = parser.parse_args(), get_place()
    actions = {
        "up": lambda: up(place, args.context),
        "down": lambda: down(place, args.purge),
        "status": lambda: show_status(place, args.json),
        "exec": lambda: execute(place, args.command),
        "enforcer": lambda: switch_enforcer(place, args.state == "on"),
    }
    try:
        actions[args.verb]()
    except (UpFailed, PackagesMissing, TimeoutError, RuntimeError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted; a cluster that had begun goes on coming up: `make cluster` follows it, `make down` removes it")


if __name__ == "__main__":
    main()

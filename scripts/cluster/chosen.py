"""A cluster that the user chose by KUBECONFIG or --context is used as it is: nothing is created."""

import os
import shutil
import subprocess

from place import ROOT, Place


def get_choice(place: Place, context: str | None) -> list[str] | None:
    """kubectl's arguments for the chosen cluster; None if none was chosen (the file that we write ourselves is no choice)."""
    kubeconfig = os.environ.get("KUBECONFIG")
    ours = {str(place.kubeconfig), str(ROOT / "build" / "kubeconfig")}
    if kubeconfig and os.path.realpath(kubeconfig) not in {os.path.realpath(file) for file in ours}:
        return ["--context", context] if context else []
    return ["--context", context] if context else None


def check(choice: list[str]) -> str:
    """What to tell the user, or SystemExit: the cluster that they chose must answer."""
    where = " ".join([f"KUBECONFIG={os.environ.get('KUBECONFIG', '~/.kube/config')}", *choice])
    if not shutil.which("kubectl"):
        raise SystemExit(f"you chose a cluster ({where}), but there is no kubectl on PATH to ask it with")
    answer = subprocess.run(["kubectl", *choice, "get", "nodes", "--request-timeout=15s"], capture_output=True, text=True)
    if answer.returncode != 0:
        raise SystemExit(
            f"the cluster that you chose ({where}) does not answer: {answer.stderr.strip().splitlines()[-1]}\n"
            "set it right, or unset KUBECONFIG to get a cluster on this machine"
        )
    return f"using the cluster that you chose ({where}); nothing is created\n{answer.stdout.strip()}"

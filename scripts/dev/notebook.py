"""Jupyter with our kernel on this machine, in an environment of its own (build/notebook), from the locked packages.

notebook.py run NOTEBOOK…   each from top to bottom in a fresh kernel; shows what it printed, changes nothing in the file
notebook.py lab             JupyterLab over notebooks/
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from sparkyard.project import ROOT

UV = ROOT / "build" / "uv" / "bin" / "uv"
PLACE = ROOT / "build" / "notebook"
GROUPS = ("--frozen", "--quiet", "--no-default-groups", "--group", "notebook-image", "--extra", "local")
RUN = """
import sys, nbformat
from nbclient import NotebookClient
for path in sys.argv[1:]:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    client = NotebookClient(notebook, timeout=600, kernel_name="spark")
    try:
        client.execute()
    finally:
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                print(output.get("text") or output.get("data", {}).get("text/plain", ""), end="\\n", flush=True)
"""


def make_command(program: list[str]) -> list[str]:
    return [str(UV), "run", "--directory", str(ROOT), *GROUPS, *program]


def make_environment(home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "UV_PROJECT_ENVIRONMENT": str(PLACE),
        "JUPYTER_PATH": str(ROOT / "images" / "notebook" / "jupyter"),
        "IPYTHONDIR": str(PLACE / "ipython"),
        "SPARKYARD_HOME": str(home.absolute()),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=ROOT / "build" / "sample" / "notebook", help="the folder of the lake")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run").add_argument("notebooks", nargs="+", type=Path)
    commands.add_parser("lab")
    args = parser.parse_args()
    if args.command == "lab":
        program = ["jupyter", "lab", "--notebook-dir", str(ROOT / "notebooks")]
    else:
        program = ["python", "-c", RUN, *(str(path.absolute()) for path in args.notebooks)]
    return subprocess.run(make_command(program), env=make_environment(args.home)).returncode


if __name__ == "__main__":
    sys.exit(main())

"""What every recipe of the Makefile begins with."""

import os
import subprocess

from sparkyard.project import ROOT


def test_recipes_keep_what_python_compiles_whatever_the_shell_says() -> None:
    shell = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    command = ["make", "--silent", "--eval=said: ; @env", "said"]
    said = subprocess.run(command, cwd=ROOT, env=shell, capture_output=True, text=True, check=True).stdout
    assert "PATH=" in said
    assert "PYTHONDONTWRITEBYTECODE" not in said

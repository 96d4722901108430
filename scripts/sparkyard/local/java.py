"""Which Java runs Spark here, and how to get one."""

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sparkyard.errors import ToolMissing

SUPPORTED = (17, 21)


@dataclass(frozen=True)
class Java:
    path: str
    major: int
    version: str  # all that `java -version` says: an archive of classes fits one build only


def find_java() -> Java:
    """The Java of JAVA_HOME, else of PATH; ToolMissing with the command that installs one."""
    home = os.environ.get("JAVA_HOME")
    path = str(Path(home, "bin", "java")) if home else shutil.which("java")
    if not path or not os.access(path, os.X_OK):
        seen = f"JAVA_HOME is {home}, which has no bin/java" if home else "no java on PATH"
        raise ToolMissing(f"Spark needs Java {SUPPORTED[0]}: {seen}", next_command=install_command())
    lines = subprocess.run([path, "-version"], capture_output=True, text=True).stderr.splitlines(keepends=True)
    said = "".join(line for line in lines if not line.startswith("Picked up "))  # options of the user, such as JAVA_TOOL_OPTIONS
    found = re.search(r'version "(\d+)', said)
    major = int(found[1]) if found else 0
    if major not in SUPPORTED:
        seen = said.splitlines()[0] if said else "nothing"
        raise ToolMissing(f"Spark needs Java {' or '.join(map(str, SUPPORTED))}: {path} says {seen}", next_command=install_command())
    return Java(path, major, said)


def install_command() -> str:
    if platform.system() == "Darwin":
        return 'brew install openjdk@17 && export JAVA_HOME="$(brew --prefix openjdk@17)"'
    for tool, package in (
        ("apt-get", "openjdk-17-jre-headless"),
        ("dnf", "java-17-openjdk-headless"),
        ("zypper", "java-17-openjdk-headless"),
    ):
        if shutil.which(tool):
            return f"{'' if os.geteuid() == 0 else 'sudo '}{tool} install -y {package}"
    return "install a Java 17 runtime and set JAVA_HOME to it"

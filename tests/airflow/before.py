# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["apache-airflow==3.2.2", "psycopg[binary]>=3.2"]
# [tool.uv]
# exclude-newer = "2026-06-01T00:00:00Z" # what it was released with: it does not work with all that has come since
# ///
"""What a site has in the Airflow of before: a run with its tasks and XComs, a connection, a pool. For test_upgrade.py."""

import subprocess
import sys

COMMANDS = [
    ["db", "migrate"],
    ["connections", "add", "kept", "--conn-type", "http", "--conn-host", "example.com", "--conn-password", "sesame"],
    ["pools", "set", "kept", "7", "of before"],
    ["dags", "test", "kept", "2026-03-01"],
]

for command in COMMANDS:
    done = subprocess.run([sys.executable, "-m", "airflow", *command])
    if done.returncode:
        sys.exit(f"airflow {' '.join(command)}: {done.returncode}")

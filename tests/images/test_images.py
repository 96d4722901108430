"""What must be true inside every image, and of each one's entrypoint."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from charts.certificates import make_certificate

from sparkyard.project import ROOT, load_versions

pytestmark = pytest.mark.images
VERSIONS = load_versions()
USERS = {
    "spark": "185:0",
    "spark-operator": "185:0",
    "platform": "10001:0",
    "hub": "10001:0",
    "hub-proxy": "10001:0",
    "airflow": "10001:0",
    "notebook": "185:0",
    "postgres": "70:0",
    "versitygw": "10001:0",
    "share-agent": "10001:0",
}
TOOLS = {"airflow": "git"}  # for DAGs from a repository
SPARK = ["spark", "spark-operator", "notebook"]
LOCAL = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_HOSTNAME": "localhost"}
each = pytest.mark.parametrize("name", USERS)


@each
def test_runs_as_a_fixed_user_under_an_init(image: Callable, name: str) -> None:
    config = image(name).config
    assert config["User"] == USERS[name]
    entrypoint = config["Entrypoint"]
    assert entrypoint[0] == "/usr/bin/tini" or "tini -s --" in image(name).ask(f"cat {entrypoint[0]}")


@each
def test_says_what_it_is(image: Callable, name: str, record_property: Callable) -> None:
    labels = image(name).config["Labels"]
    prefix = "org.opencontainers.image"
    assert labels[f"{prefix}.title"] == f"sparkyard/{name}"
    assert image(name).ref.endswith(f":{labels[f'{prefix}.version']}")
    assert labels[f"{prefix}.licenses"]
    assert re.match(r"[0-9a-f]{40}(-dirty)?$", labels[f"{prefix}.revision"])
    assert labels[f"{prefix}.base.name"]
    record_property("bytes", image(name).engine.get_size(image(name).ref))


@each
def test_holds_no_way_up_and_no_ballast(image: Callable, name: str) -> None:
    inside = image(name)
    assert inside.ask("find / -xdev -type f -perm /6000 2>/dev/null", user="0") == "", "no setuid or setgid program"
    found = "for tool in gcc cc g++ make go pip pip3 javac perl5 git curl wget; do command -v $tool >/dev/null && echo $tool || true; done"
    assert inside.ask(found) == TOOLS.get(name, "")
    assert inside.ask("find /var/lib/apt/lists /var/cache/apt /root/.cache /tmp -type f 2>/dev/null || true", user="0") == ""


@each
def test_its_user_owns_no_program(image: Callable, name: str) -> None:
    """A process that is taken over cannot replace what the next one starts."""
    writable = image(name).ask(
        "find / -xdev -type f -writable -not -path '/proc/*' -not -path '/sys/*' -not -path '/dev/*' 2>/dev/null || true"
    )
    assert [path for path in writable.splitlines() if not path.startswith(("/home/", "/etc/host", "/etc/resolv"))] == []


@pytest.mark.parametrize("name", SPARK)
def test_versions_in_the_spark_images(image: Callable, name: str) -> None:
    inside = image(name)
    assert inside.ask("python3 -c 'import pyspark; print(pyspark.__version__)'") == VERSIONS["SPARK_VERSION"]
    assert inside.ask("python3 -V").startswith(f"Python {VERSIONS['PYTHON_VERSION']}.")
    assert f'version "{VERSIONS["JAVA_VERSION"]}.' in inside.run("java", "-version").stderr + inside.run("java", "-version").stdout
    found = set(inside.ask("ls /opt/spark/jars").splitlines())
    locked = [
        line.split()[2].split(":") for line in (ROOT / "images/spark-runtime/jars.lock").read_text().splitlines() if " cluster " in line
    ]
    assert {f"{module}-{version}.jar" for _, module, version in locked} <= found
    assert not [jar for jar in found if re.search(r"osx|windows|riscv|netty-\w+-4\.1\.", jar)]


def test_versions_elsewhere(image: Callable) -> None:
    assert f"(PostgreSQL) {VERSIONS['POSTGRESQL_VERSION']}." in image("postgres").ask("postgres --version")
    assert "posix" in image("versitygw").run("versitygw", "--help").stdout
    assert "Usage" in image("platform").run("sparkyard", "--help").stdout
    assert VERSIONS["RCLONE_VERSION"] in image("share-agent").ask("rclone --version")
    assert image("hub").ask("python3 -m jupyterhub --version") == image("notebook").ask("python3 -m jupyterhub --version"), "they talk"
    assert image("hub-proxy").ask("node --version").startswith("v")
    assert "controller" in image("spark-operator").run("/usr/bin/spark-operator", "--help").stdout


def test_the_hub_asks_an_identity_provider_through_a_proxy_by_the_authorities_given(image: Callable, tmp_path: Path) -> None:
    make_certificate(tmp_path, "DNS:id.example.com")
    env = {name.replace(".", "_").upper(): (tmp_path / name).read_text() for name in ("tls.crt", "tls.key")}
    done = image("hub").run("python3", "-c", (Path(__file__).parent / "identity.py").read_text(), env=env)
    said = json.loads(done.stdout)
    assert said["asked_for"] == ["id.example.com:443"] * 2
    assert said["answers"][0] == "hello"
    assert "certificate" in said["answers"][1], "believed without its authority"


def test_a_driver_runs_a_job_of_the_image(image: Callable) -> None:
    """What the operator's spark-submit gives the entrypoint, with a local master in place of the cluster."""
    args = [
        "driver",
        "--master",
        "local[1]",
        "--class",
        "org.apache.spark.deploy.PythonRunner",
        "local:///opt/sparkyard/apps/hello/hello.py",
    ]
    env = {**LOCAL, "SPARK_DRIVER_BIND_ADDRESS": "127.0.0.1", "SPARKYARD_SUMMARY": "/tmp/summary.json"}
    args[1:1] = ["--conf", "spark.sql.catalogImplementation=in-memory", "--conf", "spark.sql.defaultCatalog=spark_catalog"]
    done = image("spark").run("/opt/entrypoint.sh", *args, env=env)
    assert "Greetings" in done.stdout + done.stderr or "RESULT" in done.stdout, done.stdout[-3000:] + done.stderr[-3000:]


def test_python_workers_find_the_shared_module_of_jobs(image: Callable) -> None:
    assert (
        image("spark").ask("cd / && python3 -c 'import jobkit, pyspark, py4j; print(jobkit.__file__)'") == "/opt/sparkyard/apps/jobkit.py"
    )


@pytest.mark.parametrize("name", SPARK)
def test_python_reads_no_jar_that_spark_puts_on_its_path(image: Callable, name: str) -> None:
    jars = "PYTHONPATH=$(ls /opt/spark/jars/spark-core_*.jar):/own.jar python3 -c 'import sys; print(*sys.path)' | grep -o '[^ ]*[.]jar'"
    assert image(name).ask(jars) == "/own.jar"


def test_other_commands_pass_through(image: Callable) -> None:
    assert image("spark").run("/opt/entrypoint.sh", "echo", "a  b", "c").stdout == "a  b c\n"
    assert image("spark").run("/opt/entrypoint.sh", "sh", "-c", "exit 7").returncode == 7


def test_a_signal_reaches_the_command(image: Callable) -> None:
    script = "/opt/entrypoint.sh sh -c 'trap \"echo got it; exit 3\" TERM; sleep 60 & wait' & sleep 1; kill $!; wait $!; echo code $?"
    assert image("spark").ask(script).splitlines() == ["got it", "code 3"]


def test_an_executor_starts_the_backend(image: Callable) -> None:
    """Without a driver it gives up; that it got as far as calling one shows that its command was right."""
    names = ("EXECUTOR_ID", "EXECUTOR_CORES", "RESOURCE_PROFILE_ID")
    env = {**LOCAL, **{f"SPARK_{name}": "1" for name in names}, "SPARK_EXECUTOR_MEMORY": "500m", "SPARK_APPLICATION_ID": "app"}
    env |= {"SPARK_DRIVER_URL": "spark://CoarseGrainedScheduler@127.0.0.1:9", "SPARK_EXECUTOR_POD_IP": "127.0.0.1"}
    env |= {
        "SPARK_EXECUTOR_POD_NAME": "pod",
        "SPARK_JAVA_OPT_0": "-Dspark.network.timeout=3s",
        "SPARK_JAVA_OPT_1": "-Dspark.rpc.io.connectionTimeout=3s",
    }
    done = image("spark").run("/opt/entrypoint.sh", "executor", env=env)
    assert done.returncode != 0
    assert "Failed to connect to /127.0.0.1:9" in done.stdout + done.stderr


def test_postgres_keeps_its_database_and_runs_scripts_once(image: Callable) -> None:
    script = r"""
    set -e; mkdir -p /tmp/pg && cd /tmp/pg && export PGDATA=/tmp/pg/data POSTGRES_PASSWORD_FILE=/tmp/pg/secret
    export PGHOST=127.0.0.1 PGUSER=postgres PGPORT=54399
    printf 's3cret' > secret
    begin() {
      /opt/entrypoint.sh postgres -c port=54399 -c unix_socket_directories=/tmp/pg > log 2>&1 &
      until pg_isready -q; do sleep 0.2; done
    }
    begin; PGPASSWORD=s3cret psql -Atc 'create table kept as select 42 as n' postgres; kill $!; wait $! || true
    begin; PGPASSWORD=s3cret psql -Atc 'select n from kept' postgres
    PGPASSWORD=wrong psql -Atc 'select 1' postgres 2>&1 | grep -o 'password authentication failed'; kill $!; wait $! || true; rm -rf /tmp/pg
    """
    assert image("postgres").ask(script).splitlines()[-2:] == ["42", "password authentication failed"]


def test_postgres_without_a_password_says_what_it_needs(image: Callable) -> None:
    done = image("postgres").run("/opt/entrypoint.sh", env={"PGDATA": "/tmp/none"})
    assert done.returncode != 0
    assert "POSTGRES_PASSWORD_FILE: must name the file" in done.stdout + done.stderr

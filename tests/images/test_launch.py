"""launch.py starts what Spark's own launcher would start: each property it honours, from each place it may stand in.

Spark's launcher itself is asked, by its main class; the same arguments, files and environment go to launch.py.
"""

import importlib.util
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest

from sparkyard.project import ROOT, load_versions

pytestmark = pytest.mark.java
RUNTIME = ROOT / "images" / "spark-runtime"
SUBMIT = "org.apache.spark.deploy.SparkSubmit"
CLUSTER = ["--master", "k8s://https://example:443", "--deploy-mode", "cluster"]
CLIENT = ["--master", "k8s://https://example:443", "--deploy-mode", "client"]


@dataclass(frozen=True)
class Command:
    options: list[str]  # of the JVM, without the class path and what makes ours fast
    class_path: list[str]  # Spark's own jars as "JARS"
    library_path: str
    arguments: list[str] = field(compare=False)  # SparkSubmit reads them itself; Spark's launcher only puts them in another order


def load_launch() -> ModuleType:
    spec = importlib.util.spec_from_file_location("launch", RUNTIME / "launch.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LAUNCH = load_launch()


@pytest.fixture(scope="module")
def spark_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SPARK_HOME as the image has it: the jars of the locked pyspark, prepared by prepare.py."""
    home = tmp_path_factory.mktemp("spark")
    found = importlib.util.find_spec("pyspark")
    assert found
    assert found.submodule_search_locations
    for name in ("jars", "launch", "conf"):
        (home / name).mkdir()
    for jar in Path(found.submodule_search_locations[0]).glob("jars/*.jar"):
        (home / "jars" / jar.name).symlink_to(jar)
    command = [sys.executable, str(RUNTIME / "prepare.py"), load_versions()["SCALA_VERSION"]]
    subprocess.run(command, check=True, env={**os.environ, "SPARK_HOME": str(home)})
    return home


def make_env(home: Path, conf_dir: Path, **more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "SPARK_HOME": str(home), "SPARK_CONF_DIR": str(conf_dir), "SPARK_SCALA_VERSION": "2.13", **more}


def ask_spark(args: list[str], env: dict[str, str]) -> Command:
    jars = Path(env["SPARK_HOME"]) / "jars"
    launcher = ["java", *LAUNCH.QUICK, "-cp", f"{jars}/*", "org.apache.spark.launcher.Main"]
    done = subprocess.run([*launcher, SUBMIT, *args], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    words = done.stdout.strip("\0\n").lstrip("\0\n").split("\0")
    library = ""
    if words[0] == "env":
        words.pop(0)
        while "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            library = value if name == "LD_LIBRARY_PATH" else library
    return make_command(words[1:], library, jars)


def ask_us(args: list[str], env: dict[str, str]) -> Command:
    words, new_env = LAUNCH.make_submit_command(args, env)
    library = new_env.get("LD_LIBRARY_PATH", "") if new_env is not env else ""
    fast = {*LAUNCH.QUICK, f"-XX:SharedArchiveFile={env['SPARK_HOME']}/launch/spark.jsa"}
    return make_command([word for word in words[1:] if word not in fast], library, Path(env["SPARK_HOME"]) / "jars")


def make_command(words: list[str], library: str, jars: Path) -> Command:
    at = words.index("-cp")
    end = words.index(SUBMIT)
    entries = [("JARS" if entry.startswith(str(jars)) else entry) for entry in words[at + 1].split(":")]
    shortened = [entry for number, entry in enumerate(entries) if entry != "JARS" or number == entries.index("JARS")]
    return Command(words[:at] + words[at + 2 : end], shortened, library, words[end + 1 :])


def compare(args: list[str], env: dict[str, str]) -> Command:
    theirs, ours = ask_spark(args, env), ask_us(args, env)
    assert ours.options == theirs.options
    assert ours.library_path == theirs.library_path
    conf = os.path.join(env["SPARK_CONF_DIR"], "")
    assert [entry for entry in ours.class_path if entry != conf] == [entry for entry in theirs.class_path if entry != conf]
    assert conf in ours.class_path
    assert conf in theirs.class_path
    assert ours.arguments == args
    return ours


OPTIONS = [
    ("spark.driver.memory", "1536m", "--driver-memory"),
    ("spark.driver.extraClassPath", "/x/a.jar:/x/b.jar", "--driver-class-path"),
    ("spark.driver.extraLibraryPath", "/x/native", "--driver-library-path"),
    ("spark.driver.extraJavaOptions", '-Da=1 -Db=\'two words\' -Dc="q\\"q"', "--driver-java-options"),
    ("spark.driver.defaultJavaOptions", "-Dd=1 -XX:+UseParallelGC", ""),
    ("spark.driver.defaultExtraClassPath", "/x/default/*", ""),
]


PLACES = ["conf", "properties-file", "spark-defaults", "load-spark-defaults"]
CASES = [(*row, place) for row in OPTIONS for place in [*PLACES, *(["option", "equals-sign"] if row[2] else [])]]


@pytest.mark.parametrize(("name", "value", "option", "place"), CASES, ids=[f"{case[0]}-{case[3]}" for case in CASES])
def test_each_property_from_each_place(spark_home: Path, tmp_path: Path, name: str, value: str, option: str, place: str) -> None:
    text = f"{name}={value}".replace("\\", "\\\\").replace(":", "\\:") + "\n"
    if place == "conf":
        args = ["--conf", f"{name}={value}"]
    elif place in ("option", "equals-sign"):
        args = [option, value] if place == "option" else [f"{option}={value}"]
    elif place == "spark-defaults":
        (tmp_path / "spark-defaults.conf").write_text(text)
        args = []
    else:
        (tmp_path / "p.properties").write_text(text if place == "properties-file" else "spark.app.name=x\n")
        (tmp_path / "spark-defaults.conf").write_text(f"{name}=no\n" if place == "properties-file" else text)
        args = ["--properties-file", str(tmp_path / "p.properties")]
        args += ["--load-spark-defaults"] if place == "load-spark-defaults" else []
    command = compare([*args, "local:///x.py", "--conf", "not.ours=1"], make_env(spark_home, tmp_path))
    seen = [*command.options, *command.class_path, command.library_path]
    assert any(value.split()[0].split(":")[0] in word for word in seen), "the property must have had an effect"


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(["x.py"], id="no master"),
        pytest.param([*CLIENT, "--driver-memory", "2g", "x.py"], id="client"),
        pytest.param(
            [*CLUSTER, "--conf", "spark.driver.memory=2g", "--driver-class-path", "/x", "--driver-library-path", "/l", "x.py"], id="cluster"
        ),
        pytest.param(
            ["--conf", "spark.master=k8s://x", "--conf", "spark.submit.deployMode=cluster", "--driver-memory", "2g", "x.py"], id="by conf"
        ),
        pytest.param(["--conf", "spark.submit.deployMode=cluster", *CLIENT, "--driver-memory", "2g", "x.py"], id="option beats conf"),
        pytest.param(["--driver-memory", "2g", "--conf", "spark.driver.memory=3g", "x.py"], id="the last one wins"),
        pytest.param(
            ["--verbose", "--name", "a b", "--py-files", "a.zip", "--class", "A", "x.jar", "--driver-memory", "9g"],
            id="arguments of the application",
        ),
    ],
)
def test_modes(spark_home: Path, tmp_path: Path, args: list[str]) -> None:
    compare(args, make_env(spark_home, tmp_path))


@pytest.mark.parametrize(
    "env",
    [
        {"SPARK_DRIVER_MEMORY": "3g"},
        {"SPARK_MEM": "3g"},
        {"SPARK_DRIVER_MEMORY": "3g", "SPARK_MEM": "4g"},
        {"SPARK_SUBMIT_OPTS": "-Da=1 -Db='x y'"},
        {"HADOOP_CONF_DIR": "/etc/hadoop", "YARN_CONF_DIR": "/etc/yarn", "SPARK_DIST_CLASSPATH": "/d/a.jar:/d/b.jar"},
        {"SPARK_DAEMON_MEMORY": "5g", "SPARK_DAEMON_JAVA_OPTS": "-Dx=1"},
        {"LD_LIBRARY_PATH": "/old", "SPARK_LIBRARY": "1"},
    ],
    ids=lambda env: " ".join(env),
)
def test_each_environment_variable(spark_home: Path, tmp_path: Path, env: dict[str, str]) -> None:
    compare(["--driver-library-path", "/new", "x.py"], make_env(spark_home, tmp_path, **env))
    (tmp_path / "java-opts").write_text("-Done=1\n-Dtwo='2 3'\n")
    compare([*CLUSTER, "x.py"], make_env(spark_home, tmp_path, **env))


def test_properties_as_spark_writes_them_for_a_driver_pod(spark_home: Path, tmp_path: Path) -> None:
    """java.util.Properties escapes; Spark reads it so, and the long lines may be continued."""
    text = (
        "#Java properties built from Kubernetes config map\n#Sat Nov 21\n! more\n\n"
        "spark.master=k8s\\://https\\://10.90.0.1\\:443\n spark.driver.memory : 1100m \n"
        "spark.driver.extraJavaOptions=-Dpath\\=C\\:\\\\x -Dtab\\=\\u0041 \\\n    -Dnext\\=1\nspark.submit.deployMode client\nempty\n"
    )
    (tmp_path / "spark.properties").write_text(text)
    command = compare(
        ["--properties-file", str(tmp_path / "spark.properties"), "--class", "X", "local:///x.py"], make_env(spark_home, tmp_path)
    )
    assert {"-Xmx1100m", "-Dtab=A", "-Dnext=1"} <= set(command.options)


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(["pyspark-shell-main"], id="shell"),
        pytest.param(["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "--port", "1"], id="server"),
        pytest.param(["--remote", "sc://x", "x.py"], id="remote"),
        pytest.param(["--conf", "spark.api.mode=connect", "x.py"], id="Connect mode"),
        pytest.param(["--driver-java-options", "-Xmx5g", "x.py"], id="forbidden heap option"),
        pytest.param(["--driver-java-options", "-Da='open", "x.py"], id="open quote"),
        pytest.param(["--properties-file", "/nowhere", "x.py"], id="no such file"),
        pytest.param(["--conf"], id="no value"),
        pytest.param(["--conf", "novalue", "x.py"], id="no equals sign"),
    ],
)
def test_the_unusual_goes_to_sparks_launcher(spark_home: Path, tmp_path: Path, args: list[str]) -> None:
    with pytest.raises(LAUNCH.Unusual):
        LAUNCH.make_submit_command(args, make_env(spark_home, tmp_path))


def test_fast_options_yield_to_a_chosen_collector(spark_home: Path, tmp_path: Path) -> None:
    words, _ = LAUNCH.make_submit_command(["--driver-java-options", "-XX:+UseG1GC", "x.py"], make_env(spark_home, tmp_path))
    assert "-XX:+UseSerialGC" not in words
    words, _ = LAUNCH.make_submit_command(["x.py"], make_env(spark_home, tmp_path, SPARKYARD_JVM="steady"))
    assert set(LAUNCH.STEADY) <= set(words)
    assert not set(LAUNCH.QUICK) & set(words)
    words, _ = LAUNCH.make_submit_command([*CLUSTER, "x.py"], make_env(spark_home, tmp_path, SPARKYARD_JVM="steady"))
    assert set(LAUNCH.QUICK) <= set(words), "the JVM that only submits is short-lived whatever the job is"


def test_java_knows_every_option_we_add() -> None:
    """Spark's own options make the JVM ignore what it does not know, so a wrong name would go unseen."""
    for options in (LAUNCH.QUICK, LAUNCH.STEADY):
        subprocess.run(["java", *options, "-version"], check=True, capture_output=True)


def test_an_executor_gets_what_its_pod_says(spark_home: Path, tmp_path: Path) -> None:
    names = ["DRIVER_URL", "EXECUTOR_ID", "EXECUTOR_CORES", "APPLICATION_ID", "EXECUTOR_POD_IP", "RESOURCE_PROFILE_ID", "EXECUTOR_POD_NAME"]
    env = make_env(spark_home, tmp_path, SPARK_EXECUTOR_MEMORY="900m", SPARK_CLASSPATH="/first.jar", SPARK_EXTRA_CLASSPATH="/last.jar")
    env |= {f"SPARK_{name}": f"<{name}>" for name in names} | {f"SPARK_JAVA_OPT_{number}": f"-Dn={number} x" for number in (10, 9, 0)}
    words = LAUNCH.make_executor_command(env)
    assert [word for word in words if word.startswith("-Dn=")] == ["-Dn=0 x", "-Dn=9 x", "-Dn=10 x"]
    assert {"-Xms900m", "-Xmx900m"} <= set(words)
    assert [word.strip("<>") for word in words if word.startswith("<")] == names
    class_path = words[words.index("-cp") + 1].split(":")
    assert class_path[0] == "/first.jar"
    assert class_path.index("/last.jar") > class_path.index(f"{tmp_path}/")
    assert not set(LAUNCH.QUICK) & set(words)
    assert set(LAUNCH.STEADY) <= set(words)


def test_no_jar_holds_what_a_conf_folder_holds(spark_home: Path) -> None:
    """The conf folder stands behind the jars on our class path; that is the same only while no jar answers for its files."""
    names = {"log4j2.properties", "log4j2.xml", "core-site.xml", "hdfs-site.xml", "hive-site.xml", "yarn-site.xml", "metrics.properties"}
    guilty = {jar.name for jar in (spark_home / "jars").glob("*.jar") if names & set(zipfile.ZipFile(jar).namelist())}
    assert not guilty

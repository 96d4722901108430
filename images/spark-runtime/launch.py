"""Starts Spark's JVMs in this image without the launcher JVM that bin/spark-submit would start first.

The command is the one Spark's own launcher would print, property by property (tests/images/test_launch.py compares them), plus what makes
a start fast: the class archive of /opt/spark/launch, and for short-lived JVMs the C1 compiler. What is out of the ordinary (shells,
servers that mix arguments, Connect mode, a broken option) goes to Spark's own launcher unchanged.

    launch.py submit ARGS…      what bin/spark-submit does
    launch.py executor          an executor, from the environment that Spark gives its pod

SPARKYARD_JVM=quick adds C1 and the serial collector (short jobs). SPARKYARD_JVM=steady keeps both compilers (long, CPU-bound jobs) and
only lets C2 wait for what is really hot: a start costs a quarter less CPU, a long loop gets there all the same.
A driver is quick unless told otherwise, an executor steady; the JVM that only submits is always quick.
SPARKYARD_JVM=stock starts everything as upstream's image does: to compare with, and to rule this file out.
SPARKYARD_CLASS_LIST=<file> records the classes a JVM loads and prints them at its end (make cds-lists).
"""

import os
import re
import subprocess
import sys
from pathlib import Path

LAUNCH = "launch"  # below SPARK_HOME: class-path, java-options (written by prepare.py when the image is built), spark.jsa
# Six times the JVM's own thresholds.
STEADY = [
    f"-XX:Tier4{name}Threshold={6 * own}"
    for name, own in (("Invocation", 5000), ("MinInvocation", 600), ("Compile", 15000), ("BackEdge", 40000))
]
QUICK = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:ReservedCodeCacheSize=240m"]  # of code, 48m fill up with many queries
SWITCHES = {"--help", "-h", "--supervise", "--usage-error", "--verbose", "-v", "--version", "--load-spark-defaults"}
PROPERTY_OF_OPTION = {
    "--driver-memory": "spark.driver.memory",
    "--driver-java-options": "spark.driver.extraJavaOptions",
    "--driver-library-path": "spark.driver.extraLibraryPath",
    "--driver-class-path": "spark.driver.extraClassPath",
}
OPTION_BEATS_CONF = {"--master": "spark.master", "--deploy-mode": "spark.submit.deployMode"}
SPECIAL_COMMANDS = ("pyspark-shell-main", "sparkr-shell-main", "run-example")
# Classes that take their own arguments between Spark's: only Spark's launcher knows the rules.
MIXED_ARGUMENTS = (".repl.Main", ".ConnectRepl", ".SparkSQLCLIDriver", ".HiveThriftServer2", ".SparkConnectServer")


class Unusual(Exception):
    """Spark's own launcher shall deal with it."""


def parse_options(args: list[str]) -> tuple[dict[str, str], str | None, bool]:
    """Properties given on the command line, the properties file, and whether spark-defaults.conf is wanted besides it."""
    conf: dict[str, str] = {}
    beats: dict[str, str] = {}
    file, defaults, rest = None, False, list(args)
    while rest and rest[0].startswith("-"):
        name, equals, value = rest.pop(0).partition("=")
        defaults |= name == "--load-spark-defaults"
        if name in SWITCHES:
            continue
        if not equals and not rest:
            raise Unusual(name)
        value = value if equals else rest.pop(0)
        if name in ("--conf", "-c"):
            key, equals, value = value.partition("=")
            if not equals:
                raise Unusual(key)
            conf[key] = value
        elif name == "--properties-file":
            file = value
        elif name == "--remote" or (name == "--class" and value.endswith(MIXED_ARGUMENTS)):
            raise Unusual(name)
        elif name in OPTION_BEATS_CONF:
            beats[OPTION_BEATS_CONF[name]] = value
        elif name in PROPERTY_OF_OPTION:
            conf[PROPERTY_OF_OPTION[name]] = value
    return {**conf, **beats}, file, defaults


def parse_properties(text: str) -> dict[str, str]:
    """Java's .properties format: Spark writes it with every ':' and '=' escaped."""
    conf = {}
    for line in re.sub(r"(?<!\\)((?:\\\\)*)\\\r?\n[ \t\f]*", r"\1", text).splitlines():
        line = line.lstrip(" \t\f")
        if not line or line[0] in "#!":
            continue
        key, value = re.fullmatch(r"((?:\\.|[^\\=: \t\f])*)[ \t\f]*[=:]?[ \t\f]*(.*)", line).groups()
        conf[unescape(key)] = unescape(value).strip()
    return conf


def unescape(text: str) -> str:
    special = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
    code = r"\\(?:u([0-9a-fA-F]{4})|(.?))"
    return re.sub(code, lambda found: chr(int(found[1], 16)) if found[1] else special.get(found[2], found[2]), text)


def split_options(text: str) -> list[str]:
    """A string of JVM options as Spark splits it: quotes group, a backslash takes the next character as it is, save in single quotes."""
    options: list[str] = []
    word, quote, escaped = None, "", False
    for char in text:
        if escaped:
            word, escaped = (word or "") + char, False
        elif char == "\\" and quote != "'":
            word, escaped = word or "", True
        elif char in "'\"" and quote in ("", char):
            word, quote = word or "", "" if quote else char
        elif char.isspace() and not quote:
            options += [] if word is None else [word]
            word = None
        else:
            word = (word or "") + char
    if quote or escaped:
        raise Unusual(text)
    return options + ([] if word is None else [word])


def load_conf(args: list[str], env: dict[str, str]) -> dict[str, str]:
    """What holds for this start: the command line, then the properties file, then spark-defaults.conf."""
    if env.get("SPARKYARD_JVM") == "stock" or (args and args[0] in SPECIAL_COMMANDS):
        raise Unusual
    conf, file, defaults = parse_options(args)
    if file and not os.path.isfile(file):
        raise Unusual(file)
    paths = [file] if file else []
    if not file or defaults:
        paths.append(os.path.join(get_conf_dir(env), "spark-defaults.conf"))
    for path in paths:
        if os.path.isfile(path):
            conf = {**parse_properties(Path(path).read_text(encoding="utf-8")), **conf}
    if "spark.remote" in conf or conf.get("spark.api.mode", "classic").lower() != "classic" or env.get("SPARK_CONNECT_MODE") == "1":
        raise Unusual("Spark Connect")
    return conf


def get_conf_dir(env: dict[str, str]) -> str:
    return env.get("SPARK_CONF_DIR") or os.path.join(env["SPARK_HOME"], "conf")


def make_class_path(first: list[str], last: list[str], env: dict[str, str]) -> str:
    """Spark's jars one by one, as in the archive; then the conf folder, which in front of them would switch the archive off."""
    jars = Path(env["SPARK_HOME"], LAUNCH, "class-path").read_text().strip()
    conf_dir = os.path.join(get_conf_dir(env), "")
    middle = [conf_dir, f"{env['SPARK_HOME']}/jars/*"] if env.get("SPARKYARD_JVM") == "stock" else [jars, conf_dir]
    return ":".join(entry for entry in [*first, *middle, *last] if entry)


def make_fast_options(mode: str, own: list[str], env: dict[str, str]) -> list[str]:
    """The class archive and what the mode adds; never a second collector beside the one somebody chose."""
    archive = os.path.join(env["SPARK_HOME"], LAUNCH, "spark.jsa")
    options = [f"-XX:SharedArchiveFile={archive}"] if mode != "stock" and os.path.isfile(archive) else []
    if mode == "quick":
        is_collector = re.compile(r"-XX:\+Use\w+GC$").match
        chosen = any(map(is_collector, own))
        options += [option for option in QUICK if not (chosen and is_collector(option))]
    return options + (STEADY if mode == "steady" else [])


def read_java_options(env: dict[str, str]) -> list[str]:
    return Path(env["SPARK_HOME"], LAUNCH, "java-options").read_text().splitlines()


def make_submit_command(args: list[str], env: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    conf = load_conf(args, env)
    client = "spark.master" not in conf or conf.get("spark.submit.deployMode", "client") == "client"
    default, extra = (split_options(conf.get(f"spark.driver.{which}JavaOptions", "")) for which in ("default", "extra"))
    if any(option.startswith("-Xmx") for option in default + extra):
        raise Unusual("-Xmx")
    file = os.path.join(get_conf_dir(env), "java-opts")
    own = split_options(Path(file).read_text().replace("\n", " ")) if os.path.isfile(file) else []
    own += split_options(env.get("SPARK_SUBMIT_OPTS", ""))
    first = []
    if client:
        memory = conf.get("spark.driver.memory") or env.get("SPARK_DRIVER_MEMORY") or env.get("SPARK_MEM") or "1g"
        own += [f"-Xmx{memory}", *default, *extra]
        first = [conf.get("spark.driver.extraClassPath", "")]
        if library := conf.get("spark.driver.extraLibraryPath"):
            env = {**env, "LD_LIBRARY_PATH": ":".join(filter(None, [env.get("LD_LIBRARY_PATH"), library]))}
    first.append(conf.get("spark.driver.defaultExtraClassPath", ""))
    last = [env.get(name, "") for name in ("HADOOP_CONF_DIR", "YARN_CONF_DIR", "SPARK_DIST_CLASSPATH")]
    class_path = make_class_path(first, last, env)
    fast = make_fast_options(env.get("SPARKYARD_JVM", "quick") if client else "quick", own, env)
    return [java(env), *fast, "-cp", class_path, *own, *read_java_options(env), "org.apache.spark.deploy.SparkSubmit", *args], env


def make_executor_command(env: dict[str, str]) -> list[str]:
    names = sorted((name for name in env if name.startswith("SPARK_JAVA_OPT_")), key=lambda name: int(name.rpartition("_")[2]))
    own = [env[name] for name in names]
    last = [env.get(name, "") for name in ("SPARK_EXTRA_CLASSPATH", "HADOOP_CONF_DIR", "SPARK_DIST_CLASSPATH")]
    class_path = make_class_path([env.get("SPARK_CLASSPATH", "")], [*last, os.getcwd()], env)
    memory = env["SPARK_EXECUTOR_MEMORY"]
    arguments = {
        "--driver-url": "SPARK_DRIVER_URL",
        "--executor-id": "SPARK_EXECUTOR_ID",
        "--cores": "SPARK_EXECUTOR_CORES",
        "--app-id": "SPARK_APPLICATION_ID",
        "--hostname": "SPARK_EXECUTOR_POD_IP",
        "--resourceProfileId": "SPARK_RESOURCE_PROFILE_ID",
        "--podName": "SPARK_EXECUTOR_POD_NAME",
    }
    return [
        *(java(env), *make_fast_options(env.get("SPARKYARD_JVM", "steady"), own, env)),
        *("-cp", class_path, f"-Xms{memory}", f"-Xmx{memory}", *own),
        "org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend",
        *(word for option, name in arguments.items() for word in (option, env[name])),
    ]


def java(env: dict[str, str]) -> str:
    return os.path.join(env["JAVA_HOME"], "bin", "java") if env.get("JAVA_HOME") else "java"


def record(command: list[str], env: dict[str, str], class_list: str) -> int:
    """Runs to the end without the archive and prints what a new archive should hold, each line marked."""
    options = ["-Xshare:off", f"-XX:DumpLoadedClassList={class_list}"]
    code = subprocess.run([command[0], *options, *command[1:]], env=env).returncode
    for line in Path(class_list).read_text().splitlines():
        print(f"CLASS {line}")
    return code


def main() -> None:
    env = dict(os.environ)
    try:
        if sys.argv[1] == "executor":
            command = make_executor_command(env)
        else:
            command, env = make_submit_command(sys.argv[2:], env)
    except Unusual:
        command = [os.path.join(env["SPARK_HOME"], "bin", "spark-class"), "org.apache.spark.deploy.SparkSubmit", *sys.argv[2:]]
    if class_list := env.get("SPARKYARD_CLASS_LIST"):
        sys.exit(record(command, env, class_list))
    os.execvpe(command[0], command, env)


if __name__ == "__main__":
    main()

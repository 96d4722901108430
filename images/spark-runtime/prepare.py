"""Runs once, when the image is built: writes down what launch.py needs to know and dumps the class archive.

Everything is asked of the very Spark and Java in the image, so that nothing here has to follow their versions.
"""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

HOME = Path(os.environ["SPARK_HOME"])
LAUNCH = HOME / "launch"
SUBMIT = "org.apache.spark.deploy.SparkSubmit"


def drop_dummy_signatures() -> None:
    """Janino's two jars are signed by a "DUMMY" key: that proves nothing, and the archive leaves out the classes of a signed jar."""
    for jar in (HOME / "jars").glob("*.jar"):
        with zipfile.ZipFile(jar) as old:
            if "META-INF/DUMMY.SF" not in old.namelist():
                continue
            part = jar.with_suffix(".part")
            with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as new:
                for entry in old.infolist():
                    if not entry.filename.startswith("META-INF/DUMMY."):
                        new.writestr(entry, old.read(entry))
        part.chmod(0o644)
        part.rename(jar)


def write_class_path() -> str:
    """One fixed order: the JVM's own reading of a folder depends on the file system, and the archive holds for one order only."""
    jars = sorted((HOME / "jars").glob("*.jar"), key=lambda jar: (not jar.name.startswith("slf4j-api"), jar.name))
    class_path = ":".join(map(str, jars))
    (LAUNCH / "class-path").write_text(class_path + "\n")
    return class_path


def write_java_options(class_path: str) -> None:
    """The options between the heap and the class name in the command that Spark's launcher prints."""
    command = ["java", "-cp", class_path, "org.apache.spark.launcher.Main", SUBMIT, "x.py"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "SPARK_SCALA_VERSION": sys.argv[1]})
    words = printed.stdout.strip("\0\n").split("\0")
    (LAUNCH / "java-options").write_text("\n".join(words[words.index("-Xmx1g") + 1 : words.index(SUBMIT)]) + "\n")


def dump_archive(class_path: str) -> None:
    lists = sorted(LAUNCH.glob("cds/*.classlist"))
    if not lists:
        print("no class lists for this Spark and Java: the image works, and starts slower. Next: make cds-lists")
        return
    classes = sorted({line for path in lists for line in path.read_text().splitlines()})
    merged = Path("/tmp/classes")
    merged.write_text("\n".join(classes) + "\n")
    # G1 at dump time: only then does the archive hold heap objects, which every collector can read.
    options = ["-XX:+UseG1GC", "-Xmx512m", f"-XX:SharedClassListFile={merged}", f"-XX:SharedArchiveFile={LAUNCH / 'spark.jsa'}"]
    done = subprocess.run(["java", "-Xshare:dump", *options, "-cp", class_path], capture_output=True, text=True)
    merged.unlink()
    if done.returncode:
        raise SystemExit(f"the class archive could not be dumped:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    print(f"class archive: {len(classes)} classes asked for, {(LAUNCH / 'spark.jsa').stat().st_size >> 20} MB")


if __name__ == "__main__":
    drop_dummy_signatures()
    class_path = write_class_path()
    write_java_options(class_path)
    dump_archive(class_path)

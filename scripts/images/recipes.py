"""The images: what each stands on, what goes in. An image's tag is the hash of all of it."""

import hashlib
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from parts import (
    IMAGES,
    Part,
    class_lists,
    cluster_jars,
    copy_tree,
    digest_tree,
    go_program,
    local_jars,
    node_modules,
    python_packages,
    spark_home,
    tree,
    versions_file,
)

from sparkyard.project import ROOT, load_versions

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Recipe:
    name: str
    parent: str = ""
    parts: tuple[Part, ...] = field(default=())
    licenses: str = "Apache-2.0"
    deployed: bool = True  # pushed, and named in build/images.json
    for_tests: bool = False  # pushed to the registry of `make cluster` alone, and named in build/images-of-tests.json


def make_recipes() -> dict[str, Recipe]:
    runtime = (spark_home(), cluster_jars(), class_lists())
    own = (tree("package/sparkyard", ROOT / "scripts" / "sparkyard"), versions_file())
    apps = tree("apps", ROOT / "spark_apps")
    package = (*own, python_packages("python", "--no-dev", "--extra", "server"))
    connect = python_packages("connect", "--only-group", "connect", "--no-emit-package", "pyspark")
    notebook = (
        python_packages("python", "--only-group", "notebook-image"),
        connect,
        local_jars(),
        apps,
        tree("course", ROOT / "notebooks"),
    )
    proxy = (python_packages("python", "--only-group", "proxy-image"), node_modules(IMAGES / "hub-proxy" / "package-lock.json"))
    airflow = (tree("dags", ROOT / "airflow" / "dags"), tree("manifests", ROOT / "manifests" / "jobs"))
    recipes = [
        Recipe("base", deployed=False),
        Recipe("spark-runtime", "base", runtime, deployed=False),
        Recipe("spark", "spark-runtime", (apps,)),
        Recipe("spark-operator", "spark-runtime", (go_program("spark-operator"),)),
        Recipe("platform", "base", package),
        Recipe("hub", "base", (*own, python_packages("python", "--only-group", "hub-image"))),
        Recipe("hub-proxy", "base", proxy),
        Recipe("notebook", "spark-runtime", (*own, *notebook)),
        Recipe("airflow", "base", (*own, python_packages("python", "--only-group", "airflow"), *airflow)),
        Recipe("postgres", "base", licenses="PostgreSQL"),
        Recipe("versitygw", "base", (go_program("versitygw"),)),
        Recipe("share-agent", "base", (go_program("rclone"),)),
        Recipe("samba", "base", licenses="GPL-3.0-or-later", deployed=False, for_tests=True),
    ]
    return {recipe.name: recipe for recipe in recipes}


def read_arguments(name: str) -> dict[str, str]:
    """The versions that an image's Dockerfile asks for by ARG."""
    names = re.findall(r"^ARG (\w+)$", (IMAGES / name / "Dockerfile").read_text(), re.MULTILINE)
    versions = load_versions()
    return {key: versions[key] for key in names if key in versions}


def make_content_hash(recipe: Recipe, parent: str) -> str:
    """This file counts too: it decides what is staged, and how."""
    inputs = [
        Path(__file__).read_text(),
        digest_tree(IMAGES / recipe.name),
        parent,
        str(read_arguments(recipe.name)),
        *(part.inputs() for part in recipe.parts),
    ]
    return hashlib.sha256("\n".join(inputs).encode()).hexdigest()[:12]


def stage_context(recipe: Recipe, context: Path) -> None:
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir(parents=True)
    copy_tree(IMAGES / recipe.name, context)
    shutil.rmtree(context / "cds", ignore_errors=True)
    for part in recipe.parts:
        part.stage(context / part.folder)

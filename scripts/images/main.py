"""Builds the container images and pushes them by layer; the same inputs give the same tag, and then there is nothing to do.

main.py build [--push] [--fresh] [IMAGE…]   all images, or these and what they stand on; writes build/images.json
main.py list                                names, what they stand on, tags, whether they are built
main.py sizes                               the sizes of what is built
"""

import argparse
import fcntl
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from debian import ensure_base
from engine import Engine, find_engine
from jars import JarsError, cache_dir
from recipes import Recipe, make_content_hash, make_recipes, read_arguments, stage_context
from registry import Registry, load_registry, require_registry

from sparkyard import __version__
from sparkyard.errors import UsageError, YardError
from sparkyard.project import ROOT

CACHE = cache_dir().parent
BUILD = ROOT / "build"
LOGS = BUILD / "logs" / "images"
RECIPES = make_recipes()
KEPT_OF_EACH = 5  # older builds leave this machine's storage; a registry has its own rules


@contextmanager
def only_one() -> Iterator[None]:
    """Two builds at once would share one storage and one context folder; the second waits and then finds its work done."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "images.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another build of the images is running; waiting for it …", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def choose(names: list[str]) -> list[Recipe]:
    """The named images and what they stand on, parents first; RECIPES is in that order."""
    if unknown := set(names) - RECIPES.keys():
        raise UsageError(f"no such image: {', '.join(sorted(unknown))}", next_command="python scripts/images/main.py list")
    wanted = set(names or RECIPES)
    for recipe in reversed(RECIPES.values()):
        if recipe.name in wanted and recipe.parent:
            wanted.add(recipe.parent)
    return [recipe for recipe in RECIPES.values() if recipe.name in wanted]


def make_repository(name: str) -> str:
    return f"sparkyard/{name}"


def make_refs(recipes: list[Recipe], base: str) -> dict[str, str]:
    """Local references. An image's tag holds its parent's, so a change below changes every tag above."""
    refs: dict[str, str] = {}
    for recipe in recipes:
        tag = f"{__version__}-{make_content_hash(recipe, refs.get(recipe.parent, base))}"
        refs[recipe.name] = f"{make_repository(recipe.name)}:{tag}"
    return refs


def make_labels(recipe: Recipe, ref: str, parent: str) -> dict[str, str]:
    revision = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"], cwd=ROOT, capture_output=True, text=True
    )
    oci = {
        "title": ref.split(":")[0],
        "version": ref.split(":")[1],
        "revision": revision.stdout.strip() or "unknown",
        "licenses": recipe.licenses,
        "base.name": parent,
    }
    versions = {f"sparkyard.dev/{key.lower().replace('_', '-')}": value for key, value in read_arguments(recipe.name).items()}
    return {**{f"org.opencontainers.image.{key}": value for key, value in oci.items()}, **versions}


def build(engine: Engine, recipe: Recipe, ref: str, parent: str) -> None:
    if engine.get_id(ref):
        print(f"  {recipe.name:<15} unchanged", flush=True)
        return
    start, log = time.monotonic(), LOGS / f"{recipe.name}.log"
    log.unlink(missing_ok=True)
    print(f"  {recipe.name:<15} building …", flush=True)
    context = BUILD / "context" / recipe.name
    stage_context(recipe, context)
    arguments = {"PARENT" if recipe.parent else "BASE_IMAGE": parent, **read_arguments(recipe.name)}
    engine.build(context, ref, arguments, make_labels(recipe, ref, parent), log)
    shutil.rmtree(context)
    print(f"  {recipe.name:<15} built in {time.monotonic() - start:.1f} s", flush=True)


def push(engine: Engine, registry: Registry, name: str, ref: str) -> None:
    repository, tag = ref.split(":")
    if registry.holds(repository, tag):
        return
    start = time.monotonic()
    engine.push(ref, f"{registry.push}/{ref}", registry.is_loopback, LOGS / f"{name}.push.log")
    print(f"  {name:<15} pushed in {time.monotonic() - start:.1f} s", flush=True)


def write_images(refs: dict[str, str], registry: Registry | None) -> None:
    prefix = f"{registry.name}/" if registry else ""
    write_refs(BUILD / "images.json", {name: prefix + ref for name, ref in refs.items() if RECIPES[name].deployed})
    write_refs(BUILD / "images-of-tests.json", {name: prefix + ref for name, ref in refs.items() if RECIPES[name].for_tests})


def write_refs(path: Path, refs: dict[str, str]) -> None:
    """Adds to what an earlier build wrote: building one image must not forget the others."""
    known = json.loads(path.read_text()) if path.exists() else {}
    known |= refs
    part = path.with_suffix(".part")
    part.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
    part.rename(path)


def command_build(names: list[str], to_push: bool, fresh: bool) -> None:
    registry = require_registry() if to_push else load_registry()
    recipes = [recipe for recipe in choose(names) if names or not recipe.for_tests or (registry and registry.is_loopback)]
    LOGS.mkdir(parents=True, exist_ok=True)
    with only_one():
        engine = find_engine(CACHE)
        base = ensure_base(engine, CACHE, fresh)
        refs = make_refs(recipes, engine.get_id(base))
        print(f"images with {engine.name}, logs in {LOGS.relative_to(ROOT)}/", flush=True)
        for recipe in recipes:
            build(engine, recipe, refs[recipe.name], refs.get(recipe.parent, base))
            if to_push and registry and (recipe.deployed or recipe.for_tests):
                push(engine, registry, recipe.name, refs[recipe.name])
        write_images(refs, registry)
        for recipe in reversed(recipes):
            engine.remove_old(make_repository(recipe.name), KEPT_OF_EACH)
        print_sizes(engine, refs)


def print_sizes(engine: Engine, refs: dict[str, str]) -> None:
    for name, ref in refs.items():
        if engine.get_id(ref):
            print(f"  {name:<15} {engine.get_size(ref) / 1e6:>7.0f} MB  {ref}")


def command_show(sizes: bool) -> None:
    engine = find_engine(CACHE)
    base_id = engine.get_id(ensure_base(engine, CACHE, fresh=False))
    refs = make_refs(list(RECIPES.values()), base_id)
    if sizes:
        print_sizes(engine, refs)
        return
    for name, recipe in RECIPES.items():
        state = "built" if engine.get_id(refs[name]) else "not built"
        print(f"  {name:<15} {state:<9} {refs[name]}  (on {recipe.parent or 'Debian'})")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    builder = commands.add_parser("build", help="build what changed")
    builder.add_argument("images", nargs="*", metavar="IMAGE", help=f"of {', '.join(RECIPES)}")
    builder.add_argument("--push", action="store_true", help="push to the cluster's registry, or SPARKYARD_REGISTRY")
    builder.add_argument("--fresh", action="store_true", help="fetch Debian anew: its security updates reach every image")
    commands.add_parser("list", help="names, tags, what is built")
    commands.add_parser("sizes", help="sizes of what is built")
    args = parser.parse_args()
    try:
        if args.command == "build":
            command_build(args.images, args.push, args.fresh)
        else:
            command_show(args.command == "sizes")
    except (YardError, JarsError) as error:
        print(f"images: {error}", file=sys.stderr)
        return error.exit_code if isinstance(error, YardError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

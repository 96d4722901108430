"""Files in an S3-compatible store, through pyarrow."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sparkyard.errors import ClusterError, InputError, ToolMissing, UsageError
from sparkyard.names import BUCKETS

CHUNK = 1 << 20


@dataclass(frozen=True)
class Store:
    endpoint: str  # host:port
    access_key: str
    secret_key: str
    scheme: str = "http"


def plan_upload(paths: Sequence[Path], to: str) -> list[tuple[Path, str]]:
    """(file, key) of every file: a folder's files keep their places below it."""
    target = to.removeprefix("s3a://").strip("/")
    if target.split("/")[0] not in BUCKETS:
        raise UsageError(
            f"names no bucket; buckets are {', '.join(BUCKETS)}", where=f"--to {to}", next_command="sparkyard upload … --to raw/events"
        )
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise InputError("no such file or folder", where=", ".join(missing))
    files = [(file, f"{target}/{file.relative_to(path if path.is_dir() else path.parent)}") for path in paths for file in _files(path)]
    if not files:
        raise InputError("no files in it", where=", ".join(map(str, paths)))
    return files


def _files(path: Path) -> Iterator[Path]:
    yield from sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def upload_files(store: Store, files: Sequence[tuple[Path, str]], progress: Callable[[int], None]) -> None:
    """Byte for byte; a file appears whole or not at all."""
    try:
        from pyarrow.fs import S3FileSystem
    except ImportError as error:
        raise ToolMissing(f"files cannot be uploaded from here: {error}", next_command='pip install "sparkyard[local]"') from None
    place = S3FileSystem(
        endpoint_override=store.endpoint, scheme=store.scheme, access_key=store.access_key, secret_key=store.secret_key, region="us-east-1"
    )
    for path, key in files:
        try:
            with path.open("rb") as source, place.open_output_stream(key, compression=None) as target:
                while data := source.read(CHUNK):
                    target.write(data)
                    progress(len(data))
        except OSError as error:
            raise ClusterError(f"the store refused it: {error}", where=f"{path} → s3a://{key}") from None

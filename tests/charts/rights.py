"""What each key of the lake's store may do, written down, and what a store lets it do: asked by doing it."""

from collections.abc import Mapping
from contextlib import suppress

from pyarrow.fs import FileSelector, FileType, S3FileSystem

# (use, place): l(ist), r(ead), w(rite), m(ove), d(elete)
RIGHTS = {
    ("jobs", "raw"): "lr",
    ("jobs", "lake/raw"): "lrwmd",
    ("jobs", "lake/trusted"): "lrwmd",
    ("jobs", "eventlogs"): "lrwmd",
    ("jobs", "airflow"): "",
    ("ingest", "raw"): "lrwmd",
    ("ingest", "lake/raw"): "lrwmd",
    ("ingest", "lake/trusted"): "lr",
    ("ingest", "eventlogs"): "lrwmd",
    ("ingest", "airflow"): "",
    ("read", "raw"): "lr",
    ("read", "lake/raw"): "lr",
    ("read", "lake/trusted"): "lr",
    ("read", "eventlogs"): "l",
    ("read", "eventlogs/eventlog_v2_notebook-it"): "lrwmd",
    ("read", "airflow"): "",
    ("history", "raw"): "",
    ("history", "lake/raw"): "",
    ("history", "lake/trusted"): "",
    ("history", "eventlogs"): "lrd",
    ("history", "airflow"): "",
    ("airflow", "raw"): "",
    ("airflow", "lake/raw"): "",
    ("airflow", "lake/trusted"): "",
    ("airflow", "eventlogs"): "",
    ("airflow", "airflow"): "lrwm",
}


class Rights:
    """Keys tried on files of their own, which the root key lays out and looks after."""

    def __init__(self, endpoint: str, root: tuple[str, str], keys: Mapping[str, str], authority: str | None = None) -> None:
        self.endpoint, self.keys, self.authority = endpoint, keys, authority
        self.root = self.connect(*root)

    def connect(self, access: str, secret: str) -> S3FileSystem:
        return S3FileSystem(
            access_key=access,
            secret_key=secret,
            endpoint_override=self.endpoint,
            scheme="https" if self.authority else "http",
            tls_ca_file_path=self.authority,
            region="us-east-1",
            request_timeout=10,
        )

    def of(self, use: str, place: str) -> str:
        store = self.connect(f"yard-{use}", self.keys[use])
        tries = {"l": self.may_list, "r": self.may_read, "w": self.may_write, "m": self.may_move, "d": self.may_delete}
        file = f"{place}/e2e-rights-{use}"
        self.put(self.root, file, b"old")
        found = "".join(letter for letter, may in tries.items() if may(store, file))
        with suppress(OSError):
            self.root.delete_file(file)
        return found

    def put(self, store: S3FileSystem, file: str, content: bytes) -> None:
        with store.open_output_stream(file) as target:
            target.write(content)

    def read(self, store: S3FileSystem, file: str) -> bytes:
        with store.open_input_stream(file) as source:
            return bytes(source.read())

    def may_list(self, store: S3FileSystem, file: str) -> bool:
        with suppress(OSError):
            return file in {item.path for item in store.get_file_info(FileSelector(file.rpartition("/")[0]))}
        return False

    def may_read(self, store: S3FileSystem, file: str) -> bool:
        with suppress(OSError):
            return self.read(store, file) == b"old"
        return False

    def may_write(self, store: S3FileSystem, file: str) -> bool:
        with suppress(OSError):
            self.put(store, file, b"new")
        return self.read(self.root, file) == b"new"

    def may_move(self, store: S3FileSystem, file: str) -> bool:
        """What a rename is: a copy within the store, then a deletion."""
        with suppress(OSError):
            store.move(file, f"{file}-moved")
        moved = self.exists(f"{file}-moved")
        if moved:
            self.root.move(f"{file}-moved", file)
        return moved

    def may_delete(self, store: S3FileSystem, file: str) -> bool:
        with suppress(OSError):  # the marker of an empty folder, which pyarrow leaves, may be one right too many
            store.delete_file(file)
        return not self.exists(file)

    def exists(self, file: str) -> bool:
        return self.root.get_file_info(file).type != FileType.NotFound

"""Spark's configuration for this machine: where yard.… and s3a://… point, and what keeps a run within its folders."""

from pathlib import Path

from sparkyard.defaults import lake_conf
from sparkyard.local.home import cache_dir
from sparkyard.names import BUCKETS
from sparkyard.settings import S3, Catalog, Lake


def make_local_conf(home: Path, scratch: Path) -> dict[str, str]:
    """What a run leaves behind lies in the home, in the scratch folder that goes with the run, or in the cache."""
    return make_lake_conf(home) | {
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.local.dir": str(scratch),
        "spark.jars.ivy": str(cache_dir() / "ivy"),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.python.daemon.module": "sparkyard.local.daemon",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "true",  # read by the one who waits
        "spark.ui.consoleProgress.update.interval": "200",
    }


def make_lake_conf(home: Path) -> dict[str, str]:
    """The platform's own conf for this lake: the catalog in SQLite, and a folder for each bucket.

    The folders lie behind a view, since a plain local file system answers `Wrong FS` to s3a://. Through a view Hadoop looks for the
    owner of each file that it lists with a program of its own, 10 ms for each; the plain listing asks for none."""
    database = f"jdbc:sqlite:{home / 'catalog.db'}?journal_mode=WAL&busy_timeout=60000&synchronous=NORMAL"
    catalog = Catalog(uri=database, warehouse=str(home / "lake"))
    conf = lake_conf(Lake(s3=S3(endpoint=""), catalog=catalog, event_log_dir=""))
    buckets = {f"spark.hadoop.fs.viewfs.mounttable.{bucket}.linkFallback": (home / bucket).as_uri() for bucket in BUCKETS}
    view = {"spark.hadoop.fs.s3a.impl": "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme"}
    plain_listing = {"spark.sql.sources.ignoreDataLocality": "true", "spark.sql.sources.useListFilesFileSystemList": ""}
    return conf | buckets | view | plain_listing

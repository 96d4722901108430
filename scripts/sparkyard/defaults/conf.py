"""Spark properties that a platform's settings lead to. No credential is ever among them."""

from sparkyard.names import CATALOG
from sparkyard.settings import S3, Catalog, Encryption, Lake, PlatformSettings

LOCAL_DIR = "spark-local-dir-1"  # Spark uses volumes of this name as its scratch space
LOCAL_DIR_PATH = "/var/data/spark-local"
CA_DIR = "/etc/sparkyard/ca"
RPC_DIR = "/etc/sparkyard/rpc"

SESSION = {
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.codegen.cache.maxEntries": "1000",  # of a hundred, a session that lives long compiles each query's code anew
    "spark.sql.codegen.hugeMethodLimit": "8000",  # beyond it the JVM interprets for ever; generated in pieces a wide row is compiled
    "spark.sql.optimizer.canChangeCachedPlanOutputPartitioning": "true",  # else a frame kept after a shuffle is 200 tasks
    "spark.sql.session.timeZone": "UTC",
}

# An operation is tried again for about 45 s, each wait twice the one before: longer than a store takes to start anew, and no longer.
# Hadoop tries within its own tries, so that by its defaults a store that is gone is told after minutes.
S3_PATIENCE = {
    "spark.hadoop.fs.s3a.attempts.maximum": "1",
    "spark.hadoop.fs.s3a.retry.limit": "6",
    "spark.hadoop.fs.s3a.retry.interval": "700ms",
    "spark.hadoop.fs.s3a.connection.establish.timeout": "15s",
}

# So that the driver's Role needs no right on services, claims and ConfigMaps: their owner's deletion takes them along.
LEAST_RIGHTS = {
    "spark.kubernetes.driver.ownPersistentVolumeClaim": "false",
    "spark.kubernetes.driver.service.deleteOnTermination": "false",
    "spark.kubernetes.executor.disableConfigMap": "true",
}


def catalog_conf(catalog: Catalog) -> dict[str, str]:
    prefix = f"spark.sql.catalog.{CATALOG}"
    return {
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        prefix: "org.apache.iceberg.spark.SparkCatalog",
        f"{prefix}.type": "jdbc",
        f"{prefix}.uri": catalog.uri,
        f"{prefix}.warehouse": catalog.warehouse,
        f"{prefix}.jdbc.schema-version": "V1",
        f"{prefix}.jdbc.init-catalog-tables": str(catalog.init_tables).lower(),
    }


def s3_conf(s3: S3) -> dict[str, str]:
    if not s3.endpoint:
        return {}
    return {
        "spark.hadoop.fs.s3a.endpoint": s3.endpoint,
        "spark.hadoop.fs.s3a.endpoint.region": s3.region,
        "spark.hadoop.fs.s3a.path.style.access": str(s3.path_style).lower(),
        "spark.hadoop.fs.s3a.aws.credentials.provider": s3.credentials_provider,
        # a file put into the store's folder from behind has no ETag
        "spark.hadoop.fs.s3a.change.detection.version.required": "false",
        **S3_PATIENCE,
    }


def encryption_conf(encryption: Encryption) -> dict[str, str]:
    """With a file for both sides Spark puts no secret of its own into the executors' pods, where whoever lists pods would read it."""
    if not encryption.secret:
        return {}
    return {
        "spark.authenticate": "true",
        "spark.authenticate.secret.file": f"{RPC_DIR}/secret",
        # An executor reads the file only if it knows that it is on Kubernetes, and Spark tells it by what the secret guards.
        "spark.executorEnv.SPARK_JAVA_OPT_9999": "-Dspark.master=k8s://",
        "spark.network.crypto.enabled": "true",
        "spark.network.crypto.authEngineVersion": "2",
        "spark.network.crypto.cipher": "AES/GCM/NoPadding",  # Spark's own default cannot tell that a message was changed
        "spark.network.crypto.saslFallback": "false",
        "spark.io.encryption.enabled": "true",
    }


def event_log_conf(directory: str) -> dict[str, str]:
    return {"spark.eventLog.enabled": "true", "spark.eventLog.dir": directory} if directory else {}


def lake_conf(lake: Lake) -> dict[str, str]:
    """All that a session needs anywhere, a laptop included: time zone, catalog, storage, event log."""
    return {**SESSION, **catalog_conf(lake.catalog), **s3_conf(lake.s3), **event_log_conf(lake.event_log_dir)}


def spark_conf(settings: PlatformSettings) -> dict[str, str]:
    """Every property that a job on the cluster gets, unless its manifest says otherwise."""
    return {
        **lake_conf(settings.lake),
        **LEAST_RIGHTS,
        **encryption_conf(settings.encryption),
        "spark.executor.failuresValidityInterval": "1h",
        "spark.executor.maxNumFailures": str(settings.max_executor_failures),
        **_java_options(settings),
        **settings.spark_conf,
    }


def local_dir_conf(role: str, size: str) -> dict[str, str]:
    """Scratch space on the node's disk: in memory it would count against the pod's limit."""
    prefix = f"spark.kubernetes.{role}.volumes.emptyDir.{LOCAL_DIR}"
    return {f"{prefix}.mount.path": LOCAL_DIR_PATH, f"{prefix}.options.sizeLimit": size}


def _java_options(settings: PlatformSettings) -> dict[str, str]:
    options = [*_truststore_options(settings), *_proxy_options(settings)]
    # `default` options stand beside a manifest's own javaOptions instead of giving way to them
    return {f"spark.{role}.defaultJavaOptions": " ".join(options) for role in ("driver", "executor")} if options else {}


def _truststore_options(settings: PlatformSettings) -> list[str]:
    if not settings.trusted_ca.config_map:
        return []
    store = {"": f"{CA_DIR}/truststore.p12", "Type": "PKCS12", "Password": settings.trusted_ca.truststore_password}
    return [f"-Djavax.net.ssl.trustStore{key}={value}" for key, value in store.items()]


def _proxy_options(settings: PlatformSettings) -> list[str]:
    proxy, options = settings.proxy, []
    for scheme, url in (("http", proxy.http), ("https", proxy.https)):
        host, _, port = url.split("://")[-1].rstrip("/").partition(":")
        if host:
            options += [f"-D{scheme}.proxyHost={host}", f"-D{scheme}.proxyPort={port or '3128'}"]
    if options and proxy.no_proxy:
        hosts = (f"*{host}" if host.startswith(".") else host for host in proxy.no_proxy.split(","))
        options.append(f"-Dhttp.nonProxyHosts={'|'.join(hosts)}")
    return options

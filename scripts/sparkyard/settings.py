"""What a platform decides for every job: images, accounts, the lake, limits. The chart `defaults` writes it into a ConfigMap."""

import hashlib
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from sparkyard import names
from sparkyard.errors import UsageError

# Raise it when the same settings lead to other defaults than before: objects that name an older generation are then left as they are.
GENERATION = 5


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Images(Model):
    spark: str = ""
    pull_policy: str = "IfNotPresent"
    pull_secrets: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()  # prefixes a manifest may name besides `spark`


class S3(Model):
    """An S3-compatible store; without an endpoint, s3a:// is left as the place configured it."""

    endpoint: str = ""
    region: str = "us-east-1"
    path_style: bool = True
    secret: str = names.S3_SECRET
    credentials_provider: str = "software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider"


class Catalog(Model):
    """The Iceberg JDBC catalog `yard`; credentials come by file, never as a Spark property."""

    uri: str = "jdbc:postgresql://?service=yard"
    warehouse: str = "s3a://lake"
    secret: str = names.CATALOG_SECRET
    init_tables: bool = False


class Lake(Model):
    s3: S3 = S3(endpoint=f"http://lake-s3.{names.PLATFORM_NAMESPACE}.svc:7070")
    catalog: Catalog = Catalog()
    event_log_dir: str = "s3a://eventlogs/"


class Encryption(Model):
    """What drivers and executors say to each other and write to scratch space; the secret comes by file, never as a Spark property."""

    secret: str = names.RPC_SECRET  # empty: nothing of it is encrypted


class Role(Model):
    service_account: str
    core_share: float = Field(default=1.0, gt=0, le=1)  # CPU requested for each of Spark's cores
    priority_class: str = ""


class MemoryOverhead(Model):
    """Memory outside the heap as a share of it: Python workers live there."""

    python: float = Field(default=0.4, ge=0)
    java: float = Field(default=0.1, ge=0)


class PodSecurity(Model):
    run_as_user: int | None = 185  # None: the cluster assigns one (OpenShift)
    run_as_group: int | None = 0
    fs_group: int | None = 185
    read_only_root: bool = True


class TrustedCa(Model):
    """A ConfigMap of the job namespaces with ca.crt (Python, curl) and truststore.p12 (JVM)."""

    config_map: str = ""
    truststore_password: str = "changeit"


class Proxy(Model):
    http: str = ""
    https: str = ""
    no_proxy: str = ""


class Share(Model):
    """A Windows share of the platform: a claim of its name. Its files are in /shares/<name>/files, whatever is mounted where."""

    name: str
    mount_path: str
    read_only: bool = True
    address: str = ""  # //server/share, for people


class Quota(Model):
    """What a namespace grants in all; empty where it sets no bound."""

    cpu: str = "16"
    memory: str = "65536Mi"


class PlatformSettings(Model):
    spark_version: str = ""
    namespaces: tuple[str, ...] = (names.JOBS_NAMESPACE,)
    images: Images = Images()
    lake: Lake = Lake()
    encryption: Encryption = Encryption()
    driver: Role = Role(service_account=names.DRIVER_ACCOUNT, core_share=0.5, priority_class=names.DRIVER_PRIORITY_CLASS)
    executor: Role = Role(service_account=names.EXECUTOR_ACCOUNT)
    memory_overhead: MemoryOverhead = MemoryOverhead()
    security: PodSecurity = PodSecurity()
    ttl_seconds: int = Field(default=86400, ge=60)
    max_executor_failures: int = Field(default=6, ge=1)
    local_dir_size: str = "20Gi"
    trusted_ca: TrustedCa = TrustedCa()
    proxy: Proxy = Proxy()
    node_selector: dict[str, str] = {}
    tolerations: tuple[dict[str, Any], ...] = ()
    shares: tuple[Share, ...] = ()
    share_claims: tuple[str, ...] = ()  # PersistentVolumeClaims (patterns) of other shares that an agent of the site's mounts
    connections: tuple[str, ...] = (names.CONNECTIONS_SECRET,)  # Secrets with SQL connections, for drivers only
    allowed_secrets: tuple[str, ...] = (names.S3_INGEST_SECRET,)  # besides the key of jobs
    allowed_service_accounts: tuple[str, ...] = ()
    allowed_priority_classes: tuple[str, ...] = ()
    quota: Quota = Quota()
    spark_conf: dict[str, str] = {}  # the site's own; a manifest still wins

    @property
    def secrets(self) -> tuple[str, ...]:
        own = (self.lake.s3.secret, self.lake.catalog.secret, self.encryption.secret)
        known = (*own, *self.images.pull_secrets, *self.connections, *self.allowed_secrets)
        return tuple(name for name in known if name)


def parse_settings(text: str, where: str = "settings") -> PlatformSettings:
    try:
        return PlatformSettings.model_validate(yaml.safe_load(text) or {})
    except (yaml.YAMLError, ValidationError) as error:
        raise UsageError(f"not valid platform settings: {error}", where=where) from None


def load_settings(path: Path) -> PlatformSettings:
    try:
        return parse_settings(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path)) from None


def format_settings(settings: PlatformSettings) -> str:
    return settings.model_dump_json(by_alias=True)


def revision(settings: PlatformSettings) -> str:
    """The name of these defaults, the same in every replica: <generation>-<hash of the settings>."""
    return f"{GENERATION}-{hashlib.sha256(format_settings(settings).encode()).hexdigest()[:12]}"

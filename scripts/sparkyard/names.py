"""Names that more than one room must agree on. Charts are tied to them by tests/charts."""

PLATFORM_NAMESPACE = "sparkyard"
JOBS_NAMESPACE = "spark-jobs"
NOTEBOOKS_NAMESPACE = "spark-notebooks"
CATALOG = "yard"
BUCKETS = ("raw", "lake", "eventlogs")

DRIVER_ACCOUNT = "spark-driver"
EXECUTOR_ACCOUNT = "spark-executor"
SUBMIT_ACCOUNT = "spark-submit"
HISTORY_SERVICE = "spark-history"
JUPYTER_SERVICE = "jupyter-proxy"
AIRFLOW_SERVICE = "airflow-api-server"
DRIVER_PRIORITY_CLASS = "sparkyard-driver"

S3_SECRET = "lake-s3-jobs"  # AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: env of driver and executors
S3_INGEST_SECRET = "lake-s3-ingest"  # the same for what writes raw files
CATALOG_SECRET = "lake-catalog-jobs"  # pg_service.conf: a file in drivers only
CONNECTIONS_SECRET = "sql-connections"  # <name>.toml, a SQL connection each: files in drivers only
JUPYTER_LOGIN_SECRET = "jupyter-passwords"  # a password for each person
AIRFLOW_LOGIN_SECRET = "airflow"  # passwords.json, beside Airflow's own keys
RPC_SECRET = "spark-rpc"  # secret: a file by which drivers and executors know each other
APPS_DIR = "/opt/sparkyard/apps"  # spark_apps/ inside the image
RUN_ID_ENV = "SPARKYARD_RUN_ID"
SUMMARY_ENV = "SPARKYARD_SUMMARY"
NOTEBOOK_ROLE = "notebook"  # what a person's account may do in the notebooks' namespace
NOTEBOOK_EXECUTOR_ACCOUNT = "spark-executor"  # not notebook-…: those are people's
LAKE_CLIENT_LABEL = "sparkyard.dev/lake-client"  # whom the lake lets in besides jobs
NOTEBOOK_USER_LABEL = "sparkyard.dev/notebook-user"
NOTEBOOK_KERNEL_LABEL = "sparkyard.dev/notebook-kernel"  # which kernel of theirs an executor works for
NOTEBOOK_SETTINGS_ENV = "SPARKYARD_NOTEBOOK_SETTINGS"  # the platform's settings for one person, JSON
NOTEBOOK_CONNECT_ENV = "SPARKYARD_CONNECT"  # where a person's Spark Connect is, JSON
NOTEBOOK_SIZES_ENV = "SPARKYARD_NOTEBOOK_SIZES"  # whose, and how large driver and executors are, JSON
DEFAULTS_REVISION = "sparkyard.dev/defaults-revision"
RUN_ID_LABEL = "sparkyard.dev/run-id"


def job_name(domain: str, app: str) -> str:
    """The one name of a job in Kubernetes' spelling: ("trace", "q1_hours") is trace-q1-hours."""
    return f"{domain}_{app}".replace("_", "-")


def table_name(layer: str, domain: str, what: str) -> str:
    return f"{CATALOG}.{layer}.{domain}_{what}"

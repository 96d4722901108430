"""What the chart jupyterhub tells the hub about notebooks (its ConfigMap jupyter-hub, values.json)."""

from typing import Any

from pydantic import Field, ValidationError

from sparkyard import names
from sparkyard.errors import UsageError
from sparkyard.settings import Model


class Notebook(Model):
    """Size of the pod with the kernels, which are Spark's drivers."""

    cpu: str = "250m"
    memory: str = "2Gi"
    driver_memory: str = "1g"  # heap of each kernel's Spark


class Executors(Model):
    """Executors of one kernel."""

    max: int = 2
    cores: int = 1
    memory: str = "1g"


class Profile(Model):
    title: str = ""
    notebook: Notebook = Notebook()
    executors: Executors = Executors()


class Home(Model):
    size: str = "5Gi"
    storage_class: str = ""
    access_modes: tuple[str, ...] = ("ReadWriteOnce",)


class Idle(Model):
    """Seconds; a cell that runs is never idle."""

    kernel: int = 3600
    warning: int = 300
    server: int = 1200


class Lake(Model):
    s3_secret: str = "lake-s3-read"
    catalog_secret: str = "lake-catalog-read"
    event_logs: bool = True


class Users(Model):
    names: tuple[str, ...] = ()
    admins: tuple[str, ...] = ()


class Team(Model):
    """Who shares a Spark Connect server, and how large it is."""

    users: tuple[str, ...] = ()  # "*": everybody
    groups: tuple[str, ...] = ()
    server: Notebook = Notebook()
    executors: Executors = Executors()


class Connect(Model):
    address: str = ""  # of the door in front of the servers
    teams: dict[str, Team] = Field(default_factory=dict)


class PersonQuota(Model):
    """What a person's server and executors may request together, in Kubernetes' units."""

    enabled: bool = False
    cpu: str = "8"
    memory: str = "32Gi"
    pods: str = "40"


class HubValues(Model):
    image: str
    release_namespace: str = names.PLATFORM_NAMESPACE
    namespace: str = names.NOTEBOOKS_NAMESPACE
    users: Users = Users()
    profiles: dict[str, Profile] = Field(min_length=1)
    default_profile: str = "small"
    home: Home = Home()
    idle: Idle = Idle()
    lake: Lake = Lake()
    connect: Connect = Connect()
    person_quota: PersonQuota = PersonQuota()
    connections: str = ""  # a Secret
    shares: tuple[str, ...] = ()
    database: bool = False  # its address is in the environment
    authenticator: str = ""  # another than ours
    config: dict[str, dict[str, Any]] = Field(default_factory=dict)  # traits by class: {"GenericOAuthenticator": {"client_id": …}}


def parse_values(text: str, where: str = "values.json") -> HubValues:
    try:
        return HubValues.model_validate_json(text)
    except ValidationError as error:
        raise UsageError(f"not valid values of the hub: {error}", where=where) from None

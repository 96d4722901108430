"""JupyterHub's configuration: how the package sparkyard's answers reach the hub. What varies comes from values.json beside this file."""

import asyncio
import os
import secrets
import ssl
from concurrent.futures import ThreadPoolExecutor
from hmac import compare_digest
from pathlib import Path

import kubernetes_asyncio
from jupyterhub.auth import Authenticator
from kubernetes_asyncio.client.exceptions import ApiException
from kubespawner.clients import shared_client
from kubespawner.slugs import safe_slug
from traitlets.config import Config

from sparkyard import hub
from sparkyard.names import LAKE_CLIENT_LABEL, NOTEBOOK_USER_LABEL
from sparkyard.settings import load_settings

c = get_config()  # noqa: F821  # JupyterHub defines it
values = hub.parse_values((Path(__file__).parent / "values.json").read_text())
PLATFORM = Path("/etc/sparkyard/platform/settings.yaml")
PASSWORDS = Path("/run/secrets/passwords")
TEAMS, AUTHORITY = Path("/run/secrets/connect"), Path("/run/secrets/connect-authority/ca.crt")
MAKERS = {  # kind: API, what it is called there, and whether one that is there is renewed
    "ServiceAccount": ("CoreV1Api", "service_account", False),
    "RoleBinding": ("RbacAuthorizationV1Api", "role_binding", False),
    "NetworkPolicy": ("NetworkingV1Api", "network_policy", True),
    "Secret": ("CoreV1Api", "secret", True),
    "PriorityClass": ("SchedulingV1Api", "priority_class", False),
    "ResourceQuota": ("CoreV1Api", "resource_quota", True),
}


class PasswordAuthenticator(Authenticator):
    """A generated password for each person, in a file of their name; read at each login, so that a change holds at once."""

    async def authenticate(self, handler, data):
        name = data["username"]
        file = PASSWORDS / name
        known = file.read_text() if name in values.users.names and file.is_file() else secrets.token_hex()
        return name if compare_digest(known.encode(), data["password"].encode()) else None


async def prepare_person(spawner, pod):
    """Before a server starts: what belongs to its person is there, and the pod is the platform's own driver pod."""
    user = safe_slug(spawner.user.name, max_length=48)
    own = hub.make_objects(values.namespace, user, spawner.api_token, secrets.token_urlsafe(48))
    for item in [*own, *hub.make_person_quota(values, user)]:
        await ensure(item, shared_client)
    added = hub.make_additions(load_settings(PLATFORM), values, user, spawner.user_options.get("profile", ""))
    container = pod.spec.containers[0]
    added["env"] += find_connect(spawner.user)
    named = {entry["name"] for entry in added["env"]}
    container.env = [*(entry for entry in container.env if entry.name not in named), *added["env"]]
    container.env_from = added["envFrom"]
    container.volume_mounts = [*container.volume_mounts, *added["mounts"]]
    container.security_context = added["containerSecurity"]
    pod.spec.volumes = [*pod.spec.volumes, *added["volumes"]]
    pod.spec.security_context = added["podSecurity"]
    pod.spec.service_account_name, pod.spec.automount_service_account_token = f"notebook-{user}", True
    pod.spec.enable_service_links = False
    pod.spec.tolerations, pod.spec.node_selector = added["tolerations"], added["nodeSelector"]
    pod.spec.priority_class_name = added["priorityClass"]
    pod.metadata.labels[NOTEBOOK_USER_LABEL] = user
    return pod


def find_connect(user):
    if not values.connect.teams:
        return []
    return hub.make_connect_env(values, user.name, [group.name for group in user.groups], AUTHORITY.read_text())


async def prepare_teams():
    """Before the hub serves: what the teams' Spark Connect servers wait for, which are pods of the chart's."""
    kubernetes_asyncio.config.load_incluster_config()
    async with kubernetes_asyncio.client.ApiClient() as api:
        for team in values.connect.teams:
            for item in hub.make_team_objects(load_settings(PLATFORM), values, team, (TEAMS / team).read_text(), secrets.token_urlsafe(48)):
                await ensure(item, lambda name: getattr(kubernetes_asyncio.client, name)(api))


async def ensure(item, get_client):
    """Create it; of what is there network, token and quota are renewed. The word between driver and executors stays as it is."""
    api, name, renewed = MAKERS[item["kind"]]
    client, namespace = get_client(api), item["metadata"].get("namespace")
    try:
        if namespace:
            await getattr(client, f"create_namespaced_{name}")(namespace, item)
        else:
            await getattr(client, f"create_{name}")(item)
    except ApiException as error:
        if error.status != 409:
            raise
        if renewed and not item["metadata"]["name"].startswith("spark-rpc-"):
            await getattr(client, f"patch_namespaced_{name}")(item["metadata"]["name"], namespace, item)


def service_address(name, port):
    return f"http://{name}.{values.release_namespace}.svc:{port}"


c.JupyterHub.hub_bind_url = "http://0.0.0.0:8081"
c.JupyterHub.hub_connect_url = service_address("jupyter-hub", 8081)
c.JupyterHub.db_url = os.environ.get("SPARKYARD_HUB_DATABASE", "sqlite:////srv/jupyterhub/jupyterhub.sqlite")
c.JupyterHub.upgrade_db = True
c.JupyterHub.cleanup_servers = False  # a new hub finds people's servers as they are
c.JupyterHub.cleanup_proxy = False
c.JupyterHub.last_activity_interval = 10  # also how soon a new proxy knows its routes
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = service_address("jupyter-proxy-api", 8001)

c.JupyterHub.authenticator_class = values.authenticator or PasswordAuthenticator
c.Authenticator.allow_all = not values.authenticator  # who has a password here may come in; of others the site says who
c.Authenticator.admin_users = set(values.users.admins)
if site_authorities := os.environ.get("SSL_CERT_FILE"):
    c.OAuthenticator.http_request_kwargs = {"ca_certs": site_authorities}
    c.LDAPAuthenticator.tls_kwargs = {"ca_certs_file": site_authorities, "validate": ssl.CERT_REQUIRED}

# For whom drives the hub from outside: it acts for people, and has no rights of its own in their servers but these.
c.JupyterHub.services = [{"name": "platform", "api_token": os.environ["SPARKYARD_HUB_TOKEN"]}]
c.JupyterHub.load_roles = [
    {
        "name": "platform",
        "services": ["platform"],
        "scopes": ["admin:users", "admin:servers", "tokens", "access:servers", "read:hub", "proxy"],
    }
]

c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.KubeSpawner.namespace = values.namespace
c.KubeSpawner.image = values.image
c.KubeSpawner.cmd = ["python3", "-m", "jupyterhub.singleuser"]
c.KubeSpawner.port = 8888
c.KubeSpawner.environment = {
    "JUPYTERHUB_SINGLEUSER_APP": "jupyter_server.serverapp.ServerApp",
    "SPARKYARD_KERNEL_IDLE": str(values.idle.kernel),
    "SPARKYARD_KERNEL_WARNING": str(values.idle.warning),
    "SPARKYARD_SERVER_IDLE": str(values.idle.server),
}
c.KubeSpawner.default_url = "/lab"
c.KubeSpawner.start_timeout = 300
c.KubeSpawner.http_timeout = 180
c.KubeSpawner.profile_list = hub.make_profile_list(values)
c.KubeSpawner.extra_labels = {"sparkyard.dev/notebook": "true", LAKE_CLIENT_LABEL: "true", "app.kubernetes.io/part-of": "sparkyard"}
c.KubeSpawner.modify_pod_hook = prepare_person
c.KubeSpawner.storage_pvc_ensure = True
c.KubeSpawner.delete_pvc = False
c.KubeSpawner.pvc_name_template = "home-{username}"
c.KubeSpawner.storage_capacity = values.home.size
c.KubeSpawner.storage_class = values.home.storage_class or None
c.KubeSpawner.storage_access_modes = list(values.home.access_modes)
c.KubeSpawner.volumes = {"home": {"name": "home", "persistentVolumeClaim": {"claimName": "{pvc_name}"}}}
c.KubeSpawner.volume_mounts = {"home": {"name": "home", "mountPath": "/home/spark"}}

if values.connect.teams:
    ThreadPoolExecutor(1).submit(asyncio.run, prepare_teams()).result()  # in a loop of its own: the hub's runs already

c.merge(Config(values.config))

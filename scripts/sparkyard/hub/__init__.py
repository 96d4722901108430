"""What JupyterHub asks of us when it starts a person's server: plain objects. charts/jupyterhub/files hands them to the cluster."""

from sparkyard.hub.objects import make_objects
from sparkyard.hub.pod import make_additions, make_person_quota, make_profile_list
from sparkyard.hub.teams import make_connect_env, make_team_objects
from sparkyard.hub.values import HubValues, parse_values

__all__ = [
    "HubValues",
    "make_additions",
    "make_connect_env",
    "make_objects",
    "make_person_quota",
    "make_profile_list",
    "make_team_objects",
    "parse_values",
]

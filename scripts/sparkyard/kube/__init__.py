"""Kubernetes: the only place that imports its client. Objects are plain dicts, as the API speaks them."""

from sparkyard.kube.client import ApiError, Kube, find_kubeconfig
from sparkyard.kube.forward import forward
from sparkyard.kube.watch import Gone, watch_object

__all__ = ["ApiError", "Gone", "Kube", "find_kubeconfig", "forward", "watch_object"]

"""Windows shares: a manifest names the claim and nothing else; where it is mounted, and how, is the platform's business.

What an agent mounts anew appears in a running pod only with HostToContainer."""

from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

from sparkyard.settings import PlatformSettings, Share

Json = dict[str, Any]
PROPAGATION = {"mountPropagation": "HostToContainer"}


def share_volumes(said: Json, spec: Json, settings: PlatformSettings) -> Iterator[tuple[Json, Json]]:
    """Volume and mount of each share that the application claims and the role does not mount itself."""
    mounts = said.get("volumeMounts") or []
    taken = {mount.get(key) for mount in mounts for key in ("name", "mountPath")}
    for volume in spec.get("volumes") or []:
        share = claimed_share(volume, settings)
        if share and not {volume.get("name"), share.mount_path} & taken:
            yield {**volume, "name": f"share-{share.name}"}, make_mount(share)


def make_mount(share: Share) -> Json:
    mount = {"name": f"share-{share.name}", "mountPath": share.mount_path, **PROPAGATION}
    return {**mount, "readOnly": True} if share.read_only else mount


def claimed_share(volume: Json, settings: PlatformSettings) -> Share | None:
    """The platform's share that a volume stands for; None where it is something else."""
    claim = claim_of(volume)
    return next((share for share in settings.shares if share.name == claim), None)


def claim_of(volume: Json) -> str:
    return str((volume.get("persistentVolumeClaim") or {}).get("claimName", ""))


def propagated_mounts(said: Json, spec: Json, settings: PlatformSettings) -> Json:
    """What the role mounts itself of shares, completed."""
    shares = {volume.get("name") for volume in spec.get("volumes") or [] if _is_share(volume, settings)}
    mounts = [
        {"mountPath": mount.get("mountPath"), **PROPAGATION} for mount in said.get("volumeMounts") or [] if mount.get("name") in shares
    ]
    return {"volumeMounts": mounts} if mounts else {}


def _is_share(volume: Json, settings: PlatformSettings) -> bool:
    return bool(claimed_share(volume, settings)) or any(fnmatch(claim_of(volume), pattern) for pattern in settings.share_claims)

"""Rules about Windows shares: what an argument names is claimed, else the job would find nothing there."""

import re
from collections.abc import Iterator

from sparkyard.check.findings import Application, Finding, items, table

SHARE = re.compile(r"(?:^|=|file:(?://)?)/shares/([^/]+)")


def find_unclaimed_shares(app: Application) -> Iterator[Finding]:
    claimed = {str(table(volume, "persistentVolumeClaim").get("claimName")) for volume in items(app.spec, "volumes")}
    known = {share.name: share for share in app.settings.shares}
    for place, argument in enumerate(items(app.spec, "arguments")):
        name = found[1] if (found := SHARE.search(str(argument))) else ""
        path = (*app.base, "arguments", place)
        if name and name not in claimed and not _is_mounted(app, name):
            fix = f"add to spec.volumes: {{name: {name}, persistentVolumeClaim: {{claimName: {name}}}}}"
            yield Finding("share", path, f"no volume claims the share {name}, so it is not there", fix, seen=str(argument))
        elif name and known and name not in known:
            fix = "correct the name, or have the platform declare the share: global.shares"
            yield Finding("share", path, f"the platform has no share {name}", fix, " or ".join(known), name, severity="warning")


def _is_mounted(app: Application, name: str) -> bool:
    """By the manifest itself, under whatever claim."""
    paths = [str(table({"mount": mount}, "mount").get("mountPath")) for _, said in app.roles() for mount in items(said, "volumeMounts")]
    return any(path == f"/shares/{name}" or path.startswith(f"/shares/{name}/") for path in paths)

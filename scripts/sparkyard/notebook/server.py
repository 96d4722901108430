"""What the notebook server has besides Jupyter: the sweeper, and each kernel's Spark UI under <server>/spark/<word>/.

The Spark UI asks for its pages by the path that the header X-Forwarded-Context names; below a path with `proxy` in it, its Executors page
would take the next word for an application."""

import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.web import HTTPError, authenticated

from sparkyard import names
from sparkyard.notebook.ledger import load_entries

KEPT = ("Content-Type", "Cache-Control", "Content-Disposition", "Last-Modified", "ETag")


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "sparkyard.notebook.server"}]


def _load_jupyter_server_extension(app: Any) -> None:
    base = app.web_app.settings["base_url"]
    app.web_app.add_handlers(".*$", [(url_path_join(base, r"/spark/([0-9a-f]+)(/.*)?"), SparkInterface)])
    if names.NOTEBOOK_SIZES_ENV in os.environ:
        from sparkyard.notebook.sweeper import start_sweeper

        start_sweeper(os.environ["POD_NAMESPACE"], json.loads(os.environ[names.NOTEBOOK_SIZES_ENV])["user"])


class SparkInterface(JupyterHandler):
    """Read only: a stage is stopped by interrupting its cell."""

    def check_xsrf_cookie(self) -> None:
        """Spark's pages fetch their parts and know no token of ours. Another person's page, of the same origin, does not know the path."""
        if self.request.method != "GET" or self.request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            raise HTTPError(403, "asked for by another site")

    @authenticated
    async def get(self, door: str, path: str | None) -> None:
        base = url_path_join(self.base_url, "spark", door)
        if not path:
            self.redirect(f"{base}/jobs/")
            return
        address = next((entry.interface for entry in load_entries() if entry.door == door), "")
        if not address:
            raise HTTPError(404, "this kernel's Spark has ended, or has not started yet")
        await self._pass_on(f"{address}{path}{'?' if self.request.query else ''}{self.request.query}", base)

    async def _pass_on(self, url: str, base: str) -> None:
        try:
            headers = {"X-Forwarded-Context": base}
            answer = await AsyncHTTPClient().fetch(url, headers=headers, follow_redirects=False, raise_error=False, request_timeout=30)
        except (OSError, HTTPClientError) as error:
            raise HTTPError(502, f"this kernel's Spark does not answer: {error}") from None
        self.set_status(answer.code)
        for name, value in make_headers(answer.headers, base).items():
            self.set_header(name, value)
        if answer.body:
            self.write(answer.body)


def make_headers(given: Mapping[str, str], base: str) -> dict[str, str]:
    """Those that a browser needs; a redirect stays below the kernel's path."""
    kept = {name: given[name] for name in KEPT if name in given}
    if "Location" in given:
        target = urlsplit(given["Location"])
        path = target.path if target.path.startswith(f"{base}/") else f"{base}{target.path}"
        kept["Location"] = f"{path}{'?' if target.query else ''}{target.query}"
    return kept

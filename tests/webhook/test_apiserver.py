"""The webhook behind a real API server, with the chart's own rights and configuration: what kubectl sees."""

import base64
import copy
import json
import re
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.charts.apiserver import EACH_VERSION, Api, get_tool, run_apiserver
from tests.webhook.conftest import NAMES, application, free_port, serving, wait_until

from sparkyard.project import ROOT
from sparkyard.settings import PlatformSettings, parse_settings, revision
from sparkyard.webhook.api import ApiServer
from sparkyard.webhook.certificates import LIFETIME, Certificate, CertificateStore, make_certificate, utc_now
from sparkyard.webhook.revisions import Revisions
from sparkyard.webhook.server import Webhook

pytestmark = [pytest.mark.apiserver, pytest.mark.helm]

Json = dict[str, Any]
NAME = "sparkyard-defaults"
CONFIGURATION = f"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{NAME}"
CORE = "/api/v1/namespaces/sparkyard"
INVALID = sorted((ROOT / "manifests" / "invalid").glob("*.yaml"))


@dataclass
class Platform:
    api: Api
    server: ApiServer  # as the webhook's own account
    settings: PlatformSettings
    port: int

    def webhook(self, settings: PlatformSettings | None = None, lifetime: timedelta = LIFETIME, port: int = 0) -> Webhook:
        store = CertificateStore(self.server, f"{CORE}/secrets/{NAME}-tls", CONFIGURATION, NAMES, lifetime=lifetime)
        revisions = Revisions(settings or self.settings, self.server, f"{CORE}/configmaps/{NAME}-revisions")
        return Webhook(revisions, store, port or self.port, free_port(), host="127.0.0.1", interval=0.2, settle=0.5)

    def kubectl(self, *arguments: str, given: object = None) -> str:
        done = self.api.kubectl(*arguments, given=given)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def get(self, kind: str, name: str, namespace: str = "spark-jobs") -> Json:
        found: Json = json.loads(self.kubectl("get", kind, name, "-n", namespace, "-o", "json"))
        return found

    def apply(self, app: Json, *options: str) -> Json:
        """A plain `kubectl apply`, as people type it."""
        self.kubectl("apply", *options, "-f", "-", given=app)
        return self.get("sparkapplication", app["metadata"]["name"])


def render_chart() -> list[Json]:
    images = "global.images.spark=registry.test/spark:1,global.images.platform=registry.test/platform:1"
    command = [str(get_tool("helm", "helm")), "template", "sparkyard", str(ROOT / "charts/defaults"), "--namespace=sparkyard"]
    done = subprocess.run([*command, "--kube-version=1.35.0", "--set", images], check=True, capture_output=True, text=True)
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def load_crds() -> list[Json]:
    command = ["python3", str(ROOT / "scripts/gotools/build.py"), "--path", "crds"]
    folder = Path(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
    return [yaml.safe_load(file.read_text()) for file in sorted(folder.glob("*.yaml"))]


@pytest.fixture(scope="module", params=EACH_VERSION)
def platform(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder, port = tmp_path_factory.mktemp("apiserver"), free_port()
    with run_apiserver(request.param, folder) as api:
        api.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in ("sparkyard", "spark-jobs")])
        api.apply(load_crds())
        api.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        chart = render_chart()
        webhooks = next(document for document in chart if document["kind"] == "MutatingWebhookConfiguration")["webhooks"]
        webhooks[0]["clientConfig"] = {"url": f"https://localhost:{port}/mutate"}
        api.apply(chart)
        token = api.kubectl("create", "token", NAME, "-n", "sparkyard", "--duration=2h").stdout
        (folder / "token").write_text(token)
        url = json.loads(api.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
        text = next(document for document in chart if "settings.yaml" in document.get("data", {}))["data"]["settings.yaml"]
        yield Platform(api, ApiServer(url, folder / "token", folder / "certs" / "apiserver.crt"), parse_settings(text), port)


@pytest.fixture(autouse=True)
def no_applications(platform: Platform) -> None:
    platform.kubectl("delete", "sparkapplications", "--all", "-n", "spark-jobs", "--wait=true")


@pytest.mark.parametrize("file", sorted((ROOT / "manifests" / "jobs").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_job_gets_defaults_that_its_schema_admits(platform: Platform, file: Path) -> None:
    with serving(platform.webhook()):
        live = platform.apply(yaml.safe_load(file.read_text()))
    assert live["spec"]["image"] == "registry.test/spark:1"
    assert live["metadata"]["annotations"]["sparkyard.dev/defaults-revision"] == revision(platform.settings)
    assert live["metadata"]["labels"]["sparkyard.dev/run-id"]
    # what the schema does not know would have been dropped in silence
    assert live["spec"]["driver"]["template"]["spec"]["containers"][0]["env"][0]["valueFrom"]["fieldRef"]


def admission_words(file: Path) -> str:
    found = re.search(r"^# expect: [a-z, ]*admission: (.+)$", file.read_text(), re.MULTILINE)
    return found[1] if found else ""


def test_every_invalid_manifest_is_refused_in_its_words(platform: Platform) -> None:
    with serving(platform.webhook()):
        for file in INVALID:
            done = platform.api.kubectl("apply", "-f", str(file))
            assert admission_words(file) in done.stderr, f"{file.name}: {done.stderr}"
            assert (done.returncode != 0) == bool(admission_words(file)), file.name


@pytest.mark.parametrize("side", ["--server-side=false", "--server-side"])
def test_applying_again_changes_nothing_even_after_an_upgrade(platform: Platform, side: str) -> None:
    app = application(volumes=[{"name": "a", "emptyDir": {}}], driver={"memory": "1g", "volumeMounts": [{"name": "a", "mountPath": "/a"}]})
    app["spec"]["driver"]["template"] = {"spec": {"containers": [{"name": "spark-kubernetes-driver", "workingDir": "/a"}]}}
    upgraded = platform.settings.model_copy(update={"ttl_seconds": 600, "max_executor_failures": 3})
    with serving(platform.webhook()):
        born = platform.apply(app, side)
        assert platform.apply(app, side)["metadata"]["generation"] == 1
    with serving(platform.webhook(upgraded)):
        again = platform.apply(app, side)
        other = platform.apply({**copy.deepcopy(app), "metadata": {"name": "later", "namespace": "spark-jobs"}})
        platform.kubectl("patch", "sparkapplication", "hello-hello", "-n", "spark-jobs", "--type=merge", "-p", '{"spec":{"suspend":true}}')
    assert again["metadata"]["generation"] == 1
    assert again["spec"] == born["spec"]
    assert again["metadata"]["annotations"]["sparkyard.dev/defaults-revision"] == revision(platform.settings)
    assert (other["spec"]["timeToLiveSeconds"], other["spec"]["sparkConf"]["spark.executor.maxNumFailures"]) == (600, "3")
    stopped = platform.get("sparkapplication", "hello-hello")
    assert {**stopped["spec"], "suspend": None} == {**born["spec"], "suspend": None}


def test_a_changed_manifest_keeps_its_revision_and_takes_back_what_it_no_longer_says(platform: Platform) -> None:
    before = application(sparkConf={"spark.sql.shuffle.partitions": "8"}, arguments=["--day", "1"])
    with serving(platform.webhook()):
        born = platform.apply(before)
    with serving(platform.webhook(platform.settings.model_copy(update={"ttl_seconds": 600}))):
        live = platform.apply(application(arguments=["--day", "2"]))
    assert live["spec"]["arguments"] == ["--day", "2"]
    assert "spark.sql.shuffle.partitions" not in live["spec"]["sparkConf"]
    assert live["spec"]["timeToLiveSeconds"] == born["spec"]["timeToLiveSeconds"]
    assert live["metadata"]["labels"]["sparkyard.dev/run-id"] != born["metadata"]["labels"]["sparkyard.dev/run-id"]


def test_an_outage_stops_new_applications_and_nothing_else(platform: Platform) -> None:
    with serving(platform.webhook()):
        platform.apply(application())
    refused = platform.api.refusal({**application(), "metadata": {"name": "new-one", "namespace": "spark-jobs"}})
    assert "failed calling webhook" in refused
    status = '{"status":{"applicationState":{"state":"RUNNING"},"driverInfo":{}}}'
    platform.kubectl("patch", "sparkapplication", "hello-hello", "-n", "spark-jobs", "--type=merge", "--subresource=status", "-p", status)
    platform.kubectl("label", "sparkapplication", "hello-hello", "-n", "spark-jobs", "seen=yes")
    platform.kubectl("delete", "sparkapplication", "hello-hello", "-n", "spark-jobs")


def test_replicas_agree_on_one_certificate_and_renew_it_unnoticed(platform: Platform) -> None:
    platform.kubectl("patch", "secret", f"{NAME}-tls", "-n", "sparkyard", "--type=merge", "-p", '{"data":null}')
    lifetime = timedelta(seconds=6)  # due after 4
    first, second = platform.webhook(lifetime=lifetime), platform.webhook(lifetime=lifetime, port=free_port())
    with ExitStack() as stack:
        for webhook in (first, second):
            stack.enter_context(serving(webhook))
        born = certificate(platform)
        assert trusted(platform) == authorities(platform)

        def renewed() -> bool:
            assert platform.api.refusal(application()) == ""
            return certificate(platform) != born

        wait_until(renewed, 30)
        assert platform.api.refusal(application()) == ""
        assert authorities(platform).count("BEGIN CERTIFICATE") == 2
        wait_until(lambda: trusted(platform) == authorities(platform))


def certificate(platform: Platform) -> str:
    return str(platform.get("secret", f"{NAME}-tls", "sparkyard")["data"]["tls.crt"])


def authorities(platform: Platform) -> str:
    return base64.b64decode(platform.get("secret", f"{NAME}-tls", "sparkyard")["data"]["ca.crt"]).decode()


def trusted(platform: Platform) -> str:
    configuration = platform.get("mutatingwebhookconfiguration", NAME)
    return base64.b64decode(configuration["webhooks"][0]["clientConfig"]["caBundle"]).decode()


def test_a_certificate_of_cert_managers_is_served_and_its_renewal_taken_up(platform: Platform) -> None:
    def issue() -> Certificate:
        made = make_certificate(NAMES, utc_now())
        values = {"ca.crt": made.authorities, "tls.crt": made.chain, "tls.key": made.key}
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        secret = ["patch", "secret", f"{NAME}-tls", "-n", "sparkyard", "--type=merge", "-p", json.dumps({"data": data})]
        platform.kubectl(*secret)
        return made

    trusted_before, issued = trusted(platform), issue()
    webhook = platform.webhook(port=free_port())
    webhook.certificates = replace(webhook.certificates, issues=False)
    with serving(webhook):
        assert served(webhook) == issued.chain.split()
        issued = issue()
        wait_until(lambda: served(webhook) == issued.chain.split())
    assert trusted(platform) == trusted_before  # the injector's business
    platform.kubectl("patch", "secret", f"{NAME}-tls", "-n", "sparkyard", "--type=merge", "-p", '{"data":null}')


def served(webhook: Webhook) -> list[str]:
    return ssl.get_server_certificate(("127.0.0.1", webhook.port)).split()


@pytest.mark.parametrize(
    ("verb", "what", "allowed"),
    [
        ("update", f"secret/{NAME}-tls", True),
        ("update", f"configmap/{NAME}-revisions", True),
        ("update", f"mutatingwebhookconfiguration/{NAME}", True),
        ("get", "secret/lake-s3-jobs", False),
        ("list", "secrets", False),
        ("create", "configmaps", False),
        ("update", "mutatingwebhookconfiguration/other", False),
        ("list", "sparkapplications", False),
    ],
)
def test_it_may_touch_its_own_three_objects_only(platform: Platform, verb: str, what: str, allowed: bool) -> None:
    account = f"--as=system:serviceaccount:sparkyard:{NAME}"
    done = platform.api.kubectl("auth", "can-i", verb, what, account, "-n", "sparkyard")
    assert (done.returncode == 0) is allowed

"""Windows shares on a real Samba that behaves like Windows, mounted by our agent, read by pods of a restricted namespace."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml
from e2e.samba import PASSWORDS, SECRETS, Agent, Samba, declared, known_shares, make_secret, serving
from rotation import rotating

from sparkyard.defaults import apply_defaults
from sparkyard.project import ROOT
from sparkyard.runs.share import make_pod, probe_share, require_share
from sparkyard.runs.share_words import Finding
from sparkyard.settings import PlatformSettings, parse_settings

pytestmark = [pytest.mark.cluster, pytest.mark.images, pytest.mark.helm]
LOST_WITHIN = 60  # seconds: what the README promises, with a margin
Object = dict[str, Any]
PROGRAM = """
import json, os
F = "/shares/e2e-data/files"
try:
    print(json.dumps(CODE))
except OSError as error:
    print(json.dumps(type(error).__name__))
"""


@pytest.fixture(scope="module")
def samba(yard: Any) -> Iterator[Samba]:
    with serving(yard, declared()) as server:
        yield server


@pytest.fixture(scope="module")
def agent(yard: Any, samba: Samba) -> Agent:
    agent = Agent(yard)
    bound = ["--for=jsonpath={.status.phase}=Bound", "--timeout=30s"]
    yard.kubectl("wait", "-n", yard.namespace, "pvc", "-l", "app.kubernetes.io/name=share-agent", *bound)
    agent.wait_for("e2e-data", "mounted")
    return agent


@pytest.fixture(scope="module")
def platform(yard: Any) -> PlatformSettings:
    """The platform's settings, had it these shares."""
    found = yaml.safe_load(yard.kube.get("/api/v1/namespaces/sparkyard/configmaps/sparkyard-defaults")["data"]["settings.yaml"])
    return parse_settings(yaml.safe_dump({**found, "shares": known_shares(declared())}))


class Reader:
    """A pod like an executor's that runs all the time, and Python in it."""

    def __init__(self, yard: Any) -> None:
        self.yard = yard

    def start(self, settings: PlatformSettings) -> None:
        pod = make_pod(require_share(settings, "e2e-data"), settings, "e2e-reader")
        pod["spec"]["containers"][0]["command"] = ["sleep", "3600"]
        pod["spec"] |= {"activeDeadlineSeconds": 3600, "terminationGracePeriodSeconds": 1}
        self.yard.kubectl("apply", "-n", self.yard.namespace, "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "Pod", **pod}))
        self.yard.wait_for_pod("e2e-reader", "Running")

    def python(self, code: str) -> Any:
        """What the code prints as JSON; errors as their type."""
        text = PROGRAM.replace("CODE", code)
        done = self.yard.kubectl("exec", "-n", self.yard.namespace, "e2e-reader", "--", "python3", "-c", text)
        return json.loads(done.stdout)

    def wait_for(self, code: str, wanted: Any, timeout: float) -> float:
        """Seconds until it says that."""
        begin = time.monotonic()
        while (found := self.python(code)) != wanted:
            assert time.monotonic() - begin < timeout, f"{code} is {found} after {timeout:.0f} s, not {wanted}"
            time.sleep(1)
        return time.monotonic() - begin


@pytest.fixture(scope="module")
def reader(yard: Any, agent: Agent, platform: PlatformSettings) -> Iterator[Reader]:
    reader = Reader(yard)
    reader.start(platform)
    yield reader
    yard.kubectl("delete", "pod", "-n", yard.namespace, "e2e-reader", "--wait=false")


CAUSES = {
    "e2e-data": "",
    "e2e-inbox": "",
    "e2e-changed": "logon failure",
    "e2e-expired": "password expired",
    "e2e-missing": "no credentials",
    "e2e-closed": "permission denied",
    "e2e-noshare": "no such share",
    "e2e-nofolder": "no such folder",
    "e2e-nohost": "host unknown",
    "e2e-noserver": "refused",
    "e2e-nobody": "no route",
}


def test_each_share_that_cannot_be_had_names_server_share_and_cause(agent: Agent) -> None:
    deadline = time.monotonic() + 60
    while (found := {name: state["cause"] for name, state in agent.states().items() if name in CAUSES}) != CAUSES:
        assert time.monotonic() < deadline, {name: cause for name, cause in found.items() if cause != CAUSES[name]}
        time.sleep(1)
    for name, state in agent.states().items():
        if state["cause"]:
            assert state["message"].startswith(f"share {name} ({state['address']}): {state['cause']}"), found


def try_out(yard: Any, platform: PlatformSettings, share: str) -> dict[str, Finding]:
    return {finding.check: finding for finding in probe_share(yard.kube, platform, yard.namespace, share)}


def test_the_share_test_says_what_a_share_can_do(yard: Any, platform: PlatformSettings, agent: Agent, samba: Samba) -> None:
    samba.run("echo 1,2 > '/srv/data/Größe #1 100%.csv'")
    found = try_out(yard, platform, "e2e-data")
    assert [finding for finding in found.values() if finding.verdict == "fail"] == []
    assert "one file, as on Windows" in found["case"].words
    assert "takes another's place" in found["rename"].words
    assert {"list", "read", "space", "write", "folders", "names", "lock", "delete"} <= found.keys()


TOLD = {
    "e2e-changed": "logon failure",
    "e2e-full": "the share is full",
    "e2e-readonly": "give the account the right to write",
}


@pytest.mark.parametrize("share", rotating(list(TOLD)))
def test_the_share_test_says_what_is_wrong_and_what_to_change(yard: Any, platform: PlatformSettings, agent: Agent, share: str) -> None:
    failed = [finding for finding in try_out(yard, platform, share).values() if finding.verdict == "fail"]
    assert TOLD[share] in f"{failed[0].words}; {failed[0].change}"


def test_files_are_there_and_belong_to_spark(reader: Reader, samba: Samba) -> None:
    samba.run("printf abc > '/srv/data/inbox/a b ü.csv'")
    reader.wait_for("os.listdir(F + '/inbox')", ["a b ü.csv"], timeout=15)
    assert reader.python("[os.stat(F + '/INBOX/a b ü.csv').st_uid, open(F + '/inbox/A B Ü.csv').read()]") == [185, "abc"]


@pytest.mark.fault
def test_a_lost_share_is_unreadable_and_comes_back_in_a_running_pod(reader: Reader, samba: Samba, agent: Agent) -> None:
    samba.run("printf here > /srv/data/here")
    reader.wait_for("open(F + '/here').read()", "here", timeout=15)
    samba.crash(stay_down=True)
    try:
        reader.wait_for("os.listdir(F)", "PermissionError", timeout=LOST_WITHIN)
    finally:
        samba.come_back()
    state = reader.python("json.load(open('/shares/e2e-data/state.json'))")
    assert (state["state"], state["address"]) == ("lost", "//samba.e2e-samba.svc/data")
    assert state["cause"] in ("refused", "timed out", "connection broken", "no route")
    reader.wait_for("open(F + '/here').read()", "here", timeout=LOST_WITHIN)


@pytest.mark.fault
def test_a_server_that_restarts_in_the_middle_of_a_read_gives_an_error_or_the_whole(reader: Reader, samba: Samba) -> None:
    size = 24 << 20
    samba.run(f"head -c {size} /dev/zero > /srv/data/large")
    reader.wait_for("os.stat(F + '/large').st_size", size, timeout=15)
    slow = "sum(len(block) for block in iter(lambda: (__import__('time').sleep(.2), f.read(1 << 20))[1], b''))"
    with ThreadPoolExecutor() as pool:
        reading = pool.submit(reader.python, f"[{slow} for f in [open(F + '/large', 'rb', 0)]][0]")
        time.sleep(1.5)
        samba.crash()
        found = reading.result()
    assert found == size or isinstance(found, str), f"{found} of {size}: a part of it looks like all of it"
    reader.wait_for("os.stat(F + '/large').st_size", size, timeout=LOST_WITHIN)


@pytest.mark.fault
def test_an_agent_that_is_replaced_gives_running_pods_their_share_again(reader: Reader, agent: Agent) -> None:
    agent.restart()
    reader.wait_for("open(F + '/here').read()", "here", timeout=LOST_WITHIN)


JOB = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
rows = spark.read.schema("n long, word string").csv("file:///shares/SHARE/files/numbers").repartition(4)
assert rows.count() == 3000 and rows.selectExpr("sum(n)").first()[0] == sum(range(3000))
"""


def run_job(yard: Any, platform: PlatformSettings, share: str) -> Object:
    """A job that names the claim of the share and nothing else, with what admission adds where the platform has these shares."""
    manifest = yaml.safe_load((ROOT / "manifests/jobs/hello-hello.yaml").read_text())
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"read-{share}"},
        "data": {"main.py": JOB.replace("SHARE", share)},
    }
    yard.kubectl("apply", "-n", yard.namespace, "-f", "-", stdin=json.dumps(config))
    code = {"volumeMounts": [{"name": "code", "mountPath": "/etc/job"}]}
    manifest["metadata"]["name"] = f"read-{share}"
    manifest["spec"] |= {
        "mainApplicationFile": "local:///etc/job/main.py",
        "driver": {**manifest["spec"]["driver"], **code},
        "executor": {**manifest["spec"]["executor"], "instances": 1},
        "volumes": [
            {"name": "code", "configMap": {"name": f"read-{share}"}},
            {"name": "in", "persistentVolumeClaim": {"claimName": share}},
        ],
    }
    return yard.wait_for_end(yard.apply(apply_defaults(manifest, platform)))  # type: ignore[no-any-return]


def test_a_restricted_job_that_names_the_claim_reads_it_in_driver_and_executors(
    yard: Any, platform: PlatformSettings, agent: Agent, samba: Samba
) -> None:
    files = "for f in 0 1 2; do seq -f %g,w $((f * 1000)) $((f * 1000 + 999)) > /srv/data/numbers/$f.csv; done"
    samba.run(f"mkdir -p /srv/data/numbers; {files}")
    time.sleep(6)  # agent.cacheSeconds
    app = run_job(yard, platform, "e2e-data")
    assert app["status"]["applicationState"]["state"] == "COMPLETED", app["status"]
    yard.delete("read-e2e-data")


@pytest.mark.long
def test_a_job_on_a_lost_share_fails_and_names_it(yard: Any, platform: PlatformSettings, agent: Agent) -> None:
    app = run_job(yard, platform, "e2e-nohost")
    assert app["status"]["applicationState"]["state"] == "FAILED"
    log = yard.kubectl("logs", "-n", yard.namespace, "read-e2e-nohost-driver", "--tail=300").stdout
    assert "/shares/e2e-nohost/files" in log
    yard.delete("read-e2e-nohost")


@pytest.mark.long  # a kubelet takes up to a minute and a half to bring a changed Secret into a pod
def test_a_corrected_password_mounts_that_share_and_touches_no_other(yard: Any, samba: Samba, agent: Agent) -> None:
    before = agent.states()["e2e-data"]["since"]
    samba.apply(make_secret("changed", PASSWORDS["changed"]))
    agent.wait_for("e2e-changed", "mounted", timeout=180)
    assert agent.states()["e2e-data"]["since"] == before


def test_no_credential_is_in_a_command_line_a_log_or_a_pod(yard: Any, agent: Agent) -> None:
    script = "import glob; print(*[open(f, 'rb').read() for f in glob.glob('/proc/[0-9]*/cmdline')])"
    lines = yard.kubectl("exec", "-n", SECRETS, "ds/share-agent", "--", "python3", "-c", script).stdout
    assert "rcd" in lines
    log = yard.kubectl("logs", "-n", SECRETS, "ds/share-agent", "--tail=-1").stdout
    pods = yard.kubectl("get", "pods", "-n", SECRETS, "-o", "json").stdout
    for password in PASSWORDS.values():
        assert not any(json.dumps(password)[1:-1] in text or password in text for text in (lines, log, pods))

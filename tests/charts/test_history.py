"""The History Server: over the event logs that jobs write, with a key and a door of its own."""

from typing import Any

import pytest
from charts.render import CI, IMAGES, PRESETS, list_pods, names, pick, render

from sparkyard.defaults import spark_conf
from sparkyard.names import HISTORY_SERVICE
from sparkyard.settings import parse_settings

pytestmark = pytest.mark.helm
Object = dict[str, Any]


def conf(objects: list[Object]) -> dict[str, str]:
    text = pick(objects, "ConfigMap", "spark-history")["data"]["history.conf"]
    return dict(line.split(" ", 1) for line in text.splitlines())


@pytest.mark.parametrize("store", ["", "https://s3.example.com"])
def test_it_reads_where_jobs_write(store: str) -> None:
    objects = render({"global": {"s3": {"endpoint": store}}})
    own = conf(objects)
    jobs = spark_conf(parse_settings(pick(objects, "ConfigMap", "sparkyard-defaults")["data"]["settings.yaml"]))
    assert own["spark.history.fs.logDirectory"] == jobs["spark.eventLog.dir"]
    storage = {key: value for key, value in jobs.items() if key.startswith("spark.hadoop.fs.s3a.")}
    assert storage.items() <= own.items()


def test_its_key_is_a_secret_of_the_lake() -> None:
    objects = render()
    [container] = list_pods(objects)["Deployment/spark-history"]["spec"]["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": "lake-s3-history"}}]
    assert ("Secret", "sparkyard/lake-s3-history") in names(objects)


def test_the_site_s_properties_win() -> None:
    own = conf(render({"history": {"sparkConf": {"spark.history.fs.update.interval": "1m", "spark.x": "y"}}}))
    assert (own["spark.history.fs.update.interval"], own["spark.x"]) == ("1m", "y")


def test_nobody_reaches_it_unless_named() -> None:
    closed = pick(render(), "NetworkPolicy", "spark-history")["spec"]
    assert "ingress" not in closed
    assert "Ingress" in closed["policyTypes"]
    opened = pick(render(files=(CI / "everything-values.yaml",)), "NetworkPolicy", "spark-history")["spec"]
    assert opened["ingress"][0]["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}]


def test_it_stands_where_the_command_line_looks() -> None:
    [port] = pick(render(), "Service", HISTORY_SERVICE)["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (18080, "ui")


def test_other_settings_are_another_pod() -> None:
    first, changed = (list_pods(render({"history": {"retainedApplications": number}}))["Deployment/spark-history"] for number in (10, 11))
    assert first["metadata"]["annotations"] != changed["metadata"]["annotations"]


def test_a_corporate_authority_is_trusted() -> None:
    template = list_pods(render(files=(CI / "everything-values.yaml",)))["Deployment/spark-history"]
    options = next(item["value"] for item in template["spec"]["containers"][0]["env"] if item["name"] == "SPARK_HISTORY_OPTS")
    assert "trustStore=/etc/ca/truststore.p12" in options
    assert {"name": "ca", "configMap": {"name": "site-ca"}} in template["spec"]["volumes"]


def test_the_heap_fits_into_its_pod() -> None:
    for files in ((IMAGES,), (IMAGES, PRESETS / "small-node.yaml")):
        [container] = list_pods(render(files=files))["Deployment/spark-history"]["spec"]["containers"]
        heap = next(item["value"] for item in container["env"] if item["name"] == "SPARK_DAEMON_MEMORY")
        limit = {"640Mi": 640, "1Gi": 1024}[container["resources"]["limits"]["memory"]]
        assert int(heap.removesuffix("m")) + 256 <= limit  # a JVM of Spark's takes some 200 MiB besides its heap

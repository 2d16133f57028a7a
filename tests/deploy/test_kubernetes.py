# SPDX-License-Identifier: Apache-2.0
"""The Helm chart and the examples for Kubernetes: well-formed objects whose parts fit each other and the program."""

import json
import os
import pathlib
import re
import subprocess

import kubernetes_validate
import pytest
import yaml

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
CHART = REPOSITORY / "deploy" / "helm" / "kferry"
RELEASES = ("1.30", "1.34")
HELM = os.environ.get("KF_HELM")
# Objects of others, which Kubernetes has no schema of.
FOREIGN = {"ServiceMonitor", "PrometheusRule", "ScaledObject"}

OPEN = {"allowUnauthenticated": True}
SEVERAL = {
    "keys": {"existingSecret": "keys"},
    "store": {"postgres": {"existingSecret": "postgres"}},
    "data": {"persistence": {"enabled": True, "accessModes": ["ReadWriteMany"], "storageClassName": "nfs"}},
}
ALL = {
    **SEVERAL,
    "s3": {"endpoint": "http://s3:7070", "region": "us-east-1", "readBuckets": ["a", "b"], "writeBuckets": ["b"], "existingSecret": "s3"},
    "autoscaling": {"kind": "hpa", "min": 2, "max": 5},
    "networkPolicy": {
        "enabled": True,
        "clients": [{"podSelector": {}}],
        "monitoring": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
        "egress": [{"to": {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}}, {"to": {"podSelector": {}}, "ports": [7070, 5432]}],
    },
    "monitoring": {"serviceMonitor": True, "alerts": True, "dashboard": True, "labels": {"release": "prometheus"}},
    "settings": {"KFERRY_LOG_LEVEL": "debug"},
    "env": [{"name": "KFERRY_WEBHOOK_SECRET_FILE", "value": ""}],
    "scratch": {"medium": "Memory", "size": "2Gi", "max": "1900MiB"}, "bodyMax": "1GiB",
    "image": {"pullSecrets": [{"name": "pull"}], "tag": "1"},
    "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/kferry"}},
    "podAnnotations": {"a": "b"}, "nodeSelector": {"disk": "fast"}, "tolerations": [{"operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}}, "service": {"annotations": {"c": "d"}},
}  # fmt: skip
VALUES = {"open": OPEN, "several": {**SEVERAL, "replicas": 3}, "all": ALL, "keda": {**ALL, "autoscaling": {"kind": "keda"}}}

pytestmark = pytest.mark.skipif(not HELM, reason="KF_HELM is not said: where helm is")


def helm(*words, values=None):
    return subprocess.run([HELM, *words, *(["--values", "-"] if values is not None else [])], capture_output=True, text=True,
                          input=yaml.safe_dump(values) if values is not None else None, cwd=CHART.parent)


def rendered(values):
    done = helm("template", "models", CHART, "--namespace", "ml", "--kube-version", "1.31.0", values=values)
    assert done.returncode == 0, done.stderr
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(done.stdout) if one}


def pod_of(objects):
    return objects["Deployment", "models"]["spec"]["template"]


def environment(container):
    return {one["name"]: one.get("value", "sqlite") for one in container.get("env", [])}


def settings_hold(kferry, found):
    """The program itself says that it knows these settings, and takes these values."""
    done = subprocess.run([kferry, "config"], capture_output=True, text=True,
                          env={"PATH": os.environ["PATH"], **{name: value for name, value in found.items() if name != "KFERRY_KEYS_FILE"}})
    assert done.returncode == 0, done.stderr


def selects(selector, labels):
    return selector.items() <= labels.items()


@pytest.mark.parametrize("name", VALUES)
def test_chart_passes_lint(name):
    done = helm("lint", CHART, "--strict", "--kube-version", "1.31.0", values=VALUES[name])
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", VALUES)
def test_objects_are_what_kubernetes_takes(name, release):
    objects = rendered(VALUES[name])
    for (kind, _), one in objects.items():
        if kind not in FOREIGN:
            kubernetes_validate.validate(one, release, strict=True)


def test_a_wrong_object_is_noticed():
    one = rendered(OPEN)["Deployment", "models"]
    one["spec"]["template"]["spec"]["containers"][0]["imagePullPolice"] = "Always"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(one, RELEASES[0], strict=True)


@pytest.mark.parametrize("name", VALUES)
def test_the_program_knows_its_settings(kferry, name):
    container, = pod_of(rendered(VALUES[name]))["spec"]["containers"]
    settings_hold(kferry, environment(container))


@pytest.mark.parametrize("name", VALUES)
def test_parts_find_each_other(name):
    objects = rendered(VALUES[name])
    labels, spec = pod_of(objects)["metadata"]["labels"], pod_of(objects)["spec"]
    ports = {port["name"]: port["containerPort"] for port in spec["containers"][0]["ports"]}
    volumes = {volume["name"] for volume in spec["volumes"]}
    assert {mount["name"] for mount in spec["containers"][0]["volumeMounts"]} == volumes
    for (kind, _), one in objects.items():
        if kind == "Service":
            assert selects(one["spec"]["selector"], labels) and all(port["targetPort"] in ports for port in one["spec"]["ports"])
        if kind in ("PodDisruptionBudget", "NetworkPolicy"):
            assert selects(one["spec"].get("selector", one["spec"].get("podSelector"))["matchLabels"], labels)
        if kind in ("HorizontalPodAutoscaler", "ScaledObject"):
            assert one["spec"]["scaleTargetRef"]["name"] == "models" and "replicas" not in objects["Deployment", "models"]["spec"]
        if kind == "ServiceMonitor":
            admin = objects["Service", "models-admin"]
            assert selects(one["spec"]["selector"]["matchLabels"], admin["metadata"]["labels"])
            assert {end["port"] for end in one["spec"]["endpoints"]} == {port["name"] for port in admin["spec"]["ports"]}
    assert spec["serviceAccountName"] == "models" and ("ServiceAccount", "models") in objects


def test_memory_covers_the_workers():
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    limit = int(re.fullmatch(r"(\d+)Mi", values["resources"]["limits"]["memory"])[1])
    each = int(re.fullmatch(r"(\d+)GiB", values["workerMemory"])[1]) * 1024
    assert limit >= values["workers"] * each + 256
    assert int(values["scratch"]["max"][:-3]) < int(values["scratch"]["size"][:-2])


def test_time_to_stop_covers_what_runs():
    spec = pod_of(rendered({**OPEN, "drainSeconds": 40}))["spec"]
    waits = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert spec["terminationGracePeriodSeconds"] > 40 + waits


@pytest.mark.parametrize("values, said", [
    ({}, "who may use it is not said"),
    ({**OPEN, "replicas": 2}, "PostgreSQL"),
    ({**OPEN, "replicas": 2, "store": {"postgres": {"existingSecret": "p"}}}, "ReadWriteMany"),
    ({**SEVERAL, "autoscaling": {"kind": "hpa", "min": 3, "max": 2}}, "more than"),
    ({**OPEN, "workers": 0}, "workers"),
    ({**OPEN, "worker": 2}, "worker"),
    ({**OPEN, "scratch": {"max": "1Gi"}}, "scratch"),
])
def test_what_cannot_work_is_said_before_it_is_installed(values, said):
    done = helm("template", "models", CHART, "--kube-version", "1.31.0", values=values)
    assert done.returncode != 0 and said in done.stderr


def test_every_value_has_its_schema():
    """And every property of the schema is a value: neither is forgotten."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(values) == set(schema["properties"]) - {"global"}
    for name, one in schema["properties"].items():
        if "properties" in one:
            assert set(values[name]) == set(one["properties"]), name


def test_alerts_and_dashboard_are_those_of_the_service(tmp_path):
    objects = rendered(ALL)
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(objects["PrometheusRule", "models"]["spec"]))
    done = subprocess.run(["promtool", "check", "rules", tmp_path / "rules.yml"], capture_output=True, text=True)
    assert done.returncode == 0 and "0 rules" not in done.stdout, done.stdout + done.stderr
    assert objects["ConfigMap", "models-dashboard"]["data"]["kferry.json"] == (REPOSITORY / "deploy/grafana/dashboard.json").read_text()


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", ["sidecar", "job"])
def test_examples_are_what_kubernetes_takes(name, release):
    kubernetes_validate.validate(yaml.safe_load((REPOSITORY / f"deploy/kubernetes/{name}.yaml").read_text()), release, strict=True)


def test_sidecar_converts_on_the_shared_volume(kferry, tmp_path, model):
    """The settings of the example, with folders of this machine, and the command that its head shows."""
    text = (REPOSITORY / "deploy/kubernetes/sidecar.yaml").read_text()
    for folder in ("models/in", "models/out", "run/kferry", "scratch", "data"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "models/in/m.h5").write_bytes(model.read_bytes())
    moved = re.sub(r"/(?=models/|run/)", f"{tmp_path}/", text)
    sidecar, = yaml.safe_load(moved)["spec"]["template"]["spec"]["initContainers"]
    found = {**environment(sidecar), "KFERRY_ADMIN_LISTEN": f"unix:{tmp_path}/run/admin.sock", "KFERRY_SCRATCH_DIR": str(tmp_path / "scratch"),
             "KFERRY_DATA": str(tmp_path / "data")}
    command = " ".join(line[4:].rstrip("\\") for line in moved.splitlines() if line.startswith("#   "))
    with subprocess.Popen([kferry, "serve"], env={"PATH": os.environ["PATH"], **found}, stderr=subprocess.PIPE, text=True) as service:
        try:
            subprocess.run([kferry, "health", "--quiet", "--server", found["KFERRY_LISTEN"], "--wait", "30"], check=True, env={})
            done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
        finally:
            service.terminate()
    assert (tmp_path / "models/out/m.keras").read_bytes()[:2] == b"PK", done.stdout + done.stderr

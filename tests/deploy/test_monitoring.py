# SPDX-License-Identifier: Apache-2.0
"""Alerts and the dashboard ask for what the service counts, and the alerts fire when they should."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from kferry_service import Service

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
ALERTS = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
# What only a service with HTTPS has.
WITH_TLS = {"kferry_tls_certificate_expiry_timestamp_seconds"}


@pytest.fixture(scope="module")
def metrics(tmp_path_factory, model):
    """What a service says after a conversion: {name: {label: values}}."""
    service = Service(tmp_path_factory.mktemp("service"))
    assert service.put("/v1/convert/keras/m.h5", model.read_bytes()).status == 200
    text = service.get("/metrics").body.decode()
    assert service.stop() == 0
    found = {}
    for line in text.splitlines():
        name, labels = re.match(r"#? ?([A-Za-z_0-9]*)(?:\{(.*)\})?", line).groups()
        if line.startswith("# TYPE"):
            found.setdefault(line.split()[2], {})
        if not line.startswith("#"):
            seen = found.setdefault(name, {})
            for label, value in re.findall(r'(\w+)="([^"]*)"', labels or ""):
                seen.setdefault(label, set()).add(value)
    return found


def asked_for(query):
    """(metric, label, operator, value) of each matcher of ours; label None for the metric alone."""
    for name, matchers in re.findall(r"\b((?:kferry|process)_\w+)(?:\{([^}]*)\})?", query):
        yield name, None, None, None
        for label, operator, value in re.findall(r'(\w+)(=~|!~|!=|=)"([^"]*)"', matchers or ""):
            yield name, label, operator, value


@pytest.mark.parametrize("query", [rule["expr"] for rule in RULES] + QUERIES)
def test_what_is_asked_for_is_counted(metrics, query):
    for name, label, operator, value in asked_for(query):
        assert name in metrics or name in WITH_TLS, f"there is no metric {name}"
        if label in (None, "job", "instance", "status", "level"):
            continue
        assert label in metrics[name], f"{name} has no label {label}"
        for alternative in value.split("|"):
            assert alternative in metrics[name][label], f"{name} never has {label}={alternative}"


def test_the_certificate_is_counted_where_there_is_one():
    source = (ROOT / "server" / "http" / "handle_metrics.c").read_text()
    for name in WITH_TLS:
        assert f'"{name}"' in source


def test_everything_counted_is_on_the_dashboard():
    table = (ROOT / "server" / "metrics.def").read_text()
    counted = re.findall(r'KF_METRIC\(\w+, \w+, "(\w+)"', table)
    assert len(counted) > 15
    shown = "\n".join(QUERIES)
    assert [name for name in counted if name not in shown] == []


def test_panels_do_not_overlap():
    taken = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


def promtool(*arguments, **more):
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, **more)


def test_prometheus_takes_the_configuration():
    done = promtool("check", "config", PROMETHEUS / "prometheus.yml")
    assert done.returncode == 0, done.stderr
    assert f"{len(RULES)} rules found" in done.stdout


def test_prometheus_takes_the_queries_of_the_dashboard(tmp_path):
    """As rules, which is how promtool reads a query without a server."""
    rules = []
    for i, query in enumerate(QUERIES):
        query = query.replace("$__rate_interval", "5m").replace("$instance", ".*")
        rules.append({"record": f"panel:query:{i}", "expr": query})
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = promtool("check", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_fire_when_they_should():
    done = promtool("test", "rules", "alerts_test.yml", cwd=PROMETHEUS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_case_in_which_it_fires():
    firing = set()
    for case in yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]:
        for one in case.get("alert_rule_test", []):
            firing |= {one["alertname"]} if one["exp_alerts"] else set()
        for one in case.get("promql_expr_test", []):
            samples = [sample.get("labels", one["expr"]) for sample in one["exp_samples"]]
            firing |= set(re.findall(r'alertname="(\w+)"', " ".join(samples)))
    assert firing == {rule["alert"] for rule in RULES}


def test_an_alert_that_cannot_fire_fails_its_case(tmp_path):
    """The cases themselves can fail."""
    (tmp_path / "alerts_test.yml").write_text((PROMETHEUS / "alerts_test.yml").read_text())
    text = (PROMETHEUS / "alerts.yml").read_text()
    assert "> 0.85" in text
    (tmp_path / "alerts.yml").write_text(text.replace("> 0.85", "> 85"))
    done = promtool("test", "rules", "alerts_test.yml", cwd=tmp_path)
    assert done.returncode != 0 and "KferryScratchFills" in done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do(rule):
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"] and rule["annotations"]["description"]

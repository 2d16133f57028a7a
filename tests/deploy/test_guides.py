# SPDX-License-Identifier: Apache-2.0
"""The operators' guides name what there is: every alert, and only settings, metrics and answers of the program."""

import json
import pathlib
import re
import subprocess

import pytest
import yaml

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
GUIDES = [DEPLOY / "README.md", *sorted((DEPLOY / "docs").glob("*.md"))]


def alerts():
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())
    return [rule for group in rules["groups"] for rule in group["rules"]]


def test_every_alert_has_its_place_in_the_runbook():
    headings = re.findall(r"^## (\w+)$", (DEPLOY / "docs" / "runbook.md").read_text(), re.M)
    assert headings == [rule["alert"] for rule in alerts()]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_settings_and_metrics_are_those_of_the_program(kferry, guide):
    settings = set(re.findall(r"KFERRY_[A-Z0-9_]+", subprocess.run([kferry, "config", "--docs"], capture_output=True, text=True).stdout))
    settings |= {"KFERRY_STORE_FILE", "KFERRY_SERVER", "KFERRY_TOKEN", "KFERRY_NAME"}  # of the command line, and any
    text = guide.read_text()
    assert set(re.findall(r"\bKFERRY_[A-Z0-9_]+", text)) <= settings
    source = "".join(path.read_text() for path in (DEPLOY.parent / "server").rglob("*") if path.suffix in (".c", ".def"))
    assert [name for name in re.findall(r"`(kferry_[a-z_]+)`", text) if name not in source] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_answers_are_those_of_the_api(kferry, guide):
    api = json.loads(subprocess.run([kferry, "openapi"], capture_output=True, text=True, check=True).stdout)
    codes = (DEPLOY.parent / "api" / "problems.def").read_text() + json.dumps(api)
    told = re.findall(r"\b([45]\d\d) ((?:`[a-z-]+`(?:, )?)+)", guide.read_text())
    for status, names in told:
        for name in re.findall(r"`([a-z-]+)`", names):
            assert f'"{name}"' in codes, name
    assert told or guide.name in ("README.md", "situations.md", "vulnerabilities.md")

# SPDX-License-Identifier: Apache-2.0
"""The recipes for pipelines, run as the pipelines run them, against a service that wants keys."""

import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
import yaml
from kferry_service import Service

CI = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "ci"
KEY = "k" * 32


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    (folder / "keys").write_text(f"ci:{hashlib.sha256(KEY.encode()).hexdigest()}\n")
    running = Service(folder, KFERRY_KEYS_FILE=folder / "keys")
    yield running
    running.stop()


def environment(service, **more):
    return {"PATH": os.environ["PATH"], "KFERRY_SERVER": f"http://{service.address}", "KFERRY_TOKEN": KEY, **more}


def shell(script, env, folder):
    return subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, cwd=folder, env=env)


def github(inputs):
    """The step of the action and its environment, with the expressions that it has filled in."""
    action = yaml.safe_load((CI / "action.yml").read_text())
    assert set(inputs) >= {name for name, one in action["inputs"].items() if one.get("required")}
    given = {name: inputs.get(name, one.get("default", "")) for name, one in action["inputs"].items()}
    step, = action["runs"]["steps"]
    env = {name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: given[found[1]], text) for name, text in step["env"].items()}
    return step["run"], {**env, "GITHUB_ACTION_PATH": str(CI)}


def gitlab(variables):
    job = yaml.safe_load((CI / "gitlab.yml").read_text())[".kferry"]
    script, = job["script"]
    return script, {**job["variables"], "KFERRY_CONVERT": str(CI / "convert"), **variables}


def recipe(kind, service, model, result, to, parameters):
    base = environment(service)
    if kind == "github":
        script, env = github({"model": model, "result": result, "to": to, "parameters": parameters, "server": base["KFERRY_SERVER"], "token": KEY})
        return script, {**base, **env}
    script, env = gitlab({"MODEL": model, "RESULT": result, "TO": to, "PARAMETERS": parameters})
    return script, {**base, **env}


@pytest.mark.parametrize("schema, name", [("vendor.github-actions", "action.yml"), ("vendor.gitlab-ci", "gitlab.yml")])
def test_recipes_are_what_their_systems_take(schema, name):
    done = subprocess.run([sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, CI / name], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_pipeline_converts_and_keeps_the_report(service, model, tmp_path, kind):
    (tmp_path / "a model.h5").write_bytes(model.read_bytes())
    script, env = recipe(kind, service, "a model.h5", "out put.keras", "keras", "keras=3.4 checksum=sha256")
    done = shell(script, env, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out put.keras").read_bytes()[:2] == b"PK"
    report = json.loads((tmp_path / "out put.keras.report.json").read_text())
    assert report["target"]["keras_version"].startswith("3.4.")


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_pipeline_fails_where_something_would_be_changed_that_is_not_allowed(service, model, tmp_path, kind):
    (tmp_path / "m.h5").write_bytes(model.read_bytes())
    script, env = recipe(kind, service, "m.h5", "m.keras", "keras", "allow=exact")
    done = shell(script, env, tmp_path)
    assert done.returncode == 1 and "refused" in done.stderr
    assert not (tmp_path / "m.keras").exists()
    assert json.loads((tmp_path / "m.keras.report.json").read_text())["verdict"] == "refused"


def test_a_wrong_key_is_said(service, model, tmp_path):
    done = shell(f'{CI}/convert "{model}" out.keras to=keras', environment(service, KFERRY_TOKEN="wrong" * 8), tmp_path)
    assert done.returncode == 1 and "key" in done.stderr.lower()


def test_hook_names_every_model_that_cannot_be_converted(kferry, model, tmp_path):
    hook, = yaml.safe_load((CI.parents[1] / ".pre-commit-hooks.yaml").read_text())
    (tmp_path / "bad.h5").write_bytes(b"no model")
    (tmp_path / "worse.keras").write_bytes(b"")
    (tmp_path / "-good.h5").write_bytes(model.read_bytes())
    env = {"PATH": f"{kferry.parent}:{os.environ['PATH']}"}
    assert all(re.search(hook["files"], path.name) for path in tmp_path.iterdir())
    command = [CI.parents[1] / hook["entry"], *hook["args"]]
    done = subprocess.run([*command, "-good.h5", "bad.h5", "worse.keras"], capture_output=True, text=True, cwd=tmp_path, env=env)
    assert done.returncode == 1 and "bad.h5" in done.stderr and "worse.keras" in done.stderr and "good" not in done.stderr
    assert subprocess.run([*command, "-good.h5"], cwd=tmp_path, env=env).returncode == 0

# SPDX-License-Identifier: Apache-2.0
"""`kferry config`: what holds, where it is from, and that the documents say the same."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_config_tells_values_and_sources(kferry):
    (kferry.folder / "settings.json").write_text('{"queue_max": 5, "store": "postgres://k:hunter2@db/k"}')
    env = {"KFERRY_CONFIG": "settings.json", "KFERRY_JOB_TIMEOUT": "60"}
    done = kferry.run("config", "--json", "--workers", "3", env=env)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["KFERRY_WORKERS"] == {"value": "3", "source": "flag"}
    assert found["KFERRY_JOB_TIMEOUT"] == {"value": "1m", "source": "environment"}
    assert found["KFERRY_QUEUE_MAX"] == {"value": "5", "source": "file"}
    assert found["KFERRY_STORE"] == {"value": "postgres://k:***@db/k", "source": "file"}
    assert found["KFERRY_SANDBOX"] == {"value": "prefer", "source": "default"}
    assert int(found["KFERRY_WORKERS"]["value"]) > 0
    text = kferry.run("config", env=env)
    assert text.returncode == 0 and "hunter2" not in text.stdout + done.stdout
    assert [line.split()[0] for line in text.stdout.splitlines()] == list(found)


@pytest.mark.parametrize(
    "args, env, told",
    [
        (["--wrkers", "2"], {}, "did you mean --workers?"),
        ([], {"KFERRY_CONFIG": "absent.json"}, "absent.json"),
        ([], {"KFERRY_STORE_FILE": "absent"}, "KFERRY_STORE_FILE"),
        ([], {"KFERRY_LISTEN_FILE": "x"}, "no setting KFERRY_LISTEN_FILE"),
    ],
)
def test_wrong_settings_are_exit_78(kferry, args, env, told):
    done = kferry.run("config", *args, env=env)
    assert done.returncode == 78 and told in done.stderr and done.stdout == ""


def test_readme_has_the_table_of_settings(kferry):
    done = kferry.run("config", "--docs")
    assert done.returncode == 0
    assert done.stdout in (ROOT / "server" / "README.md").read_text()

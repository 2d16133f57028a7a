# SPDX-License-Identifier: Apache-2.0
"""The MLflow example with a real registry in SQLite, and kferry at a Unix socket as beside it."""

import os
import pathlib
import subprocess
import sys

import pytest
from kferry_service import Service

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "mlflow" / "register.py"
PACKAGES = ("mlflow-skinny==3.17.2", "sqlalchemy==2.1.9", "alembic==1.20.1")

# Logs a file as MLflow's flavour of Keras lays it out, and registers it.
LOG = """
import mlflow, pathlib, shutil, sys
from mlflow import MlflowClient
folder = pathlib.Path("logged/data"); folder.mkdir(parents=True)
shutil.copy(sys.argv[1], folder / "model.h5")
(folder.parent / "MLmodel").write_text("flavors:\\n  keras:\\n    data: data\\n    keras_module: keras\\n")
with mlflow.start_run() as run:
    mlflow.log_artifacts("logged", "model")
client = MlflowClient()
client.create_registered_model("m")
client.create_model_version("m", source=f"{run.info.artifact_uri}/model", run_id=run.info.run_id)
"""
LOOK = """
import mlflow, pathlib
from mlflow import MlflowClient
versions = {one.version: one for one in MlflowClient().search_model_versions("name='m'")}
assert set(map(int, versions)) == {1, 2}, versions
new = next(one for one in versions.values() if int(one.version) == 2)
assert new.tags["kferry.verdict"] in ("exact", "adapted") and new.tags["kferry.keras_version"].startswith("3.4."), new.tags
assert new.tags["kferry.source_version"] == "1" and new.description
folder = pathlib.Path(mlflow.artifacts.download_artifacts(artifact_uri=new.source))
assert {path.suffix for path in folder.iterdir()} == {".keras", ".json"}, list(folder.iterdir())
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    env = tmp_path_factory.mktemp("mlflow")
    subprocess.run([sys.executable, "-m", "venv", env], check=True)
    subprocess.run([env / "bin" / "pip", "install", "-q", *PACKAGES], check=True)
    return env / "bin" / "python"


@pytest.fixture
def registry(python, tmp_path):
    (tmp_path / "service").mkdir()
    service = Service(tmp_path / "service", KFERRY_LISTEN=f"unix:{tmp_path}/api.sock")
    env = {"PATH": os.environ["PATH"], "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db", "KFERRY_SERVER": f"unix:{tmp_path}/api.sock",
           "HOME": str(tmp_path)}  # fmt: skip

    def run(*words, status=0):
        done = subprocess.run([str(word) for word in (python, *words)], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    yield run
    service.stop()


def test_converted_model_is_the_next_version(registry, model):
    registry("-c", LOG, model)
    assert "m 2: " in registry(EXAMPLE, "m", "1", "keras=3.4")
    registry("-c", LOOK)


def test_refused_model_is_left_alone(registry, tmp_path):
    (tmp_path / "bad.h5").write_bytes(b"no model")
    registry("-c", LOG, tmp_path / "bad.h5")
    assert "refused" in registry(EXAMPLE, "m", "1", status=1)
    registry("-c", "from mlflow import MlflowClient; assert len(MlflowClient().search_model_versions(\"name='m'\")) == 1")

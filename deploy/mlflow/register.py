# SPDX-License-Identifier: Apache-2.0
"""Convert a model of an MLflow registry by kferry, and register the result as the model's next version.

    register.py NAME VERSION [PARAMETER=VALUE...]        to=keras unless said

KFERRY_SERVER is http://host:port, or unix:/path of the sidecar beside the registry; KFERRY_TOKEN a key for it, where it wants one.
MLFLOW_TRACKING_URI is MLflow's own. The new version is tagged with what became of the model, and its report stands beside it. A model
that is refused is left alone, and the exit status is 1.
"""

import http.client
import json
import os
import pathlib
import shutil
import socket
import sys
import tarfile
import tempfile
import urllib.parse

import mlflow
from mlflow import MlflowClient


def connection(server):
    if not server.startswith("unix:"):
        parts = urllib.parse.urlsplit(server)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname, parts.port)
    link = http.client.HTTPConnection("kferry")
    link.sock = socket.socket(socket.AF_UNIX)
    link.sock.connect(server.removeprefix("unix:"))
    return link


def convert(packed, parameters, to):
    """The status of the service's answer to a folder in a tar, and in `to` a tar with the result and its report, or a problem."""
    headers = {"Accept": "application/x-tar", "Content-Length": str(packed.stat().st_size)}
    if os.environ.get("KFERRY_TOKEN"):
        headers["Authorization"] = f"Bearer {os.environ['KFERRY_TOKEN']}"
    link = connection(os.environ["KFERRY_SERVER"])
    query = urllib.parse.urlencode({**parameters, "filename": "model.tar"})
    with packed.open("rb") as body:
        link.request("POST", f"/v1/convert?{query}", body=body, headers=headers)
    answer = link.getresponse()
    with to.open("wb") as file:
        shutil.copyfileobj(answer, file)
    return answer.status


def refused(body):
    problem = json.loads(body)
    report = problem.get("report")
    return "\n".join(report["summary"]["lines"]) if isinstance(report, dict) else f"{problem['title']}: {problem.get('detail', '')}"


def register(name, version, parameters):
    client = MlflowClient()
    given = client.get_model_version(name, version)
    with tempfile.TemporaryDirectory() as folder:
        source = mlflow.artifacts.download_artifacts(artifact_uri=given.source, dst_path=f"{folder}/source")
        packed, answer = pathlib.Path(folder, "model.tar"), pathlib.Path(folder, "answer")
        with tarfile.open(packed, "w") as tar:
            tar.add(source, arcname="model")
        if convert(packed, parameters, answer) != 200:
            sys.exit(f"{name} {version}: {refused(answer.read_text())}")
        with tarfile.open(answer) as tar:
            tar.extractall(f"{folder}/result", filter="data")
        result, = pathlib.Path(folder, "result").iterdir()
        report = json.loads((result / "report.json").read_text())
        place = f"kferry/{name}-{version}-{parameters['to']}"
        client.log_artifacts(given.run_id, str(result), artifact_path=place)
    tags = {"kferry.source_version": str(version), "kferry.verdict": report["verdict"], "kferry.format": report["target"]["format"],
            "kferry.keras_version": report["target"]["keras_version"] or ""}
    run = client.get_run(given.run_id)
    return client.create_model_version(name, source=f"{run.info.artifact_uri}/{place}", run_id=given.run_id, tags=tags,
                                       description="\n".join(report["summary"]["lines"]))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    made = register(sys.argv[1], sys.argv[2], {"to": "keras", **dict(word.split("=", 1) for word in sys.argv[3:])})
    print(f"{made.name} {made.version}: {made.description}")

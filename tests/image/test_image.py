# SPDX-License-Identifier: Apache-2.0
"""The image holds what it needs and nothing else, and runs under the settings of docker-compose.yml."""

import functools
import json
import os
import re
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

URL = "http://127.0.0.1:8080"
PROMETHEUS = Path(__file__).resolve().parents[2] / "deploy" / "prometheus"


def ask(path, data=None, method=None, url=URL, **headers):
    """Status, headers and body."""
    headers = {"Content-Type": "application/json"} | headers if data else headers
    request = urllib.request.Request(url + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as failed:
        return failed.code, failed.headers, failed.read()


def convert(model):
    return ask("/v1/convert/keras/m.h5", model.read_bytes(), "PUT")


def run_job(order):
    status, headers, body = ask("/v1/jobs", json.dumps(order).encode())
    assert status == 202, body
    return json.loads(ask(headers["Location"] + "?wait=60")[2])


def files(root):
    return [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]


def test_size(root):
    """Small, and known: what makes it larger should be somebody's decision."""
    size = sum(path.stat().st_size for path in files(root))
    assert size < 40 << 20, f"{size} bytes"


def test_two_programs_and_no_shell(root):
    programs = [
        path.relative_to(root).as_posix()
        for path in files(root)
        if path.stat().st_mode & 0o111 and ".so" not in path.name
    ]
    assert sorted(programs) == ["usr/bin/kferry", "usr/libexec/kferry/kferry-worker"]


def test_nothing_is_set_uid_or_writable(root):
    for path in root.rglob("*"):
        mode = path.lstat().st_mode
        if not path.is_symlink():
            assert not mode & 0o6002, path
    for name in ("scratch", "data"):
        found = (root / name).stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (65532, 0, 0o775)


def test_every_library_has_its_licence_and_record(root):
    packages = {path.name for path in (root / "var/lib/dpkg/status.d").iterdir()}
    assert {"libc6", "libhdf5-dev", "libseccomp-dev", "zlib1g", "ca-certificates"} <= packages
    for name in packages:
        assert (root / "usr/share/doc" / name / "copyright").stat().st_size > 0
        record = (root / "var/lib/dpkg/status.d" / name).read_text()
        assert re.search(rf"^Package: {re.escape(name)}\n", record) and "\nVersion: " in record
    ours = root / "usr/share/doc/kferry"
    assert (ours / "copyright").exists()
    for licence in Path("deploy/licenses").iterdir():
        assert (ours / licence.name).read_bytes() == licence.read_bytes()


def test_the_bill_of_materials_is_that_of_the_records(root):
    told = json.loads((root / "usr/share/doc/kferry/sbom.cdx.json").read_text())
    debian = {part["name"]: part["version"] for part in told["components"] if part["purl"].startswith("pkg:deb/")}
    records = [path.read_text() for path in (root / "var/lib/dpkg/status.d").iterdir()]
    field = functools.partial(re.search, flags=re.M)
    assert debian == {field("^Package: (.*)$", text)[1]: field("^Version: (.*)$", text)[1] for text in records}


def test_what_the_image_says_of_itself(image):
    assert image["User"] == "65532:0"
    assert image["Entrypoint"] == ["/usr/bin/kferry"] and image["Cmd"] == ["serve"]
    assert set(image["ExposedPorts"]) == {"8080/tcp", "9090/tcp"}
    assert set(image["Volumes"]) == {"/scratch", "/data"}
    assert image["StopSignal"] == "SIGTERM"
    assert image["Healthcheck"]["Test"][1:] == ["/usr/bin/kferry", "health", "--quiet"]
    assert image["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert re.fullmatch(r"\d+\.\d+\.\d+", image["Labels"]["org.opencontainers.image.version"])
    assert image["Labels"]["org.opencontainers.image.revision"]


def test_it_converts_under_the_settings_of_compose(kferry, model):
    status, headers, body = convert(model)
    assert status == 200 and body[:2] == b"PK"
    assert ask("/readyz", url="http://127.0.0.1:9090")[0] == 200
    state = Path(f"/proc/{kferry.state()['pid']}/status").read_text()
    assert re.search(r"^Uid:\s+65532\s", state, re.M) and re.search(r"^Gid:\s+0\s", state, re.M)
    assert re.search(r"^CapEff:\s+0+$", state, re.M) and re.search(r"^CapBnd:\s+0+$", state, re.M)
    assert re.search(r"^NoNewPrivs:\s+1$", state, re.M) and re.search(r"^Seccomp:\s+2$", state, re.M)


def test_workers_are_confined_inside_the_container(kferry):
    """Landlock and seccomp go through the filter that container engines ship."""
    sandbox = kferry.events("listening")[0]["sandbox"]
    assert sandbox["landlock"] > 0 and sandbox["seccomp"] is True, sandbox


def test_the_limits_are_the_service_s_too(kferry):
    """What it says of itself comes from the file, and the container's memory is enough for it."""
    event = kferry.events("listening")[0]
    assert event["workers"] == 2 and event["body_max"] == 1 << 30
    assert not kferry.events("memory-short")


def test_the_root_cannot_be_written(kferry):
    mounts = Path(f"/proc/{kferry.state()['pid']}/mounts").read_text().splitlines()
    options = {line.split()[1]: line.split()[3].split(",") for line in mounts}
    assert "ro" in options["/"]
    assert "rw" in options["/scratch"] and "rw" in options["/data"]


def test_without_keys_it_does_not_open(start):
    container = start(without=["KFERRY_ALLOW_UNAUTHENTICATED"])
    assert container.process.wait(30) == 78
    assert "KFERRY_KEYS_FILE" in container.log.read_text()


def test_from_storage_to_storage(s3, kferry, model):
    client = boto3.client(
        "s3", endpoint_url="http://127.0.0.1:7070", region_name="us-east-1",
        aws_access_key_id=s3["ROOT_ACCESS_KEY"], aws_secret_access_key=s3["ROOT_SECRET_KEY"],
        config=Config(s3={"addressing_style": "path"}),
    )  # fmt: skip
    assert ask("/health", url="http://127.0.0.1:7070")[0] == 200
    client.put_object(Bucket="models", Key="in/m.h5", Body=model.read_bytes())
    job = run_job({"to": "keras", "source": {"uri": "s3://models/in/m.h5"},
                   "target": {"uri": "s3://models/out/m.keras"}})  # fmt: skip
    assert job["state"] == "succeeded", job
    assert client.get_object(Bucket="models", Key="out/m.keras")["Body"].read(2) == b"PK"
    refused = ask("/v1/jobs", json.dumps({"to": "keras", "source": {"uri": "s3://other/m.h5"}}).encode())
    assert refused[0] == 403


def test_jobs_in_postgresql_outlive_the_container(postgres, start, model):
    url = re.search(r"KFERRY_STORE=(\S+)", Path("docker-compose.yml").read_text())[1]
    first = start({"KFERRY_STORE": url})
    first.wait_healthy()
    status, headers, _ = ask("/v1/jobs?to=keras&filename=m.h5", model.read_bytes(),
                             **{"Content-Type": "application/octet-stream"})  # fmt: skip
    assert status == 202
    assert json.loads(ask(headers["Location"] + "?wait=60")[2])["state"] == "succeeded"
    assert first.stop() == 0
    second = start({"KFERRY_STORE": url})
    second.wait_healthy()
    assert json.loads(ask(headers["Location"])[2])["state"] == "succeeded"


def test_it_stops_when_it_is_told_and_finishes_what_runs(kferry, model):
    answers = []
    clients = [threading.Thread(target=lambda: answers.append(convert(model)[0])) for _ in range(8)]
    for client in clients:
        client.start()
    while ask("/v1/capacity")[0] != 200:
        time.sleep(0.01)
    assert kferry.stop() == 0
    for client in clients:
        client.join(60)
    assert set(answers) <= {200, 503} and 200 in answers, answers
    assert kferry.events("stopped")


@pytest.fixture
def prometheus(services, tmp_path):
    """Debian's server with the command and the files of docker-compose.yml, at a port of its own."""
    service = services["prometheus"]
    mounted = [mount.split(":") for mount in service["volumes"]]
    assert mounted[0][:2] == ["./deploy/prometheus", "/etc/prometheus"]
    (tmp_path / "etc").mkdir()
    for file in PROMETHEUS.iterdir():
        text = file.read_text().replace("kferry:9090", "127.0.0.1:9090")
        (tmp_path / "etc" / file.name).write_text(text.replace("interval: 15s", "interval: 1s"))
    command = [
        part.replace("/etc/prometheus", f"{tmp_path}/etc").replace("=/prometheus", f"={tmp_path}/tsdb")
        for part in service["command"]
    ]
    process = subprocess.Popen(
        ["prometheus", *command, "--web.listen-address=127.0.0.1:9191"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path,
    )  # fmt: skip
    yield lambda path: json.loads(ask(path, url="http://127.0.0.1:9191")[2])["data"]
    process.kill()
    process.wait(10)


def eventually(look, seconds=30):
    end = time.time() + seconds
    while True:
        try:
            found = look()
            if found:
                return found
        except (OSError, ValueError, KeyError, IndexError):
            pass  # not yet
        assert time.time() < end, "it never came"
        time.sleep(0.2)


def test_prometheus_sees_it_and_knows_the_alerts(kferry, prometheus, model):
    assert convert(model)[0] == 200
    query = "/api/v1/query?query=kferry_conversions_total"
    found = eventually(lambda: prometheus(query)["result"])
    assert found[0]["metric"]["job"] == "kferry" and found[0]["metric"]["outcome"] == "done"
    rules = eventually(lambda: prometheus("/api/v1/rules")["groups"][0]["rules"])
    assert len(rules) > 10
    eventually(lambda: all(r["health"] == "ok" for r in prometheus("/api/v1/rules")["groups"][0]["rules"]))
    assert not [r["name"] for r in rules if r["state"] == "firing"]
    kferry.stop()
    down = eventually(lambda: [a for a in prometheus("/api/v1/alerts")["alerts"]])
    assert down[0]["labels"]["alertname"] == "KferryDown"

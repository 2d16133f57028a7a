# SPDX-License-Identifier: Apache-2.0
"""Fixtures of tests/http, and what is far away: web servers, S3 servers, names and addresses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "http")]

from files import Files  # noqa: E402
from s3 import Proxy, Versity  # noqa: E402
from kferry_service import FIXTURES, Service, program  # noqa: E402


@pytest.fixture(scope="session")
def dial(tmp_path_factory):
    """The library that is preloaded to see who is connected to."""
    library = tmp_path_factory.mktemp("dial") / "dial.so"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-O1", "-o", library, HERE / "dial.c", "-ldl"], check=True
    )
    return library


@pytest.fixture(scope="session")
def model():
    """A file that converts."""
    return (FIXTURES / "zoo" / "dense.h5").read_bytes()


@pytest.fixture
def files(model):
    server = Files(model)
    yield server
    server.stop()


class Storage(Versity):
    def fresh(self, bucket):
        """An empty bucket of that name."""
        if bucket in [b["Name"] for b in self.client.list_buckets()["Buckets"]]:
            for upload in self.client.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
                self.client.abort_multipart_upload(
                    Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                )
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                for found in page.get("Contents", []):
                    self.client.delete_object(Bucket=bucket, Key=found["Key"])
        else:
            self.client.create_bucket(Bucket=bucket)


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    program = os.environ.get("KF_S3_SERVER")
    if not program:
        if os.environ.get("CI") == "true":
            pytest.fail("KF_S3_SERVER names no S3 server")
        pytest.skip("KF_S3_SERVER names no S3 server")
    server = Storage(program, tmp_path_factory.mktemp("s3"))
    yield server
    server.stop()


@pytest.fixture
def proxy(s3):
    server = Proxy(s3.port)
    yield server
    server.stop()


@pytest.fixture
def start(tmp_path):
    """Start services with settings; at the end none may have left anything behind."""
    running = []

    def begin(**more):
        folder = tmp_path / f"service{len(running)}"
        folder.mkdir()
        service = Service(folder, **{"KFERRY_WORKERS": 2} | more)
        running.append(service)
        assert service.address, service.lines
        return service

    if program() is None:
        pytest.fail("set KFERRY to the path of the built program")
    yield begin
    for service in running:
        if service.process.poll() is None:
            assert service.stop() == 0
    for service in running:
        assert not service.sanitizer_said()
        if service.process.returncode == 0:
            assert not list(service.scratch.glob("run-*")), "a folder was left"


def post(service, path, order, **headers):
    """Send a request in JSON."""
    headers = {"Content-Type": "application/json"} | headers
    return service.request("POST", path, json.dumps(order), headers, timeout=120)


def finish(service, answer):
    """The job that was accepted, at its end."""
    assert answer.status == 202, answer
    end = service.request("GET", f"/v1/jobs/{answer.json()['id']}?wait=60", timeout=90)
    return end.json()

# SPDX-License-Identifier: Apache-2.0
"""Fixtures: the image, and what docker-compose.yml starts beside it.

KF_IMAGE names the image, KF_IMAGE_ROOT its file system, KF_S3_SERVER the S3 server. All listen on
ports of 127.0.0.1 that docker-compose.yml names: tests/image/run gives them a network of their own.
"""

import importlib.machinery
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
sys.path[:0] = [str(HERE), str(TESTS / "http"), str(TESTS / "remote")]

import compose  # noqa: E402
from container import Container, image_config  # noqa: E402
from kferry_service import FIXTURES  # noqa: E402
from s3 import wait_for_port  # noqa: E402


def load(name):
    """A program of tests/tools as a module."""
    loader = importlib.machinery.SourceFileLoader(name, str(TESTS / "tools" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


with_postgres = load("with_postgres")


@pytest.fixture(scope="session")
def root():
    return Path(os.environ["KF_IMAGE_ROOT"])


@pytest.fixture(scope="session")
def image():
    return image_config(os.environ["KF_IMAGE"])


@pytest.fixture(scope="session")
def model():
    """A file that converts."""
    return FIXTURES / "zoo" / "dense.h5"


@pytest.fixture(scope="session")
def services():
    return compose.services({})


@pytest.fixture(scope="session")
def s3(services, tmp_path_factory):
    """The command of docker-compose.yml with the server that is here."""
    service, folder = services["s3"], tmp_path_factory.mktemp("s3")
    script = service["command"][0].replace("/data", str(folder))
    script = script.replace("/usr/local/bin/versitygw", os.environ["KF_S3_SERVER"])
    process = subprocess.Popen(
        [*service["entrypoint"], script], env=os.environ | service["environment"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_for_port(7070)
    yield service["environment"]
    process.kill()
    process.wait(10)


@pytest.fixture(scope="session")
def postgres(services):
    """Debian's server with the database of docker-compose.yml."""
    with tempfile.TemporaryDirectory(prefix="kferry-postgres-") as folder:
        cluster = with_postgres.Cluster(folder)
        cluster.port = 5432
        cluster.url = "postgres://kferry@127.0.0.1:5432/postgres"
        cluster.start()
        name = services["postgres"]["environment"]["POSTGRES_DB"]
        subprocess.run(
            [cluster.bin / "psql", "-q", cluster.url, "-c", f"CREATE DATABASE {name}"], check=True
        )
        yield cluster
        cluster.stop()


@pytest.fixture
def start(root, image, services, tmp_path):
    """Start the service of docker-compose.yml, with the environment that `docker compose` has."""
    running = []

    def begin(variables=None, without=()):
        """`without`: settings that are left out."""
        folder = tmp_path / f"container{len(running)}"
        folder.mkdir()
        service = compose.services(variables or {})["kferry"]
        for name in without:
            del service["environment"][name]
        running.append(
            Container(f"kferry{len(running)}", service, image, root, folder, list(services))
        )
        return running[-1]

    yield begin
    for one in running:
        if one.process.poll() is None:
            assert one.stop() == 0, one.log.read_text()


@pytest.fixture
def kferry(start):
    container = start()
    container.wait_healthy()
    return container

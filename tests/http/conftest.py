# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a running service, and files to send it."""

import importlib.machinery
import importlib.util
import os
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from kferry_service import FIXTURES, Service, program  # noqa: E402


def load(name):
    """A program of tests/tools as a module."""
    path = str(Path(__file__).resolve().parent.parent / "tools" / name)
    loader = importlib.machinery.SourceFileLoader(name, path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


with_postgres = load("with_postgres")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """A PostgreSQL server of our own."""
    if not with_postgres.binaries():
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL is not installed")
        pytest.skip("PostgreSQL is not installed")
    with tempfile.TemporaryDirectory(prefix="kferry-postgres-") as folder:
        cluster = with_postgres.Cluster(folder).start()
        yield cluster
        cluster.stop()


@pytest.fixture
def settings():
    """What all services of a test have in common."""
    return {}


@pytest.fixture
def start(tmp_path, settings):
    """Start services with settings; at the end none may have left anything behind."""
    running = []

    def begin(**more):
        folder = tmp_path / f"service{len(running)}"
        folder.mkdir()
        service = Service(folder, **{"KFERRY_WORKERS": 2} | settings | more)
        running.append(service)
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


@pytest.fixture
def service(start):
    return start()


@pytest.fixture(scope="session")
def model():
    """A file that converts."""
    return (FIXTURES / "zoo" / "dense.h5").read_bytes()


@pytest.fixture(scope="session")
def broken(model):
    """A file that does not: the head of a model."""
    return b"BAD" + model[100:1500]

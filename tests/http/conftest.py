# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a running service, and files to send it."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from kferry_service import FIXTURES, Service, program  # noqa: E402


@pytest.fixture
def start(tmp_path):
    """Start services with settings; at the end none may have left anything behind."""
    running = []

    def begin(**settings):
        folder = tmp_path / f"service{len(running)}"
        folder.mkdir()
        settings.setdefault("KFERRY_WORKERS", 2)
        service = Service(folder, **settings)
        running.append(service)
        return service

    if program() is None:
        pytest.fail("set KFERRY to the path of the built program")
    yield begin
    for service in running:
        if service.process.poll() is None:
            assert service.stop() == 0
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

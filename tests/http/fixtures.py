# SPDX-License-Identifier: Apache-2.0
"""Fixtures of all who test a running service."""

import pytest
from kferry_service import FIXTURES, Service, program


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
            service.set_mode("wake")  # or the service waits for a worker that sleeps
            assert service.stop(120) == 0
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

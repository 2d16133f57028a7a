# SPDX-License-Identifier: Apache-2.0
"""Workers that are started before there is a job for them."""

import os
import signal

import pytest
from kferry_service import is_waiting, wait_until

TO = "/v1/convert/keras/x.h5"


@pytest.fixture
def service(start):
    service = start(KFERRY_WORKERS=2)
    assert wait_until(lambda: len(service.waiting()) == 2)
    return service


def test_each_serves_one_job(service, model):
    seen = service.waiting()
    for _ in range(4):
        assert service.put(TO, model).status == 200
        assert wait_until(lambda: len(service.waiting()) == 2)
        now = service.waiting()
        assert len(now - seen) == 1, "one was used up, and another took its place"
        seen |= now


def test_it_stands_as_any_worker_does(service, model):
    """In the folder of its job, with the inputs and nothing else."""
    service.set_mode("sleep 20")
    waiting = service.waiting()
    with service.connect() as sock:
        head = f"PUT {TO} HTTP/1.1\r\nHost: kferry\r\nContent-Length: {len(model)}\r\n\r\n"
        sock.sendall(head.encode() + model)
        assert wait_until(service.children)
        (pid,) = service.children()
        assert pid in waiting
        assert os.readlink(f"/proc/{pid}/cwd").startswith(str(service.scratch))
        assert os.getpgid(pid) == pid
        service.set_mode("wake")
        assert sock.recv(100).startswith(b"HTTP/1.1 200 ")


def test_one_that_was_killed_is_replaced(service, model):
    for pid in service.waiting():
        os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not service.waiting())
    assert service.put(TO, model).status == 200
    assert wait_until(lambda: service.waiting())


def test_none_outlives_the_service(start):
    for end in ("stop", "kill"):
        service = start(KFERRY_WORKERS=2)
        assert wait_until(lambda: len(service.waiting()) == 2)
        waiting = service.waiting()
        getattr(service, end)()
        assert wait_until(lambda: not any(is_waiting(pid) for pid in waiting))

# SPDX-License-Identifier: Apache-2.0
"""Workers that are started before there is a job for them."""

import os
import signal
import time

import pytest
from kferry_service import folder_of, wait_until

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


def test_what_makes_them_is_replaced(service, model):
    """Whoever waits goes on, and where none can be made one is started for the job."""
    made, makers = service.waiting(), service.forking()
    assert len(makers) == 2
    for pid in makers:
        os.kill(pid, signal.SIGKILL)
    for _ in range(6):
        assert service.put(TO, model).status == 200
    assert wait_until(lambda: len(service.waiting()) == 2 and len(service.forking()) == 2)
    assert not service.forking() & makers and not service.waiting() & made


def test_where_none_can_be_made_each_job_starts_its_own(service, model):
    makers = service.forking()
    service.set_mode("barren 0")
    for _ in range(4):
        assert service.put(TO, model).status == 200
    assert service.forking() == makers and not service.waiting()
    service.set_mode("")
    assert service.put(TO, model).status == 200
    assert wait_until(service.waiting)


def test_a_crash_is_the_last_of_its_kind(service, model):
    """Those forked off one process have their memory at the same places."""
    makers = service.forking()
    service.set_mode("kill 11")
    assert service.put(TO, model).json()["code"] == "worker-crashed"
    service.set_mode("")
    assert wait_until(lambda: len(service.forking()) == 2)
    assert len(service.forking() & makers) == 1


def test_one_that_says_it_has_ended_is_ended(service, model):
    """Who says so goes at once; that there is no result is found as ever."""
    service.set_mode("pretend 60")
    before = time.time()
    assert service.put(TO, model).json()["code"] == "internal-error"
    assert wait_until(lambda: not service.children(), 5)
    assert time.time() - before < 20
    service.set_mode("")
    assert service.put(TO, model).status == 200


def test_none_outlives_the_service(start):
    for end in ("stop", "kill"):
        service = start(KFERRY_WORKERS=2)
        assert wait_until(lambda: len(service.waiting()) == 2)
        pids = service.waiting() | service.forking()
        assert len(pids) == 4
        getattr(service, end)()
        assert wait_until(lambda: not any(folder_of(pid) for pid in pids))

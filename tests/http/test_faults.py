# SPDX-License-Identifier: Apache-2.0
"""System calls of the service that fail: what was accepted is kept, nothing half-written is served, and it recovers by itself."""

import errno
import hashlib
import mmap
import os
import resource
import socket
import struct
import subprocess
import time
from pathlib import Path

import pytest
from kferry_service import program, wait_until
from test_jobs import JOBS, job

HERE = Path(__file__).resolve().parent
ORDER = struct.Struct("32siIII")
CONVERT = "/v1/convert/keras/dense.h5"


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    library = tmp_path_factory.mktemp("shim") / "faults.so"
    command = ["cc", "-std=c17", "-shared", "-fPIC", "-O1", "-U_FORTIFY_SOURCE", "-Wall", "-Wno-nonnull", "-Werror", HERE / "faults.c", "-o", library, "-ldl"]
    subprocess.run(command, check=True)
    return library


class Faults:
    def __init__(self, path):
        path.write_bytes(bytes(4096))
        self.file = path.open("r+b")
        self.shared = mmap.mmap(self.file.fileno(), 4096)

    def fail(self, call, error, between=0):
        self.stop()
        self.shared[36:40] = struct.pack("I", between)
        self.shared[32:36] = struct.pack("i", error)
        self.shared[40:48] = bytes(8)
        self.shared[:32] = call.encode().ljust(32, b"\0")

    def stop(self):
        self.shared[:32] = bytes(32)

    @property
    def failed(self):
        return ORDER.unpack(self.shared[: ORDER.size])[4]


@pytest.fixture
def faults(tmp_path):
    return Faults(tmp_path / "faults")


@pytest.fixture
def shaken(start, shim, faults, tmp_path, monkeypatch):
    """A service whose calls can be made to fail."""
    monkeypatch.setenv("LD_PRELOAD", str(shim))
    monkeypatch.setenv("KF_FAULTS", str(tmp_path / "faults"))
    if "KF_IMAGE_ROOT" in os.environ:
        pytest.skip("the shim is not in the image")
    if b"__asan_init" in program().read_bytes():
        pytest.skip("a sanitizer has allocators of its own")
    service = start(KFERRY_WORKERS=2)
    monkeypatch.delenv("LD_PRELOAD")
    return service


def attempt(service, method, path, body):
    """The status and the body, or None where the connection was lost."""
    try:
        answer = service.request(method, path, body, timeout=20)
    except Exception:
        return None
    return answer


# (call, error, how many go well between two that fail)
FAULTS = [
    ("write", errno.ENOSPC, 0),
    ("write", errno.EIO, 2),
    ("write", 0, 0),
    ("pwrite64", errno.ENOSPC, 0),
    ("pwrite64", errno.EIO, 3),
    ("pwrite64", 0, 0),
    ("read", errno.EIO, 0),
    ("read", 0, 0),
    ("pread", errno.EIO, 3),
    ("pread", 0, 0),
    ("fsync", errno.EIO, 0),
    ("fdatasync", errno.EIO, 0),
    ("mkdir", errno.ENOSPC, 0),
    ("open", errno.EMFILE, 0),
    ("open", errno.EMFILE, 4),
    ("pipe2", errno.EMFILE, 0),
    ("accept4", errno.EMFILE, 2),
    ("socketpair", errno.EMFILE, 0),
    ("posix_spawn", errno.EAGAIN, 0),
    ("posix_spawn", errno.ENOMEM, 1),
    ("malloc", errno.ENOMEM, 7),
    ("malloc", errno.ENOMEM, 61),
    ("malloc", errno.ENOMEM, 509),
    ("malloc", errno.ENOMEM, 2003),
]


@pytest.mark.parametrize(("call", "error", "between"), FAULTS)
def test_it_recovers(shaken, faults, model, call, error, between):
    expected = hashlib.sha256(shaken.put(CONVERT, model).body).hexdigest()
    shaken.end_waiting()
    faults.fail(call, error, between)
    accepted = []
    for _ in range(4):
        answer = attempt(shaken, "PUT", CONVERT, model)
        if answer is not None and answer.status == 200:
            assert hashlib.sha256(answer.body).hexdigest() == expected
        elif answer is not None and answer.status < 500:
            assert answer.status in (408, 422, 429, 499), answer
        answer = attempt(shaken, "POST", JOBS, model)
        if answer is not None and answer.status == 202:
            accepted.append(answer.json()["id"])
    assert faults.failed > 0, f"{call} was never called"
    faults.stop()
    assert shaken.process.poll() is None, shaken.lines[-5:]
    assert wait_until(lambda: (answer := attempt(shaken, "PUT", CONVERT, model)) is not None and answer.status == 200, 30)
    for id_ in accepted:
        assert wait_until(lambda: job(shaken, id_)["done"], 30), "an accepted job does not end"
        if job(shaken, id_)["state"] == "succeeded":
            answer = shaken.get(f"/v1/jobs/{id_}/artifact")
            assert answer.status == 200 and hashlib.sha256(answer.body).hexdigest() == expected


def test_the_shim_reaches_the_service(shaken, faults, model):
    shaken.end_waiting()
    faults.fail("posix_spawn", errno.EAGAIN)
    answer = attempt(shaken, "PUT", CONVERT, model)
    assert answer.status >= 500 and faults.failed > 0


def test_idle_connections_leave_it_usable(start, model):
    many = min(10_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 600)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    held = []
    try:
        service = start(KFERRY_CONNECTIONS_MAX=many + 100)
        for _ in range(many):
            held.append(service.connect(5))
        assert service.put(CONVERT, model).status == 200
        assert service.get("/livez").status == 200
    finally:
        for sock in held:
            sock.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert wait_until(lambda: service.put(CONVERT, model).status == 200, 10)


def test_clients_of_a_byte_a_second_do_not_keep_others(start, model):
    service = start(KFERRY_WORKERS=1)
    head = f"PUT {CONVERT} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(model)}\r\n\r\n".encode()
    slow = [service.connect(5) for _ in range(64)]
    for sock in slow:
        sock.sendall(head)
    end = time.time() + 3
    while time.time() < end:
        for sock in slow:
            sock.send(b"\x89")
        assert service.put(CONVERT, model).status == 200
    for sock in slow:
        sock.close()


def test_a_reader_that_stops_does_not_keep_others(start, model):
    service = start(KFERRY_WORKERS=1)
    lazy = []
    for _ in range(32):
        sock = socket.create_connection(tuple(service.address.rsplit(":", 1)), 5)
        sock.sendall(f"PUT {CONVERT} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(model)}\r\n\r\n".encode() + model)
        lazy.append(sock)
    assert service.put(CONVERT, model).status == 200
    for sock in lazy:
        sock.close()

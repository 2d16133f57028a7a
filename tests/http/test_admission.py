# SPDX-License-Identifier: Apache-2.0
"""What is refused before, and in the middle of, its body."""

import socket
import threading
import time

import pytest
from kferry_service import multipart, read_answer, wait_until

TO = "/v1/convert/keras/x.h5"
MIB = 1 << 20


def head(length, path=TO, **headers):
    lines = [f"PUT {path} HTTP/1.1", "Host: h", f"Content-Length: {length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def chunk(data):
    return b"%x\r\n" % len(data) + data + b"\r\n"


class Background:
    """Requests under way in threads."""

    def __init__(self, n, call):
        self.answers = []
        self.threads = [threading.Thread(target=self._run, args=(call,)) for _ in range(n)]
        for thread in self.threads:
            thread.start()

    def _run(self, call):
        self.answers.append(call())

    def wait(self):
        for thread in self.threads:
            thread.join()
        return self.answers


def test_too_large_body_is_413_before_it_is_sent(start):
    service = start(KFERRY_BODY_MAX=MIB)
    answer = service.raw(head(MIB + 1))
    assert (answer.status, answer.json()["code"]) == (413, "body-too-large")
    assert answer.json()["limit"] == MIB and answer.json()["actual"] == MIB + 1
    assert answer.headers["connection"] == "close"
    answer = service.raw(head(1 << 62, Expect="100-continue"))
    assert answer.status == 413


def test_chunked_body_is_counted_to_413(start):
    service = start(KFERRY_BODY_MAX=MIB)
    with service.connect() as sock:
        sock.sendall(f"PUT {TO} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(20):
            sock.sendall(chunk(b"x" * 65536))
        answer = read_answer(sock)
    assert (answer.status, answer.json()["code"]) == (413, "body-too-large")
    assert service.wait_idle()
    assert service.job_folders() == []


def test_form_that_is_too_large_is_413(start):
    service = start(KFERRY_BODY_MAX=MIB)
    body, kind = multipart(("to", "keras"), ("file", "x.h5", b"y" * MIB))
    answer = service.request("POST", "/v1/convert", body, {"Content-Type": kind})
    assert answer.status == 413


def test_endless_chunks_are_cut_off(start):
    service = start(KFERRY_BODY_MAX=MIB)
    sent = 0
    with service.connect(60) as sock:
        sock.sendall(f"PUT {TO} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        with pytest.raises(OSError):
            while sent < 1 << 30:
                sock.sendall(chunk(b"x" * 65536))
                sent += 65536
    assert service.wait_idle()


def test_full_queue_is_429_before_the_body(start, model):
    service = start(KFERRY_WORKERS=1, KFERRY_QUEUE_MAX=1)
    service.set_mode("sleep 2")
    busy = Background(2, lambda: service.put(TO, model))
    assert service.wait_busy(1)
    began = time.time()
    answer = service.raw(head(100 * MIB, Expect="100-continue"))
    assert time.time() - began < 1
    assert (answer.status, answer.json()["code"]) == (429, "queue-full")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert answer.json()["retryable"] is True
    assert service.get("/readyz").status == 200
    assert [a.status for a in busy.wait()] == [200, 200]
    assert service.put(TO, model).status == 200


def test_retry_after_follows_the_queue(start, model):
    service = start(KFERRY_WORKERS=1, KFERRY_QUEUE_MAX=8)
    service.set_mode("sleep 1")
    busy = Background(9, lambda: service.put(TO, model))
    assert service.wait_busy(8)
    told = int(service.raw(head(10)).headers["retry-after"])
    assert 5 <= told <= 12  # nine jobs of about a second, 20 % of jitter
    assert [a.status for a in busy.wait()] == [200] * 9


def test_slow_uploads_lose_their_places_but_are_served(start, model):
    service = start(KFERRY_WORKERS=1, KFERRY_QUEUE_MAX=1)
    with service.connect() as first, service.connect() as second:
        for slow in (first, second):
            slow.sendall(head(len(model)) + model[:10])
        assert wait_until(lambda: service.capacity()["queue"]["uploading"] == 2)
        assert service.raw(head(10)).status == 429
        assert wait_until(lambda: service.capacity()["queue"]["uploading"] == 0)
        assert service.put(TO, model).status == 200
        for slow in (first, second):
            slow.sendall(model[10:])
            assert read_answer(slow).status == 200


def test_slow_upload_is_queued_even_when_the_queue_is_full_by_then(start, model):
    service = start(KFERRY_WORKERS=1, KFERRY_QUEUE_MAX=1)
    with service.connect() as slow:
        slow.sendall(head(len(model)) + model[:10])
        assert wait_until(lambda: service.capacity()["queue"]["uploading"] == 1)
        assert wait_until(lambda: service.capacity()["queue"]["uploading"] == 0)
        service.set_mode("sleep 1")
        busy = Background(2, lambda: service.put(TO, model))
        assert service.wait_busy(1)
        assert service.raw(head(10)).status == 429
        slow.sendall(model[10:])
        assert read_answer(slow).status == 200
        assert [a.status for a in busy.wait()] == [200, 200]


def test_stalled_upload_is_408(start, model):
    service = start(KFERRY_UPLOAD_IDLE=1)
    with service.connect() as sock:
        sock.sendall(head(len(model)) + model[:10])
        answer = read_answer(sock)
    assert (answer.status, answer.json()["code"]) == (408, "upload-timeout")
    assert service.wait_idle()
    assert wait_until(lambda: service.job_folders() == [])


def test_trickling_upload_is_not_stalled(start, model):
    service = start(KFERRY_UPLOAD_IDLE=1, KFERRY_UPLOAD_RATE_MIN=0)
    with service.connect() as sock:
        sock.sendall(head(6))
        for i in range(6):
            time.sleep(0.5)
            sock.sendall(b"%d" % i)
        assert read_answer(sock).status in (200, 422)


def test_scratch_budget_is_507(start, model):
    service = start(KFERRY_SCRATCH_MAX=MIB, KFERRY_BODY_MAX=MIB)
    with service.connect() as first:
        first.sendall(head(MIB - 100) + b"x")
        assert wait_until(lambda: service.capacity()["scratch"]["used_bytes"] == MIB - 100)
        answer = service.raw(head(1000))
        assert (answer.status, answer.json()["code"]) == (507, "scratch-full")
        assert "retry-after" in answer.headers
    assert wait_until(lambda: service.capacity()["scratch"]["used_bytes"] == 0)
    assert service.put(TO, model).status == 200
    assert wait_until(lambda: service.capacity()["scratch"]["used_bytes"] == 0)


def test_room_of_an_input_is_there_for_the_next_one(start, model):
    """It is given back behind the answer: who needs it at once waits, and is not refused."""
    service = start(KFERRY_SCRATCH_MAX=10 * MIB, KFERRY_BODY_MAX=10 * MIB)
    large = model + bytes(8 * MIB)
    for _ in range(20):
        assert service.put(TO, large).status == 200


@pytest.mark.parametrize("more", [0, 9 * MIB])
def test_upload_that_breaks_off_leaves_nothing(service, model, more):
    before = None
    for i in range(20):
        with service.connect() as sock:
            sock.sendall(head(more + len(model)) + bytes(more) + model[: 100 * i])
            if i % 2:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        if i == 0:
            assert service.wait_idle()
            before = service.descriptors()
    assert wait_until(lambda: service.job_folders() == [] and service.descriptors() <= before)
    assert service.wait_idle()
    assert wait_until(lambda: service.capacity()["scratch"]["used_bytes"] == 0)


def test_early_answer_reaches_a_client_that_sends_everything_first(start):
    service = start(KFERRY_BODY_MAX=MIB)
    for size in (MIB + 1, 4 * MIB):
        assert service.put(TO, b"x" * size).status == 413


def test_broken_http_is_refused(service):
    chunked = f"PUT {TO} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    for data in (
        b"GET\r\n\r\n",
        b"PUT / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        chunked + b"zz\r\n",
    ):
        answer = service.raw(data, timeout=5)
        assert answer.status in (0, 400)
    assert service.get("/livez").status == 200
    assert wait_until(lambda: service.job_folders() == [])

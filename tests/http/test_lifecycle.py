# SPDX-License-Identifier: Apache-2.0
"""Workers that die, clients that leave, and the start and stop of the service."""

import contextlib
import os
import signal
import socket
import time

import pytest
from kferry_service import KILLED, read_answer, wait_until
from test_admission import Background, head

TO = "/v1/convert/keras/x.h5"


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL, signal.SIGBUS])
def test_worker_crash_is_422(service, model, number):
    service.set_mode(f"kill {int(number)}")
    answer = service.put(TO, model)
    assert answer.status == 422
    assert answer.json()["code"] in (KILLED if number == signal.SIGKILL else KILLED[:1])
    service.set_mode("")
    assert service.put(TO, model).status == 200
    assert service.children() == [] and service.job_folders() == []


def test_deadline_is_422(start, model):
    service = start(KFERRY_JOB_TIMEOUT=1)
    service.set_mode("sleep 60")
    began = time.time()
    answer = service.put(TO, model)
    assert (answer.status, answer.json()["code"]) == (422, "conversion-timeout")
    assert time.time() - began < 5
    assert service.children() == [] and service.job_folders() == []


def test_client_that_hangs_up_frees_its_worker(start, model):
    service = start(KFERRY_WORKERS=1)
    service.set_mode("sleep 60")
    with service.connect() as sock:
        sock.sendall(head(len(model)) + model)
        assert wait_until(lambda: len(service.children()) == 1)
        gone = time.time()
    assert wait_until(lambda: service.children() == [], 5)
    assert time.time() - gone < 1
    assert wait_until(lambda: service.job_folders() == [])
    service.set_mode("")
    assert service.put(TO, model).status == 200


def test_client_that_hangs_up_leaves_the_queue(start, model):
    service = start(KFERRY_WORKERS=1, KFERRY_QUEUE_MAX=1)
    service.set_mode("sleep 3")
    first = Background(1, lambda: service.put(TO, model))
    assert service.wait_busy(0)
    with service.connect() as sock:
        sock.sendall(head(len(model)) + model)
        assert service.wait_busy(1)
    assert wait_until(lambda: service.capacity()["queue"]["waiting"] == 0, 1)
    assert [a.status for a in first.wait()] == [200]


def test_probes_answer_while_all_is_busy(start, model):
    service = start(KFERRY_WORKERS=1, KFERRY_QUEUE_MAX=2)
    service.set_mode("sleep 1")
    busy = Background(3, lambda: service.put(TO, model))
    for _ in range(20):
        began = time.time()
        assert service.get("/livez").status == 200
        assert service.get("/readyz").status == 200
        assert time.time() - began < 0.5
    assert [a.status for a in busy.wait()] == [200] * 3


def test_sigterm_lets_running_ones_finish(start, model):
    service = start(KFERRY_WORKERS=1)
    service.set_mode("sleep 1.5")
    busy = Background(2, lambda: service.put(TO, model))
    assert service.wait_busy(1)
    service.terminate()
    assert wait_until(lambda: service.get("/readyz").status == 503)
    assert service.get("/livez").status == 200
    answer = service.raw(head(100))
    assert (answer.status, answer.json()["code"]) == (503, "shutting-down")
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["connection"] == "close"
    assert [a.status for a in busy.wait()] == [200, 200]
    assert service.stop() == 0


def test_upload_under_way_at_sigterm_is_served(service, model):
    with service.connect() as sock:
        sock.sendall(head(len(model)) + model[:100])
        assert wait_until(lambda: service.capacity()["queue"]["uploading"] == 1)
        service.terminate()
        assert wait_until(lambda: service.events("draining"))
        sock.sendall(model[100:])
        assert read_answer(sock).status == 200
    assert service.stop() == 0


def test_drain_ends_at_its_timeout(start, model):
    service = start(KFERRY_DRAIN_TIMEOUT=1, KFERRY_WORKERS=1)
    service.set_mode("sleep 60")
    busy = Background(2, lambda: service.put(TO, model))
    assert service.wait_busy(1)
    began = time.time()
    assert service.stop() == 0
    assert 0.9 < time.time() - began < 4
    for answer in busy.wait():
        assert (answer.status, answer.json()["code"]) == (503, "shutting-down")
        assert "retry-after" in answer.headers


def test_second_sigterm_stops_at_once(start, model):
    service = start(KFERRY_DRAIN_TIMEOUT=60)
    service.set_mode("sleep 60")
    busy = Background(1, lambda: service.put(TO, model))
    assert wait_until(lambda: len(service.children()) == 1)
    workers = service.children()
    service.terminate()
    assert wait_until(lambda: service.events("draining"))
    began = time.time()
    service.terminate()
    assert service.stop() == 0
    assert time.time() - began < 2
    assert busy.wait()[0].status == 503
    assert not any(os.path.exists(f"/proc/{pid}") for pid in workers)


def test_idle_service_stops_at_once(service):
    with service.connect() as sock, service.connect() as half:
        half.sendall(b"PUT /v1/conv")
        sock.sendall(b"GET /livez HTTP/1.1\r\nHost: h\r\n\r\n")
        assert read_answer(sock).status == 200
        began = time.time()
        assert service.stop() == 0
        assert time.time() - began < 2


def test_what_has_come_in_is_answered_at_the_end(start):
    """Whether or not anybody has accepted or read it: asleep, the service does neither before it is told to stop."""
    service = start()
    get = b"GET /livez HTTP/1.1\r\nHost: h\r\n\r\n"
    with contextlib.ExitStack() as stack:
        kept, idle = (stack.enter_context(service.connect()) for _ in range(2))
        for sock in (kept, idle):
            sock.sendall(get)
            assert read_answer(sock).status == 200
        os.kill(service.process.pid, signal.SIGSTOP)
        asked, half, silent = (stack.enter_context(service.connect()) for _ in range(3))
        for sock, data in ((kept, get), (asked, get), (half, get[:20])):
            sock.sendall(data)
        service.terminate()
        os.kill(service.process.pid, signal.SIGCONT)
        assert service.stop() == 0
        for sock in (kept, asked, half, silent):
            answer = read_answer(sock)
            if answer.status != 200:
                assert (answer.status, answer.json()["code"]) == (503, "shutting-down")
                assert answer.headers["retry-after"] == "2" and answer.headers["connection"] == "close"
            if sock in (half, silent):
                assert answer.status == 503
        assert idle.recv(1) == b"", "between requests it ends without a word"


def test_orphans_of_a_killed_service_are_swept(start, model, tmp_path):
    first = start()
    first.set_mode("sleep 60")
    with first.connect() as sock:
        sock.sendall(head(len(model)) + model)
        assert wait_until(lambda: len(first.children()) == 1)
        workers = first.children()
        first.kill()
    assert first.job_folders()
    for pid in workers:
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 5)
    second = start(KFERRY_SCRATCH_DIR=first.scratch)
    assert second.events("listening")[0]["swept"] == 1
    assert first.job_folders() == []
    third = start(KFERRY_SCRATCH_DIR=first.scratch)
    assert third.events("listening")[0]["swept"] == 0  # the second one lives
    assert second.put(TO, model).status == 200 and third.put(TO, model).status == 200


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_open_to_others_without_keys_is_exit_78(start, address):
    service = start(KFERRY_LISTEN=address)
    assert service.address is None
    assert service.process.wait() == 78
    allowed = start(KFERRY_LISTEN=address, KFERRY_ALLOW_UNAUTHENTICATED=1)
    port = allowed.address.rsplit(":", 1)[1]
    with socket.create_connection(("127.0.0.1", int(port))) as sock:
        sock.sendall(b"GET /livez HTTP/1.1\r\nHost: h\r\n\r\n")
        assert read_answer(sock).status == 200


def test_bad_address_is_exit_78(start):
    for address in ("nonsense", "127.0.0.1", "unix:", "unix:/tmp/x?mode=9"):
        assert start(KFERRY_LISTEN=address).process.wait() == 78


def test_unix_socket(start, model, tmp_path):
    path = tmp_path / "api.sock"
    service = start(KFERRY_LISTEN=f"unix:{path}?mode=0660")
    assert path.stat().st_mode & 0o777 == 0o660
    assert service.put(TO, model).status == 200
    service.set_mode("sleep 60")
    with service.connect() as sock:
        sock.sendall(head(len(model)) + model)
        assert wait_until(lambda: len(service.children()) == 1)
    assert wait_until(lambda: service.children() == [], 2)
    assert service.stop() == 0
    assert not path.exists()


def test_stale_unix_socket_is_replaced(start, tmp_path):
    path = tmp_path / "api.sock"
    first = start(KFERRY_LISTEN=f"unix:{path}")
    first.kill()
    assert path.exists()
    assert start(KFERRY_LISTEN=f"unix:{path}").get("/livez").status == 200


def test_admin_listener_answers_probes(start):
    service = start(KFERRY_ADMIN_LISTEN="127.0.0.1:0")
    host, port = service.events("listening")[0]["admin"].split(":")
    with socket.create_connection((host, int(port))) as sock:
        sock.sendall(b"GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n")
        assert read_answer(sock).status == 200


def test_nothing_leaks(start, model, broken):
    service = start(KFERRY_QUEUE_MAX=64)
    for body in (model, broken):
        service.put(TO, body)
    assert service.wait_idle()
    before = service.descriptors()

    def many():
        answers = []
        for i in range(10):
            answers.append(service.put(TO, model if i % 2 else broken).status)
            service.put(TO, model, Accept=("application/x-tar", "application/zip")[i % 2])
            service.get("/v1/formats")
        return answers

    for answers in Background(8, many).wait():
        assert answers == [422, 200] * 5
    assert service.wait_idle()
    assert wait_until(lambda: service.descriptors() <= before)
    assert service.children() == [] and service.job_folders() == []
    assert service.capacity()["scratch"]["used_bytes"] == 0

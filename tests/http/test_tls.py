# SPDX-License-Identifier: Apache-2.0
"""HTTPS: the same service behind TLS, and certificates that are changed while it runs."""

import os
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest
from kferry_service import read_answer, wait_until
from test_auth import bearer, line, write
from test_operations import metrics

TO = "/v1/convert/keras/x.h5"


def make(folder, name):
    """A certificate of its own authority for localhost, and its key."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
         "-out", cert, "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


@pytest.fixture(scope="session")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    return [make(folder, "first"), make(folder, "second")]


@pytest.fixture
def files(tmp_path, pairs):
    """The files that the service reads."""
    cert, key = tmp_path / "tls.pem", tmp_path / "tls.key"
    place(cert, key, pairs[0])
    return cert, key


def place(cert, key, pair):
    write(cert, pair[0].read_text())
    write(key, pair[1].read_text())


@pytest.fixture
def secure(start, files, pairs):
    def begin(**settings):
        service = start(KFERRY_TLS_CERT=files[0], KFERRY_TLS_KEY=files[1], **settings)
        service.tls = ssl.create_default_context(cafile=pairs[0][0])
        return service

    return begin


def subject(service):
    """Whose certificate a new connection gets."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(service._connect(10, None)) as sock:
        return b"second" if b"second" in sock.getpeercert(True) else b"first"


def test_https_serves_as_http_does(secure, model, broken):
    service = secure()
    answer = service.put(TO, model)
    assert answer.status == 200
    job = service.request("POST", "/v1/jobs?to=keras", model).json()["id"]
    assert service.get(f"/v1/jobs/{job}?wait=30").json()["state"] == "succeeded"
    assert service.get(f"/v1/jobs/{job}/artifact").body == answer.body
    assert service.put(TO, broken).status == 422
    service.tls = ssl.create_default_context()
    with pytest.raises(ssl.SSLCertVerificationError):
        service.get("/livez")


def test_curl_converts_by_https(secure, files, model, tmp_path):
    service = secure()
    (tmp_path / "m.h5").write_bytes(model)
    url = f"https://{service.address}/v1/convert/keras/"
    done = subprocess.run(
        ["curl", "-fsS", "--cacert", files[0], "-T", tmp_path / "m.h5", "-o", tmp_path / "m.keras", url],
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "m.keras").read_bytes()[:2] == b"PK"


def test_plain_http_and_old_tls_get_nothing(secure):
    service = secure()
    with service._connect(10, None) as sock:
        sock.sendall(b"GET /livez HTTP/1.1\r\nHost: h\r\n\r\n")
        assert read_answer(sock).status == 0
    for version, status in (("-tls1_1", 1), ("-tls1_2", 0), ("-tls1_3", 0)):
        done = subprocess.run(
            ["openssl", "s_client", version, "-cipher", "ALL:@SECLEVEL=0", "-connect", service.address],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == status, done.stderr


def test_early_answers_come_through_tls(secure):
    service = secure(KFERRY_BODY_MAX=1000, KFERRY_UPLOAD_IDLE="1s", KFERRY_HEADER_TIMEOUT="1s")
    assert service.put(TO, bytes(300000)).status == 413
    with service.connect() as sock:
        sock.sendall(f"PUT {TO} HTTP/1.1\r\nHost: h\r\nContent-Length: 900\r\n\r\nabc".encode())
        late = read_answer(sock)
    assert late.status == 408 and late.json()["code"] == "upload-timeout"
    with service.connect() as sock:
        sock.sendall(b"GET /livez HTTP/1.1\r\n")
        assert sock.recv(100) == b""  # only the connection's own thread may write to it
    with service._connect(10, None) as sock:  # nor does a handshake go on for ever
        sock.settimeout(10)
        assert sock.recv(100) == b""


def test_what_has_come_in_is_answered_at_the_end(secure):
    """Whoever has asked already, and who comes through the handshake only then. What is half said is cut: nobody but the
    connection's own thread could answer it."""
    service = secure()
    get = b"GET /livez HTTP/1.1\r\nHost: h\r\n\r\n"
    answers = []

    def ask(sock):
        with service.tls.wrap_socket(sock, server_hostname="localhost") as wrapped:
            wrapped.sendall(get)
            answers.append(read_answer(wrapped))

    with service.connect() as kept, service.connect() as half, service.connect() as idle:
        for sock in (kept, idle):
            sock.sendall(get)
            assert read_answer(sock).status == 200
        os.kill(service.process.pid, signal.SIGSTOP)
        waiting = [threading.Thread(target=ask, args=(service._connect(20, None),)) for _ in range(4)]
        for thread in waiting:
            thread.start()
        kept.sendall(get)
        half.sendall(get[:20])
        service.terminate()
        os.kill(service.process.pid, signal.SIGCONT)
        for thread in waiting:
            thread.join(20)
        answers.append(read_answer(kept))
        assert read_answer(half).status == 0
        assert idle.recv(1) == b"", "between requests it ends without a word"
    assert service.stop() == 0
    assert len(answers) == 5, "somebody was left without an answer"
    for answer in answers:
        assert answer.status in (200, 503), [answer.status for answer in answers]
        if answer.status == 503:
            assert answer.json()["code"] == "shutting-down" and answer.headers["connection"] == "close"


def test_jobs_under_way_end_before_tls_does(secure, model):
    service = secure(KFERRY_WORKERS=1)
    service.set_mode("sleep 1")
    answers = []
    thread = threading.Thread(target=lambda: answers.append(service.put(TO, model)))
    thread.start()
    assert wait_until(lambda: len(service.children()) == 1)
    with service.connect() as sock:
        sock.sendall(f"PUT {TO} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(model)}\r\n\r\n".encode() + model[:100])
        assert wait_until(lambda: service.capacity()["queue"]["uploading"] == 1)
        service.terminate()
        assert wait_until(lambda: service.events("draining"))
        sock.sendall(model[100:])
        assert read_answer(sock).status == 200
    thread.join(20)
    assert [answer.status for answer in answers] == [200]
    assert service.stop() == 0


def test_client_that_hangs_up_frees_its_worker(secure, model):
    service = secure()
    service.set_mode("sleep 60")
    with service.connect() as sock:
        sock.sendall(f"PUT {TO} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(model)}\r\n\r\n".encode() + model)
        assert wait_until(lambda: len(service.children()) == 1)
    assert wait_until(lambda: service.children() == [], 3)


@pytest.mark.parametrize("how", ["signal", "change"])
def test_certificate_is_read_again(secure, files, pairs, how):
    service = secure()
    assert subject(service) == b"first"
    with service.connect() as sock:  # who is there keeps what it has
        place(*files, pairs[1])
        if how == "signal":
            service.process.send_signal(signal.SIGHUP)
        assert wait_until(lambda: subject(service) == b"second")
        sock.sendall(b"GET /livez HTTP/1.1\r\nHost: h\r\n\r\n")
        assert read_answer(sock).status == 200


def test_certificate_that_does_not_fit_leaves_the_old_one(secure, files, pairs):
    service = secure()
    write(files[1], pairs[1][1].read_text())
    service.process.send_signal(signal.SIGHUP)
    assert wait_until(lambda: service.events("cannot-reload"))
    assert subject(service) == b"first"


@pytest.mark.parametrize("wrong", ["absent", "other", "alone"])
def test_pair_that_is_none_is_exit_78(start, files, pairs, wrong):
    settings = {"KFERRY_TLS_CERT": files[0], "KFERRY_TLS_KEY": files[1]}
    settings["KFERRY_TLS_KEY"] = {"absent": "/nonexistent", "other": pairs[1][1], "alone": ""}[wrong]
    assert start(**settings).process.wait() == 78


def test_admin_listener_stays_plain(secure, tmp_path):
    write(tmp_path / "keys", line("a", "secret"))
    service = secure(KFERRY_ADMIN_LISTEN="127.0.0.1:0", KFERRY_KEYS_FILE=tmp_path / "keys")
    assert service.get("/v1/jobs", **bearer("secret")).status == 200
    service.tls, service.address = None, service.events("listening")[0]["admin"]
    assert service.get("/readyz").status == 200
    expiry = metrics(service).get("kferry_tls_certificate_expiry_timestamp_seconds")
    assert abs(expiry - time.time() - 2 * 86400) < 3600


def test_health_asks_its_own_service(secure, files):
    service = secure()
    env = {k: v for k, v in os.environ.items() if not k.startswith("KFERRY")}
    env |= {"KFERRY_TLS_CERT": str(files[0]), "KFERRY_TLS_KEY": str(files[1]), "KFERRY_LISTEN": service.address}
    done = subprocess.run([service.binary, "health"], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "ready\n"), done.stderr
    done = subprocess.run([service.binary, "health", "--server", f"https://{service.address}"], env=env, capture_output=True)
    assert done.returncode == 69  # who names another service wants it to prove itself


def test_nothing_leaks(secure, model):
    service = secure()
    assert service.put(TO, model).status == 200
    service.wait_idle()
    before = len(os.listdir(f"/proc/{service.process.pid}/fd"))
    for i in range(30):
        service.put(TO, model if i % 3 else b"BAD")
        with socket.socket() as sock:  # a handshake that breaks off
            sock.connect(("127.0.0.1", int(service.address.rsplit(":", 1)[1])))
            sock.sendall(b"\x16\x03\x01")
    time.sleep(0.2)
    assert wait_until(lambda: service.descriptors() <= before, 15)

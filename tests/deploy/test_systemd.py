# SPDX-License-Identifier: Apache-2.0
"""The units, and a service that gets its socket from systemd and tells it how it is."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from kferry_service import wait_until

UNITS = Path(__file__).resolve().parents[2] / "deploy" / "systemd"
HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = str(os.getpid() + int(os.environ.pop("OTHER", "0")))
os.execv(sys.argv[2], sys.argv[2:])
"""


class Started:
    """`kferry serve` as systemd starts it, on a socket that stays open when it ends."""

    def __init__(self, kferry, folder, sock, name="http", listen="systemd:http", **more):
        env = {k: v for k, v in os.environ.items() if not k.startswith("KFERRY")}
        env.update(KFERRY_LISTEN=listen, KFERRY_SCRATCH_DIR=str(folder / "scratch"))
        env.update({"LISTEN_FDS": "1", "LISTEN_FDNAMES": name} | more)
        self.log = folder / "log"
        fd = os.dup(sock.fileno())  # above 3, where it is to go
        os.set_inheritable(fd, True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", HAND_OVER, str(fd), kferry, "serve"],
                env=env, pass_fds=[fd], stderr=log,
            )  # fmt: skip
        os.close(fd)

    def events(self, name):
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line[:1] == "{"]
        return [line for line in lines if line["event"] == name]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@pytest.fixture
def started(kferry, tmp_path):
    running = []

    def begin(sock, **more):
        running.append(Started(kferry, tmp_path, sock, **more))
        return running[-1]

    yield begin
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait(10)


@pytest.fixture
def door():
    with socket.create_server(("127.0.0.1", 0), backlog=64) as sock:
        yield sock


def convert(address, model):
    """A conversion by HTTP; its status and how many bytes came."""
    request = urllib.request.Request(
        f"http://{address[0]}:{address[1]}/v1/convert/keras/m.h5", model.read_bytes(), method="PUT"
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.status, answer.read()[:2]


def test_the_first_connection_starts_it(kferry, tmp_path, model):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
    process = subprocess.Popen(
        ["systemd-socket-activate", "-l", f"127.0.0.1:{address[1]}", "--fdname=http",
         "-E", "KFERRY_LISTEN=systemd:http", "-E", f"KFERRY_SCRATCH_DIR={tmp_path}/scratch",
         kferry, "serve"],
        stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert b"Listening on" in process.stderr.readline()
        assert not (tmp_path / "scratch").exists(), "it was started by nobody's wish"
        assert convert(address, model) == (200, b"PK")
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


def test_who_comes_between_two_services_waits(started, door, model):
    """The socket stays open: who comes then is answered by the next."""
    first = started(door)
    assert convert(door.getsockname(), model) == (200, b"PK")
    assert first.stop() == 0
    answers = []
    clients = [
        threading.Thread(target=lambda: answers.append(convert(door.getsockname(), model)))
        for _ in range(4)
    ]
    for client in clients:
        client.start()
    time.sleep(0.2)
    assert not answers
    second = started(door)
    for client in clients:
        client.join(60)
    assert answers == [(200, b"PK")] * 4
    assert second.stop() == 0


def test_a_unix_socket_is_handed_over_and_not_removed(started, tmp_path):
    path = str(tmp_path / "api.sock")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        sock.listen()
        service = started(sock, listen="systemd", KFERRY_AUTH="peercred")
        assert wait_until(lambda: service.events("listening"))
        assert service.events("listening")[0]["listen"] == f"unix:{path}"
        assert service.stop() == 0
        assert os.path.exists(path)


def test_it_tells_when_it_is_ready_alive_and_stopping(started, door, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(tmp_path / "notify"))
        told.settimeout(20)
        service = started(door, NOTIFY_SOCKET=str(tmp_path / "notify"))
        assert told.recv(100) == b"READY=1"
        assert service.events("listening")
        assert told.recv(100) == b"WATCHDOG=1"
        assert service.stop() == 0
        said = told.recv(100)
        while said == b"WATCHDOG=1":
            said = told.recv(100)
        assert said == b"STOPPING=1"


def test_an_abstract_notify_socket_is_told_too(started, door):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        name = f"kferry-test-{os.getpid()}"
        told.bind("\0" + name)
        told.settimeout(20)
        started(door, NOTIFY_SOCKET="@" + name)
        assert told.recv(100) == b"READY=1"


@pytest.mark.parametrize(
    "more, told",
    [
        ({"name": "other"}, 'no socket of the name \\"http\\"'),
        ({"OTHER": "1"}, "handed over no socket"),
        ({"LISTEN_FDS": "0"}, "handed over no socket"),
        ({"LISTEN_FDS": "x"}, "handed over no socket"),
        ({"KFERRY_ADMIN_LISTEN": "systemd:admin"}, 'no socket of the name \\"admin\\"'),
        ({"KFERRY_ADMIN_LISTEN": "systemd:http"}, "same socket"),
    ],
)
def test_what_is_missing_is_named(started, door, more, told):
    arguments = dict(more)
    service = started(door, **arguments)
    assert service.process.wait(20) == 78
    assert told in service.log.read_text()


def test_what_does_not_listen_is_refused(started):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        service = started(sock)
        assert service.process.wait(20) == 78
        assert "Accept=no" in service.log.read_text()


def test_a_socket_for_the_network_needs_keys(started):
    with socket.create_server(("0.0.0.0", 0)) as sock:
        service = started(sock)
        assert service.process.wait(20) == 78
        assert "KFERRY_KEYS_FILE" in service.log.read_text()


def test_peercred_needs_a_unix_socket(started, door):
    service = started(door, KFERRY_AUTH="peercred")
    assert service.process.wait(20) == 78
    assert "Unix socket" in service.log.read_text()


def test_health_asks_to_be_told_the_address(kferry):
    env = {"PATH": os.environ["PATH"], "KFERRY_LISTEN": "systemd"}
    done = subprocess.run([kferry, "health"], env=env, capture_output=True, text=True)
    assert done.returncode == 78
    assert "--server" in done.stderr


@pytest.fixture(scope="session")
def units(kferry, tmp_path_factory):
    """The units as they are installed, for the program that is tested."""
    folder = tmp_path_factory.mktemp("units")
    text = (UNITS / "kferry.service.in").read_text()
    service = text.replace("@CMAKE_INSTALL_FULL_BINDIR@", str(kferry.parent))
    (folder / "kferry.service").write_text(service)
    (folder / "kferry.socket").write_text((UNITS / "kferry.socket").read_text())
    return folder


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True)


def test_systemd_finds_nothing_wrong_with_the_units(units):
    for name in ("kferry.service", "kferry.socket"):
        done = analyze("verify", "--man=no", units / name)
        assert done.returncode == 0, done.stderr
        assert "kferry" not in done.stderr


def test_the_service_is_confined(units):
    """0 is all that systemd can take from a service, 10 nothing; sockets alone cost 0.9."""
    done = analyze("security", "--offline=true", "--threshold=15", units / "kferry.service")
    level = re.search(r"exposure level for kferry.service: ([0-9.]+)", done.stdout)
    assert done.returncode == 0, done.stdout
    assert float(level[1]) <= 1.5


def test_its_user_and_folders_are_made(tmp_path):
    (tmp_path / "etc").mkdir()
    for tool, name in (("sysusers", "kferry.sysusers"), ("tmpfiles", "kferry.tmpfiles")):
        arguments = ["--create"] if tool == "tmpfiles" else []
        subprocess.run(
            [f"systemd-{tool}", f"--root={tmp_path}", *arguments, "-"],
            input=(UNITS / name).read_text(), text=True, check=True,
        )  # fmt: skip
    assert "\nkferry:" in "\n" + (tmp_path / "etc/passwd").read_text()
    assert (tmp_path / "etc/kferry").stat().st_mode & 0o777 == 0o750

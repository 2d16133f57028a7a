# SPDX-License-Identifier: Apache-2.0
"""Start the real program on a free port, talk to it, and see what it leaves behind."""

import functools
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

from contract import Contract

FIXTURES = Path(
    os.environ.get("KFERRY_FIXTURES") or Path(__file__).resolve().parent.parent / "fixtures"
)

# Stands in for kferry-worker: does what the file `mode` beside it says, then becomes the real one.
WORKER = """#!{python} -SE
import ctypes, os, platform, signal, socket, struct, sys, time
argv = sys.argv[1:]
def name(text):
    with open("/proc/self/comm", "wb") as comm:
        comm.write(text)
if argv == ["fork"]:
    asked, clone = socket.socket(fileno=0), dict(x86_64=56, aarch64=220)[platform.machine()]
    while True:
        word, fds, _, _ = socket.recv_fds(asked, 256, 64)
        if not word:
            os._exit(0)
        if open({mode!r}).read().split()[:1] == ["barren"]:
            os.close(fds[0])
            asked.send(struct.pack("i", -1))
            continue
        pid = ctypes.CDLL(None).syscall(clone, 0x8000 | signal.SIGCHLD, 0, 0, 0, 0)
        if pid == 0:
            break
        os.close(fds[0])
        asked.send(struct.pack("i", pid))
    os.setpgid(0, 0)
    os.dup2(fds[0], 0)
    os.close(fds[0])
    name(b"kferry-wait")
    words, fds, _, _ = socket.recv_fds(socket.socket(fileno=0), 256, 64)
    name(b"kferry-worker")
    if not words:
        os._exit(0)
    argv = [word.decode() for word in words.split(b"\\0")[1:-1]]
    *inputs, said, folder = fds
    assert inputs == list(range(3, said))
    os.fchdir(folder)
    for fd in (1, 2):
        os.dup2(said, fd)
    os.close(said)
    for fd in inputs:
        os.set_inheritable(fd, True)
mode = open({mode!r}).read().split()
if argv[:1] != ["probe"] and mode and mode[0] != "wake":
    if mode[0] == "kill":
        os.kill(os.getpid(), int(mode[1]))
    if mode[0] in ("tell", "lie"):
        told = (1, 2, 50, 100, 3, 8) if mode[0] == "tell" else [2**64 - 1] * 6
        with open("progress", "r+b") as f:
            f.write(struct.pack("6Q", *told))
    if mode[0] == "pretend":
        with open("progress", "r+b") as f:
            f.seek(48)
            f.write(struct.pack("4Q", 1, 0, 5, 7))
        os.close(1)
        os.close(2)
    parent, end = os.getppid(), time.time() + float(mode[1])
    while time.time() < end and os.getppid() == parent and open({mode!r}).read() != "wake":
        time.sleep(min(0.1, max(0, end - time.time())))
os.execv({real!r}, ["kferry-worker"] + argv)
"""


def program():
    path = os.environ.get("KFERRY")
    if not path:
        path = shutil.which("kferry")
    return Path(path).resolve() if path else None


@functools.cache
def contract():
    """What the program says of its API: every answer is judged by it."""
    done = subprocess.run([program(), "openapi"], capture_output=True, check=True)
    return Contract(json.loads(done.stdout))


class Answer:
    """Status, headers (lower-case names) and body of one answer."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:500]!r}>"


class Service:
    """One running `kferry serve` with a folder of its own."""

    def __init__(self, folder, restart=False, **settings):
        """`restart`: the folder was another one's, whose mode is kept."""
        self.folder = Path(folder)
        self.scratch = self.folder / "scratch"
        self.mode = self.folder / "mode"
        if not restart:
            self.set_mode("")
        self.binary = self._install()
        env = {k: v for k, v in os.environ.items() if not k.startswith("KFERRY")}
        env.update(KFERRY_LISTEN="127.0.0.1:0", KFERRY_SCRATCH_DIR=str(self.scratch))
        self.settings = {k: str(v) for k, v in settings.items()}
        env.update(self.settings)
        self.lines = []
        self.tls = None  # a context of ssl, for a service that speaks TLS
        self.process = subprocess.Popen(
            [str(self.binary), "serve"], env=env, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.address = self.main = self._wait()

    def _install(self):
        real = program()
        binary = self.folder / "kferry"
        if binary.exists():
            return binary
        shutil.copy(real, binary)
        text = WORKER.format(
            python=sys.executable, mode=str(self.mode), real=str(real.parent / "kferry-worker")
        )
        self.put_worker(text)
        return binary

    def put_worker(self, text):
        """As the program that is started from now on: by another file, as one that is being started is busy."""
        new = self.folder / "new-worker"
        new.write_text(text)
        new.chmod(0o755)
        new.replace(self.folder / "kferry-worker")

    def set_mode(self, mode):
        """What the next workers do first: "", "sleep 2", "tell 2" (progress, too), "lie 2", "kill 11".

        "wake" ends the sleep of those that run.
        """
        self.mode.write_text(mode)

    def _read(self):
        for line in self.process.stderr:
            try:
                self.lines.append(json.loads(line))
            except ValueError:
                self.lines.append({"event": "?", "text": line.decode(errors="replace")})

    def events(self, name):
        return [line for line in list(self.lines) if line.get("event") == name]

    def _wait(self):
        end = time.time() + 30
        while time.time() < end and self.process.poll() is None:
            started = self.events("listening")
            if started:
                return started[0]["listen"]
            time.sleep(0.01)
        return None

    def connect(self, timeout=30, source=None):
        sock = self._connect(timeout, source)
        return self.tls.wrap_socket(sock, server_hostname="localhost") if self.tls else sock

    def _connect(self, timeout, source):
        assert self.address, self.lines
        if self.address.startswith("unix:"):
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(timeout)
            sock.connect(self.address[5:])
            return sock
        host, port = self.address.rsplit(":", 1)
        host = "127.0.0.1" if host == "0.0.0.0" else host.strip("[]")
        return socket.create_connection((host, int(port)), timeout, source and (source, 0))

    def request(self, method, path, body=None, headers=None, timeout=30, source=None):
        """One request on a connection of its own, from the address `source`."""
        connection = http.client.HTTPConnection("kferry", timeout=timeout)
        connection.sock = self.connect(timeout, source)
        try:
            try:
                connection.request(method, path, body, headers or {})
            except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
                pass  # answered before the body was read
            response = connection.getresponse()
            names = {k.lower(): v for k, v in response.getheaders()}
            answer = Answer(response.status, names, response.read())
        finally:
            connection.close()
        if self.address == self.main:  # the admin listener has but some of it
            contract().check(method, path, answer)
        return answer

    def raw(self, data, timeout=30):
        """Send bytes as they are and read one answer."""
        with self.connect(timeout) as sock:
            sock.sendall(data)
            return read_answer(sock)

    def get(self, path, **headers):
        return self.request("GET", path, headers=headers)

    def put(self, path, body, **headers):
        return self.request("PUT", path, body, headers)

    def capacity(self):
        return self.get("/v1/capacity").json()

    def wait_idle(self, timeout=10):
        return wait_until(lambda: idle(self.capacity()), timeout)

    def wait_busy(self, waiting, busy=1, timeout=10):
        """Until as many jobs run and wait as that."""

        def reached():
            capacity = self.capacity()
            return (capacity["busy"], capacity["queue"]["waiting"]) == (busy, waiting)

        return wait_until(reached, timeout)

    def job_folders(self):
        return sorted(str(p) for p in self.scratch.glob("run-*/job-*"))

    def stored_folders(self):
        return sorted(p.name for p in (self.scratch / "data" / "jobs").glob("*"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def children(self):
        """Process ids of the workers that have a job, zombies included."""
        return [pid for pid in self._processes() if folder_of(pid) != "/"]

    def forking(self):
        """Process ids of what makes workers."""
        return {pid for pid in self._processes() if folder_of(pid) == "/" and not is_waiting(pid)}

    def waiting(self):
        """Process ids of the workers that wait for a job."""
        return {pid for pid in self._processes() if is_waiting(pid)}

    def end_waiting(self):
        """Kill the workers that wait and what makes them, so that the next jobs start their own."""
        assert wait_until(lambda: len(self.waiting()) == int(self.settings["KFERRY_WORKERS"]))
        for pid in self.waiting() | self.forking():
            os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda: not self.waiting() | self.forking())

    def _processes(self):
        pids = []
        for entry in os.listdir("/proc"):
            try:
                stat = Path(f"/proc/{entry}/stat").read_text() if entry.isdigit() else ""
            except OSError:
                continue
            if stat and int(stat.rsplit(")", 1)[1].split()[1]) == self.process.pid:
                pids.append(int(entry))
        return pids

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self, timeout=30):
        """Stop and return the exit status."""
        if self.process.poll() is None:
            self.terminate()
        status = self.process.wait(timeout)
        self.reader.join(5)
        return status

    def sanitizer_said(self):
        """Lines of a sanitizer, when the program was built with one."""
        return [line["text"] for line in self.lines if "Sanitizer" in line.get("text", "")]

    def kill(self):
        self.process.kill()
        self.process.wait()


# What the service says of a worker that somebody killed; SIGKILL may as well be the kernel's, for
# want of memory.
KILLED = ("worker-crashed",)


def folder_of(pid):
    """A worker stands in the folder of its job, or at "/" before it has one; a zombie nowhere."""
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return None


def is_waiting(pid):
    try:
        name = Path(f"/proc/{pid}/comm").read_text()
        return name == "kferry-wait\n" and folder_of(pid) == "/"
    except OSError:
        return False


def idle(capacity):
    queue = capacity["queue"]
    return capacity["busy"] == 0 and queue["waiting"] == 0 and queue["uploading"] == 0


def wait_until(what, timeout=10):
    end = time.time() + timeout
    while time.time() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


def read_answer(sock):
    """Read one answer from a socket; status 0 when the connection ended without one."""
    response = http.client.HTTPResponse(sock)
    try:
        response.begin()
        names = {k.lower(): v for k, v in response.getheaders()}
        return Answer(response.status, names, response.read())
    except (ConnectionError, http.client.HTTPException):
        return Answer(0, {}, b"")


def multipart(*parts, boundary="----kferry-test"):
    """A form's body and its Content-Type; parts are (name, value) or (name, filename, bytes)."""
    out = b""
    for part in parts:
        out += f'--{boundary}\r\nContent-Disposition: form-data; name="{part[0]}"'.encode()
        if len(part) == 3:
            out += f'; filename="{part[1]}"\r\nContent-Type: application/octet-stream'.encode()
        value = part[-1]
        out += b"\r\n\r\n" + (value if isinstance(value, bytes) else value.encode()) + b"\r\n"
    return out + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"

# SPDX-License-Identifier: Apache-2.0
"""
The power fails between any two writes of a job's life. Each state that the folder of jobs was in is kept twice: as it was
(all writes came to the disk, as after kill -9), and with nothing but what was put on the disk by then. A service that starts
over any of them has every job that was accepted, and serves results whole or not at all.
"""

import hashlib
import os
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from kferry_service import program
from test_jobs import finished, job, submit

HERE = Path(__file__).resolve().parent
STATES_MAX = 24  # of each sort that a service is started over, evenly spread


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    library = tmp_path_factory.mktemp("shim") / "writes.so"
    command = ["cc", "-std=c17", "-shared", "-fPIC", "-O1", "-U_FORTIFY_SOURCE", "-Wall", "-Wno-nonnull", "-Werror", HERE / "writes.c", "-o", library, "-ldl"]
    subprocess.run(command, check=True)
    return library


class Disk:
    """A folder and what is on the disk of it: names in folders and bytes in files as they were at their last fsync."""

    def __init__(self, root):
        self.root, self.names, self.bytes = root, {}, {}
        for folder, _, files in os.walk(root):
            self.sync(Path(folder))
            for name in files:
                self.sync(Path(folder, name))

    def sync(self, path):
        inode = path.stat().st_ino
        if path.is_dir():
            self.names[inode] = {entry.name: (entry.inode(), entry.is_dir(follow_symlinks=False)) for entry in os.scandir(path)}
        else:
            self.bytes[inode] = path.read_bytes()

    def lasting(self):
        """{path: bytes, or None for a folder} of what a power cut leaves at the least."""
        found = {}

        def walk(inode, path):
            for name, (child, is_folder) in self.names.get(inode, {}).items():
                found[path + name] = None if is_folder else self.bytes.get(child, b"")
                if is_folder:
                    walk(child, f"{path}{name}/")

        walk(self.root.stat().st_ino, "")
        return found

    def present(self):
        """The same of all that was written."""
        found = {}
        for folder, folders, files in os.walk(self.root):
            for name in folders:
                found[str(Path(folder, name).relative_to(self.root))] = None
            for name in files:
                try:
                    found[str(Path(folder, name).relative_to(self.root))] = Path(folder, name).read_bytes()
                except FileNotFoundError:
                    pass  # a worker's own, renamed just now
        return found


class Recorder:
    """Hears of each call before it is made, and keeps both states."""

    def __init__(self, root, address):
        self.disk, self.calls, self.states = Disk(root), [], []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(address))
        self.socket.listen(64)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                call, _, path = connection.recv(8192).rstrip(b"\0").decode().partition(" ")
                if not path:
                    continue  # killed before it said anything
                self.keep()
                self.calls.append((call, path))
                if call in ("fsync", "fdatasync") and os.path.exists(path):
                    self.disk.sync(Path(path))
                connection.send(b"x")

    def keep(self):
        at = len(self.calls)
        for sort, tree in (("all", self.disk.present()), ("lasting", self.disk.lasting())):
            self.states.append((sort, at, tree))


def distinct(states, sort):
    """The states of a sort, each once, and of one that stays the last moment; not too many."""
    found = {}
    for kind, at, tree in states:
        if kind == sort:
            key = hashlib.sha256(repr(sorted((k, v) for k, v in tree.items() if not k.endswith("-shm"))).encode()).digest()
            found[key] = (sort, at, tree)
    found = sorted(found.values(), key=lambda state: state[1])
    step = max(1, len(found) / STATES_MAX)
    return [found[int(i * step)] for i in range(min(len(found), STATES_MAX))]


def write(folder, tree):
    folder.mkdir()
    for path in sorted(tree):
        if tree[path] is None:
            (folder / path).mkdir()
        else:
            (folder / path).write_bytes(tree[path])


def test_nothing_accepted_is_lost(start, shim, model, tmp_path, monkeypatch):
    if "KF_IMAGE_ROOT" in os.environ or b"__asan_init" in program().read_bytes():
        pytest.skip("the shim cannot be loaded")
    data, address = tmp_path / "data", tmp_path / "s"
    monkeypatch.setenv("LD_PRELOAD", str(shim))
    monkeypatch.setenv("KF_WRITES", str(address))
    monkeypatch.setenv("KF_WRITES_BELOW", str(data))
    service = start(KFERRY_DATA=data, KFERRY_WORKERS=1)
    monkeypatch.delenv("LD_PRELOAD")
    expected = hashlib.sha256(service.put("/v1/convert/keras/dense.h5", model).body).hexdigest()
    recorder = Recorder(data, address)
    id_ = submit(service, model)
    accepted = len(recorder.calls)
    assert finished(service, id_)["state"] == "succeeded"
    ended = len(recorder.calls)
    service.kill()
    recorder.keep()
    assert {"fsync", "pwrite64", "mkdir", "link"} <= {call for call, _ in recorder.calls}

    states = distinct(recorder.states, "all") + distinct(recorder.states, "lasting")
    assert len(states) > STATES_MAX
    for number, (sort, at, tree) in enumerate(states):
        place = f"{sort}, before call {at} ({recorder.calls[at] if at < len(recorder.calls) else 'the end'})"
        folder = tmp_path / f"state{number}"
        write(folder, tree)
        again = start(KFERRY_DATA=folder, KFERRY_WORKERS=1)
        assert again.address, (place, again.lines)
        known = again.get(f"/v1/jobs/{id_}").status
        assert known == 200 or (known == 404 and at <= accepted), f"an accepted job was lost: {place}"
        if known == 200:
            assert job(again, id_)["state"] == "succeeded" or at <= ended, f"a job that had ended has not: {place}"
            assert finished(again, id_)["state"] == "succeeded", place
            artifact = again.get(f"/v1/jobs/{id_}/artifact")
            assert artifact.status == 200 and hashlib.sha256(artifact.body).hexdigest() == expected, place
            assert again.get(f"/v1/jobs/{id_}/report").status == 200, place
        assert again.stop() == 0

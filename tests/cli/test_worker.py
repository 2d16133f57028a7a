# SPDX-License-Identifier: Apache-2.0
"""What becomes of a worker that does not end well, and what a real one may do."""

import json
import os
import signal
import subprocess
import time

import pytest


@pytest.mark.parametrize(
    "body, status, said",
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", 65, "worker-crashed"),
        ("os.kill(os.getpid(), signal.SIGABRT)", 65, "worker-crashed"),
        ("os.kill(os.getpid(), signal.SIGSYS)", 65, "sandbox-violation"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", 65, "conversion-timeout"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 65, "worker-crashed"),
        ("os._exit(71)", 65, "worker-memory-limit"),
        ("os._exit(70)", 70, "internal-error"),
        ("os._exit(1)", 70, "internal-error"),
        ("os._exit(0)", 70, ""),
        ("os._exit(73)", 73, "scratch-full"),
        ("os._exit(78)", 78, "sandbox-unavailable"),
    ],
)
def test_ends_are_classified(with_worker, model, body, status, said):
    kferry = with_worker(body)
    done = kferry.run("convert", "model.h5", "-o", "out.keras")
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert not (kferry.folder / "out.keras").exists()


def test_last_words_of_a_crash_are_shown(with_worker, model):
    kferry = with_worker("os.write(2, b'x' * 200000 + b'\\nassertion failed: \\x1b[31m\\n')\n"
                         "os.kill(os.getpid(), signal.SIGABRT)")
    done = kferry.run("convert", "model.h5", "-o", "out.keras")
    assert done.returncode == 65
    assert len(done.stderr) < 4096 and "\x1b" not in done.stderr


def test_missing_worker_is_told(with_worker, model):
    done = with_worker(None).run("convert", "model.h5", "-o", "out.keras")
    if done.returncode == 0:
        pytest.skip("an installed worker was found")
    assert done.returncode == 69
    assert "kferry-worker" in done.stderr


def test_deadline_ends_a_worker_that_hangs(with_worker, model):
    kferry = with_worker("time.sleep(60)")
    began = time.monotonic()
    done = kferry.run("convert", "model.h5", "-o", "out.keras", env={"KFERRY_JOB_TIMEOUT": "1s"})
    assert done.returncode == 65
    assert "conversion-timeout" in done.stderr and "KFERRY_JOB_TIMEOUT" in done.stderr
    assert time.monotonic() - began < 20


def test_worker_gets_nothing_it_does_not_need(with_worker, model):
    kferry = with_worker(
        "import json\n"
        "fds = sorted(int(n) for n in os.listdir('/proc/self/fd'))\n"
        "seen = {'env': dict(os.environ), 'fds': fds, 'input': os.pread(3, 4, 0).hex(),\n"
        "        'args': sys.argv[1:], 'files': os.listdir('.'),\n"
        "        'group': os.getpgrp() == os.getpid()}\n"
        f"open({str(model.parent / 'seen.json')!r}, 'w').write(json.dumps(seen))\n"
        "os._exit(70)"
    )
    kferry.run("convert", "model.h5", "-o", "out.keras", env={"SECRET": "1"})
    seen = json.loads((kferry.folder / "seen.json").read_text())
    seen["env"].pop("LC_CTYPE", None)  # Python's own
    assert seen["env"] == {}
    assert [fd for fd in seen["fds"] if fd <= 3] == [0, 1, 2, 3]
    assert len(seen["fds"]) <= 5  # one is the listing's own
    assert seen["input"] == "89484446"
    assert seen["args"][:2] == ["convert", "prefer"]
    assert sorted(seen["files"]) in (["request.json"], ["log", "request.json"])
    assert seen["group"]


def test_worker_gets_every_file_of_a_model(with_worker, model):
    for i in range(40):
        (model.parent / f"part{i}").write_text(f"part {i}")
    (model.parent / "arch.json").write_text("{}")
    kferry = with_worker(
        "import json\n"
        "told = json.load(open('request.json'))['inputs']\n"
        "seen = [[row['role'], row['name'], os.pread(3 + i, 100, 0).decode()]\n"
        "        for i, row in enumerate(told)]\n"
        "try:\n"
        "    os.fstat(3 + len(told))\n"
        "except OSError:\n"
        f"    open({str(model.parent / 'seen.json')!r}, 'w').write(json.dumps(seen))\n"
        "os._exit(70)"
    )
    folder = model.parent / "sub"
    folder.mkdir()
    (folder / "first").write_text("first")
    kferry.run("convert", folder / "first", *(f"part{i}" for i in range(40)), "--architecture",
               "arch.json", "-o", "out.keras")
    seen = json.loads((kferry.folder / "seen.json").read_text())
    assert seen == [["file", "first", "first"],
                    *(["file", f"part{i}", f"part {i}"] for i in range(40)),
                    ["architecture", "arch.json", "{}"]]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_kills_the_worker_and_cleans_up(with_worker, model, number):
    pid_file = model.parent / "pid"
    kferry = with_worker(f"open({str(pid_file)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)")
    process = subprocess.Popen(kferry.command("convert", "model.h5", "-o", "out.keras"),
                               cwd=kferry.folder, stderr=subprocess.PIPE)
    while not pid_file.exists() or not pid_file.read_text():
        time.sleep(0.02)
    process.send_signal(number)
    assert process.wait(20) == -number
    process.stderr.close()
    assert not kferry.leftovers()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


def test_worker_dies_with_its_parent(program_path):
    """Asked by the worker itself: a parent that is not the one it was told of."""
    done = subprocess.run([program_path.parent / "kferry-worker", "convert", "off", "1"],
                          capture_output=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 70 or os.getpid() == 1


def test_probe_says_what_the_sandbox_is(program_path):
    worker = program_path.parent / "kferry-worker"
    done = subprocess.run([worker, "probe"], capture_output=True, text=True)
    probe = json.loads(done.stdout)
    assert done.returncode == 0
    assert set(probe) == {"mode", "level", "landlock", "seccomp", "missing"}
    assert (probe["missing"] == "") == (
        subprocess.run([worker, "probe", "require"], capture_output=True).returncode == 0)
    off = json.loads(subprocess.run([worker, "probe", "off"], capture_output=True).stdout)
    assert off["level"] == "none"


def test_worker_loads_no_network_library(program_path):
    listed = subprocess.run(["ldd", program_path.parent / "kferry-worker"], capture_output=True,
                            text=True).stdout
    for name in ("libcurl", "libssl", "libgnutls", "libhdf5", "libmicrohttpd"):
        assert name not in listed, listed
    service = subprocess.run(["ldd", program_path], capture_output=True, text=True).stdout
    for name in ("libhdf5", "libzip"):
        assert name not in service, service


@pytest.mark.parametrize("args", [[], ["dance"], ["wait"], ["convert", "maybe"], ["convert", "off", "x"]])
def test_wrong_orders_are_usage(program_path, args):
    done = subprocess.run(
        [program_path.parent / "kferry-worker", *args], capture_output=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 64

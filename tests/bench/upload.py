#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One table: a large model through the service, beside the parts of that work one after the other.

    upload.py --kferry build/kferry --python PYTHON-WITH-H5PY [--mib 2048] [--runs 5] [--folder DIR]

The parts: `cp` of the source, which is read and written as an upload is, `kferry convert` of the
copy, also with `--sha256`, for the service hashes what comes, and reading the result. They follow
each other as in the service, whose input and result also stand on the disk at one time. Nothing is
synced, as the service syncs nothing that is sent and gone; each line begins when all is on the disk
that was written before. The client sends from a file and throws away what it gets. Each line has the
median wall time, its spread, the ratio to the parts in the same runs, and the seconds of processors
of all who took part.
"""
import argparse
import collections
import http.client
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import run  # noqa: E402
import service  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
PIECE = 1 << 20
PLAIN, HASHED = "parts", "parts, with SHA-256"
BOUNDARY = b"kferry-bench"
HEAD = b'--' + BOUNDARY + b'\r\nContent-Disposition: form-data; name="file"; filename="model.h5"\r\n\r\n'
TAIL = b'\r\n--' + BOUNDARY + b'\r\nContent-Disposition: form-data; name="to"\r\n\r\nkeras\r\n--' + BOUNDARY + b'--\r\n'


def read(file):
    """Read to the end; bytes."""
    buffer, n = bytearray(PIECE), 0
    while got := file.readinto(buffer):
        n += got
    return n


def send(address, method, path, source, head=b"", tail=b"", kind="application/octet-stream"):
    """Send a file, and read the answer."""
    connection = http.client.HTTPConnection(address)
    size = source.stat().st_size
    connection.putrequest(method, path)
    connection.putheader("Content-Type", kind)
    connection.putheader("Content-Length", str(len(head) + size + len(tail)))
    connection.endheaders(head or None)
    with source.open("rb") as file:
        at = 0
        while at < size:
            at += os.sendfile(connection.sock.fileno(), file.fileno(), at, min(size - at, 1 << 30))
    connection.sock.sendall(tail)
    answer = connection.getresponse()
    if read(answer) < size * 0.9 or answer.status != 200:
        raise SystemExit(f"status {answer.status}")


def seconds_of(pid):
    """Of processors, by a process and its children that have ended."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) / TICKS


def command(*words):
    subprocess.run([str(word) for word in words], check=True)


def read_file(path):
    with path.open("rb", buffering=0) as file:
        read(file)


def parts(options, folder, *flags):
    """(what, how) of the same work by commands, in order."""
    source, copy, out = folder / "large.h5", folder / "copy.h5", folder / "out.keras"
    return [
        ("write", lambda: command("cp", "--sparse=never", "--reflink=never", source, copy)),
        ("convert", lambda: command(options.kferry, "convert", "-q", *flags, copy, "-o", out)),
        ("read", lambda: read_file(out)),
    ]


def works(options, folder, address):
    """The lines of the table: each a list of (what, how), one after the other."""
    source = folder / "large.h5"
    form = f"multipart/form-data; boundary={BOUNDARY.decode()}"
    return {
        PLAIN: parts(options, folder),
        HASHED: parts(options, folder, "--sha256"),
        "service": [("", lambda: send(address, "PUT", service.PATH, source))],
        "service, by a form": [("", lambda: send(address, "POST", "/v1/convert", source, HEAD, TAIL, form))],
    }


def measure(work, pid):
    """Seconds, and those of processors."""
    before, began, served = os.times(), time.perf_counter(), seconds_of(pid)
    work()
    took, after = time.perf_counter() - began, os.times()
    return took, sum(after[:4]) - sum(before[:4]) + seconds_of(pid) - served


def measure_line(rows, title, steps, folder, pid):
    """A line of the table, and one for each of its parts."""
    os.sync()
    figures = {f"  {what}": measure(how, pid) for what, how in steps}
    rows[title].append(tuple(map(sum, zip(*figures.values()))))
    for what in figures if len(figures) > 1 else ():
        rows[title + what].append(figures[what])
    for name in ("copy.h5", "out.keras"):
        (folder / name).unlink(missing_ok=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kferry", required=True, type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--python", required=True)
    parser.add_argument("--mib", type=int, default=2048)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", default=None)
    options = parser.parse_args()
    rows = collections.defaultdict(list)
    code = "import run, sys; run.make_dense(sys.argv[1], run.LAYERS, int(sys.argv[2]))"
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder, width = pathlib.Path(name), int((options.mib * 2**18 / run.LAYERS) ** 0.5)
        environment = os.environ | {"PYTHONPATH": str(HERE)}
        subprocess.run([options.python, "-c", code, folder / "large.h5", str(width)], check=True, env=environment)
        serve = [options.kferry, "serve", "--listen", "127.0.0.1:0", "--scratch-dir", folder / "scratch"]
        with service.Server(serve, KFERRY_BODY_MAX="16GiB") as server:
            all_ = works(options, folder, server.address)
            for turn in range(options.runs):
                for title in all_ if turn % 2 == 0 else reversed(all_):
                    measure_line(rows, title, all_[title], folder, server.process.pid)
    show(options, rows)


def show(options, rows):
    base = [statistics.median(took for took, _ in rows[title]) for title in (PLAIN, HASHED)]
    print(f"{options.mib} MiB of float32, {options.runs} runs\n")
    print(f"{'':30}{'median s':>10}{'min':>8}{'max':>8}{'x parts':>9}{'x with SHA':>12}{'processors s':>14}")
    for what, row in sorted(rows.items()):
        seconds, work = zip(*row)
        middle = statistics.median(seconds)
        ratios = "".join(f"{middle / b:{n}.2f}" for b, n in zip(base, (9, 12)))
        print(f"{what:30}{middle:10.2f}{min(seconds):8.2f}{max(seconds):8.2f}{ratios}{statistics.median(work):14.2f}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One table: a large model from S3 to S3, beside nothing but curl around `kferry convert`.

    storage.py --kferry build/kferry --server VERSITYGW [--mib 1024] [--runs 5] [--folder DIR]

Over http:// and over https://. Each line has the median wall time, its spread, the ratio to curl's
line in the same runs, the seconds of processors that clients and server took together, and the most
memory that kferry had (the larger of it and its worker). Needs numpy, h5py and boto3.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "remote")]

import run  # noqa: E402
import s3  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


def upload(path, server):
    """In one piece, so that the storage keeps a checksum of the whole, which kferry holds it against."""
    url = server.client.generate_presigned_url("put_object", {"Bucket": "bench", "Key": "m.h5"})
    ca = ["--cacert", server.ca] if server.ca else []
    subprocess.run(["curl", "-fsS", *ca, "-T", path, url], check=True)


def curl_around(options, folder, server):
    """Download, convert, upload, one after the other."""
    source, result = folder / "source.h5", folder / "result.keras"
    ca = ["--cacert", server.ca] if server.ca else []
    get = server.client.generate_presigned_url("get_object", {"Bucket": "bench", "Key": "m.h5"})
    put = server.client.generate_presigned_url("put_object", {"Bucket": "bench", "Key": "curl.keras"})
    return [
        ["curl", "-fsS", *ca, "-o", source, get],
        [options.kferry, "convert", "-q", source, "-o", result],
        ["curl", "-fsS", *ca, "-T", result, put],
    ]


def by_uri(options, _folder, _server):
    return [[options.kferry, "convert", "-q", "s3://bench/m.h5", "-o", "s3://bench/kferry.keras"]]


WAYS = {"curl, convert, curl": curl_around, "s3:// to s3://": by_uri}


def server_seconds(server):
    fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_of(pid):
    """The most MiB that a process and its children have had, each by itself; 0 for one that is gone."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0
    lines = dict(line.split(":", 1) for line in status.splitlines())
    own = int(lines.get("VmHWM", "0 kB").split()[0]) / 1024
    return max([own, *map(memory_of, children)])


def measure(commands, environment, server):
    """Seconds for all, those of processors, and the largest memory of a kferry among them in MiB."""
    most, work, began = 0, -server_seconds(server), time.perf_counter()
    for command in commands:
        process = subprocess.Popen([str(word) for word in command], env=environment)
        done = 0
        while not done:
            time.sleep(0.02)
            if "kferry" in str(command[0]):
                most = max(most, memory_of(process.pid))
            done, status, usage = os.wait4(process.pid, os.WNOHANG)
        if status != 0:
            sys.exit(f"{command[0]} failed")
        work += usage.ru_utime + usage.ru_stime
    return time.perf_counter() - began, work + server_seconds(server), most


def table(options, folder, server):
    (folder / "tmp").mkdir()
    environment = os.environ | {
        "KFERRY_S3_ENDPOINT": server.url, "KFERRY_S3_CA": str(server.ca or ""), "AWS_ACCESS_KEY_ID": s3.ACCESS,
        "AWS_SECRET_ACCESS_KEY": s3.SECRET, "AWS_REGION": s3.REGION, "TMPDIR": str(folder / "tmp"),
    }
    rows = {way: [] for way in WAYS}
    for i in range(options.runs):
        for way in list(WAYS)[:: -1 if i % 2 else 1]:
            commands = WAYS[way](options, folder, server)
            rows[way].append(measure(commands, environment, server))
    base = statistics.median(row[0] for row in rows["curl, convert, curl"])
    print(server.url.partition(":")[0])
    for way, measured in rows.items():
        seconds, work, memory = zip(*measured)
        median = statistics.median(seconds)
        print(f"  {way:<20} {median:7.2f} s  {min(seconds):.2f}-{max(seconds):.2f}  {median / base:5.2f} x"
              f"  {statistics.median(work):6.2f} s of processors  {max(memory):6.0f} MiB")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kferry", required=True, type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--server", required=True)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder")
    options = parser.parse_args()
    for tls in (False, True):
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            folder = pathlib.Path(name)
            server = s3.Versity(options.server, folder, tls)
            try:
                run.make_dense(str(folder / "model.h5"), run.LAYERS, int((options.mib * 2**18 / run.LAYERS) ** 0.5))
                server.client.create_bucket(Bucket="bench")
                upload(folder / "model.h5", server)
                (folder / "model.h5").unlink()
                table(options, folder, server)
            finally:
                server.stop()


if __name__ == "__main__":
    main()

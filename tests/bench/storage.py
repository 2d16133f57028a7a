#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One table: a large model from S3 to S3, beside nothing but curl around `kferry convert`.

    storage.py --kferry build/kferry --server VERSITYGW [--mib 1024] [--runs 3] [--folder DIR]

Each line has the median wall time, its spread, the ratio to curl's line in the same runs, and the
most memory that kferry had (its worker's apart). Needs numpy, h5py and boto3.
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


def curl_around(options, folder, client):
    """Download, convert, upload, one after the other."""
    source, result = folder / "source.h5", folder / "result.keras"
    get = client.generate_presigned_url("get_object", {"Bucket": "bench", "Key": "m.h5"})
    put = client.generate_presigned_url("put_object", {"Bucket": "bench", "Key": "curl.keras"})
    return [
        ["curl", "-fsS", "-o", source, get],
        [options.kferry, "convert", "-q", source, "-o", result],
        ["curl", "-fsS", "-T", result, put],
    ]


def by_uri(options, _folder, _client):
    return [[options.kferry, "convert", "-q", "s3://bench/m.h5", "-o", "s3://bench/kferry.keras"]]


def measure(commands, environment):
    """Seconds for all, and the largest memory of a kferry among them in MiB."""
    most, began = 0, time.perf_counter()
    for command in commands:
        process = subprocess.Popen([str(word) for word in command], env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            sys.exit(f"{command[0]} failed")
        if "kferry" in str(command[0]):
            most = max(most, usage.ru_maxrss / 1024)
    return time.perf_counter() - began, most


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kferry", required=True, type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--server", required=True)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder")
    options = parser.parse_args()
    ways = {"curl, convert, curl": curl_around, "s3:// to s3://": by_uri}
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = pathlib.Path(name)
        server = s3.Versity(options.server, folder)
        try:
            run.make(folder / "model.h5", options.mib)
            server.client.create_bucket(Bucket="bench")
            server.client.upload_file(str(folder / "model.h5"), "bench", "m.h5")
            (folder / "model.h5").unlink()
            table(options, ways, folder, server)
        finally:
            server.stop()


def table(options, ways, folder, server):
    (folder / "tmp").mkdir()
    environment = os.environ | {
        "KFERRY_S3_ENDPOINT": f"http://127.0.0.1:{server.port}", "AWS_ACCESS_KEY_ID": s3.ACCESS,
        "AWS_SECRET_ACCESS_KEY": s3.SECRET, "AWS_REGION": s3.REGION, "TMPDIR": str(folder / "tmp"),
    }
    seconds, memory = {way: [] for way in ways}, dict.fromkeys(ways, 0)
    for _ in range(options.runs):
        for way, commands in ways.items():
            took, most = measure(commands(options, folder, server.client), environment)
            seconds[way].append(took)
            memory[way] = max(memory[way], most)
    base = statistics.median(next(iter(seconds.values())))
    for way, took in seconds.items():
        median = statistics.median(took)
        print(f"{way:<22} {median:7.2f} s  {min(took):.2f}-{max(took):.2f}  {median / base:5.2f} x  {memory[way]:6.0f} MiB")


if __name__ == "__main__":
    main()

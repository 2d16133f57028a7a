#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One table: a small model by the service, beside the command line and a Python service.

    service.py --kferry build/kferry --python PYTHON-WITH-KERAS-3 [--model FILE.h5] [--seconds 5]

What reading and converting takes in a process that does nothing else is told by
`bench_instructions` beside the program, one after the other. The Python service loads and saves with real Keras, once imported, in one process. Latency is of one
client that waits for each answer; conversions per second are of as many clients as `--clients`.
All have the same machine, one after the other, in `--rounds` rounds; the medians of these count.
"""
import argparse
import http.client
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

PATH = "/v1/convert/keras/model.h5"
IN_PROCESS = 1000  # conversions
MODEL = pathlib.Path(__file__).resolve().parents[1] / "fixtures/zoo/dense.h5"
PEER = """
import os, sys, tempfile
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import keras

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with tempfile.TemporaryDirectory() as folder:
            source, result = folder + "/in.h5", folder + "/out.keras"
            with open(source, "wb") as file:
                file.write(body)
            keras.models.load_model(source, compile=False).save(result)
            with open(result, "rb") as file:
                answer = file.read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    def log_message(self, *args):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print('{"event": "listening", "listen": "127.0.0.1:%d"}' % server.server_address[1], file=sys.stderr, flush=True)
server.serve_forever()
"""


class Server:
    """A program that says on standard error where it listens."""

    def __init__(self, command, **settings):
        env = {k: v for k, v in os.environ.items() if not k.startswith("KFERRY_")} | settings
        self.process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE)
        for line in self.process.stderr:
            if b'"listening"' in line:
                self.address = json.loads(line)["listen"]
                break
        else:
            raise SystemExit(f"{command[0]} did not start")
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def memory(self):
        """MiB that the process holds."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0


def ask(connection, body):
    """Convert once; seconds."""
    began = time.perf_counter()
    connection.request("PUT", PATH, body)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise SystemExit(f"status {answer.status}")
    return time.perf_counter() - began


def latency(address, body, seconds):
    connection = http.client.HTTPConnection(address)
    for _ in range(3):
        ask(connection, body)
    end, taken = time.time() + seconds, []
    while time.time() < end:
        taken.append(ask(connection, body))
    return taken


def rate(address, body, seconds, clients):
    """Conversions per second of that many clients at once."""
    counts, end = [0] * clients, time.time() + seconds

    def client(number):
        connection = http.client.HTTPConnection(address)
        while time.time() < end:
            ask(connection, body)
            counts[number] += 1

    threads = [threading.Thread(target=client, args=(i,)) for i in range(clients)]
    began = time.time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.time() - began)


def measure_server(make, body, options):
    with make() as server:
        taken = latency(server.address, body, options.seconds)
        return taken, rate(server.address, body, options.seconds, options.clients), server.memory()


def measure_command(kferry, model, folder, seconds):
    end, taken = time.time() + seconds, []
    while time.time() < end:
        began = time.perf_counter()
        subprocess.run([kferry, "convert", model, "-o", f"{folder}/out.keras", "--quiet"], check=True)
        taken.append(time.perf_counter() - began)
    return taken, len(taken) / sum(taken), 0


def measure_in_process(options, folder):
    program = pathlib.Path(options.kferry).with_name("bench_instructions")
    command = [program, "time", options.model, "keras", f"{folder}/out.keras", str(IN_PROCESS)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    taken = [float(line) / 1000 for line in said.split()]
    return taken, len(taken) / sum(taken), 0


def contenders(options, folder):
    def service(workers):
        return lambda: Server([options.kferry, "serve", "--listen", "127.0.0.1:0", "--scratch-dir", f"{folder}/scratch",
                               "--workers", str(workers)])  # fmt: skip

    body = pathlib.Path(options.model).read_bytes()
    peer = lambda: Server([options.python, "-c", PEER])  # noqa: E731
    out = {f"kferry, {n} worker{'s' * (n > 1)}": lambda n=n: measure_server(service(n), body, options) for n in options.workers}
    out["in process"] = lambda: measure_in_process(options, folder)
    out["kferry convert (a process each)"] = lambda: measure_command(options.kferry, options.model, folder, options.seconds)
    out["Python service, real Keras"] = lambda: measure_server(peer, body, options)
    return out


def quantile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kferry", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--model", default=str(MODEL))
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    options = parser.parse_args()
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(options.rounds):
            all_ = list(contenders(options, folder).items())
            for name, run in all_ if turn % 2 == 0 else reversed(all_):
                taken, per_second, memory = run()
                row = rows.setdefault(name, {"p50": [], "p99": [], "rate": [], "memory": []})
                for key, value in zip(row, (quantile(taken, 0.5), quantile(taken, 0.99), per_second, memory)):
                    row[key].append(value)
    size = os.path.getsize(options.model)
    print(f"{options.model}: {size} bytes to .keras; {os.cpu_count()} processors, {options.clients} clients, {options.rounds} rounds\n")
    print(f"{'':34}{'p50 ms':>9}{'p99 ms':>9}{'per s':>9}{'x latency':>11}{'x rate':>9}{'MiB':>7}")
    middle = {name: {key: statistics.median(values) for key, values in row.items()} for name, row in rows.items()}
    peer = middle["Python service, real Keras"]
    for name in sorted(middle, key=list(contenders(options, "")).index):
        row = middle[name]
        print(f"{name:34}{row['p50'] * 1000:9.1f}{row['p99'] * 1000:9.1f}{row['rate']:9.1f}"
              f"{peer['p50'] / row['p50']:11.2f}{row['rate'] / peer['rate']:9.2f}{row['memory']:7.0f}")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())

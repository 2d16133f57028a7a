#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The load proof: many clients, few workers, broken files, and workers that are killed.

A thousand conversions by 200 clients at once against two workers and a queue of eight; a tenth of
the files is broken, a tenth of the workers is killed with SIGKILL from outside. Clients come back
when Retry-After says so. At the end every good file has become the byte-identical artefact, every
broken one has ended in 422, and no descriptor, process or file is left.

    KFERRY=build/kferry python3 tests/load/load.py
"""

import argparse
import hashlib
import json
import os
import queue
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "http"))

from kferry_service import FIXTURES, KILLED, Service, multipart, wait_until  # noqa: E402

TO = "/v1/convert/keras/"
BUSY = (429, 503, 507)
GIVE_UP_S = 600


class Killer(threading.Thread):
    """Kills one of every `one_in` workers as soon as it sees them."""

    def __init__(self, service, one_in, seed):
        super().__init__(daemon=True)
        self.service, self.one_in = service, one_in
        self.random = random.Random(seed)
        self.seen, self.killed = set(), set()
        self.done = threading.Event()

    def run(self):
        path = f"/proc/{self.service.process.pid}/task"
        while not self.done.wait(0.002):
            for pid in self._children(path):
                if pid not in self.seen:
                    self.seen.add(pid)
                    if self.random.randrange(self.one_in) == 0:
                        self._kill(pid)

    def _children(self, path):
        for task in os.listdir(path):
            try:
                yield from map(int, Path(f"{path}/{task}/children").read_text().split())
            except OSError:
                continue

    def _kill(self, pid):
        try:
            os.kill(pid, signal.SIGKILL)
            self.killed.add(pid)
        except ProcessLookupError:
            pass


class Client(threading.Thread):
    """Takes one file after the other and sends it until it has come to its end."""

    def __init__(self, service, jobs, number):
        super().__init__(daemon=True)
        self.service, self.jobs = service, jobs
        self.random = random.Random(number)
        self.counts, self.wrong, self.latencies, self.tries = {}, [], [], []

    def run(self):
        while True:
            try:
                name, body, expected = self.jobs.get_nowait()
            except queue.Empty:
                return
            began = time.time()
            self.tries.append(self._convert(name, body, expected))
            self.latencies.append(time.time() - began)

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def _send(self, name, body):
        if self.random.randrange(4) == 0:
            form, kind = multipart(("file", name, body), ("to", "keras"))
            return self.service.request("POST", "/v1/convert", form, {"Content-Type": kind}, 120)
        return self.service.request("PUT", TO + name, body, timeout=120)

    def _convert(self, name, body, expected):
        end = time.time() + GIVE_UP_S
        for tries in range(1, 100000):
            if time.time() > end:
                self.wrong.append((name, "gave up"))
                return tries
            try:
                answer = self._send(name, body)
            except OSError as error:
                self.count(f"lost: {type(error).__name__}")
                time.sleep(0.1)
                continue
            self.count(str(answer.status))
            if answer.status in BUSY:
                time.sleep(int(answer.headers["retry-after"]))
            elif answer.status == 422 and answer.json()["code"] in KILLED:
                self.count("crashed")
            else:
                self._judge(name, answer, expected)
                return tries
        return tries

    def _judge(self, name, answer, expected):
        got = hashlib.sha256(answer.body).hexdigest() if answer.status == 200 else answer.status
        if got != expected:
            self.wrong.append((name, got, repr(answer)))


def sample(service, limit):
    """Files that convert, and what they become: the names, bodies and hashes of the calm run."""
    good = []
    for path in sorted((FIXTURES / "zoo").glob("*.h5")):
        body = path.read_bytes()
        answer = service.put(TO + path.name, body)
        if answer.status == 200:
            good.append((path.name, body, hashlib.sha256(answer.body).hexdigest()))
        if len(good) == limit:
            break
    return good


def spoil(name, body, number):
    """A broken file: cut, overwritten or no model at all. All begin so that no reader takes them."""
    kinds = (b"BAD" + body[: len(body) // 3], b"BAD" + bytes(2000), b"BAD{}")
    return (f"broken-{number}.h5", kinds[number % 3], 422)


def make_jobs(good, n, seed):
    chooser = random.Random(seed)
    jobs = []
    for i in range(n):
        name, body, expected = chooser.choice(good)
        jobs.append(spoil(name, body, i) if i % 10 == 0 else (name, body, expected))
    chooser.shuffle(jobs)
    out = queue.Queue()
    for job in jobs:
        out.put(job)
    return out


def resident(service):
    for line in Path(f"/proc/{service.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


def check(problems, what, ok):
    if not ok:
        problems.append(what)


def run(service, options):
    """Run the load; the figures, and what was not as it should be."""
    good = sample(service, 40)
    if not good:
        return {}, ["no sample file converts"]
    service.wait_idle()
    before, rss = service.descriptors(), resident(service)
    service.set_mode(f"sleep {options.hold}")
    jobs = make_jobs(good, options.conversions, options.seed)
    killer = Killer(service, 10, options.seed)
    clients = [Client(service, jobs, i) for i in range(options.clients)]
    began = time.time()
    for thread in [killer, *clients]:
        thread.start()
    for client in clients:
        client.join()
    took = time.time() - began
    killer.done.set()
    killer.join()
    service.set_mode("")
    return finish(service, options, clients, killer, (before, rss, took))


def finish(service, options, clients, killer, measured):
    before, rss, took = measured
    problems, counts = [], {}
    for client in clients:
        for what, n in client.counts.items():
            counts[what] = counts.get(what, 0) + n
    wrong = [w for client in clients for w in client.wrong]
    tries = [t for client in clients for t in client.tries]
    check(problems, f"wrong ends: {wrong[:3]}", not wrong)
    check(problems, f"{len(tries)} conversions ended", len(tries) == options.conversions)
    check(problems, "not idle at the end", service.wait_idle(10))
    check(problems, f"workers left: {service.children()}", service.children() == [])
    check(problems, "job folders left", wait_until(lambda: service.job_folders() == [], 5))
    check(problems, "descriptors left", wait_until(lambda: service.descriptors() <= before, 5))
    check(problems, "scratch still used", service.capacity()["scratch"]["used_bytes"] == 0)
    crashes = [e for e in service.events("request") if e.get("outcome") in KILLED]
    innocent = [e for e in crashes if e["worker_pid"] not in killer.killed]
    check(problems, f"workers crashed by themselves: {innocent[:2]}", not innocent)
    check(problems, "no 5xx", not [c for c in counts if c.startswith("5")])
    latencies = [s for client in clients for s in client.latencies]
    figures = {
        "conversions": len(tries),
        "clients": len(clients),
        "seconds": round(took, 1),
        "workers_killed": len(killer.killed),
        "workers_seen": len(killer.seen),
        "answers": dict(sorted(counts.items())),
        "tries_mean": round(statistics.mean(tries), 2),
        "tries_max": max(tries),
        "latency_median_s": round(statistics.median(latencies), 2),
        "latency_max_s": round(max(latencies), 2),
        "descriptors": [before, service.descriptors()],
        "rss_kib": [rss, resident(service)],
    }
    return figures, problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conversions", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--queue", type=int, default=8)
    parser.add_argument("--hold", type=float, default=0.02, help="seconds that a worker waits")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        service = Service(folder, KFERRY_WORKERS=options.workers, KFERRY_QUEUE_MAX=options.queue)
        try:
            figures, problems = run(service, options)
            status = service.stop()
        finally:
            service.kill()
        check(problems, f"exit status {status}", status == 0)
        check(problems, f"{service.sanitizer_said()[:2]}", not service.sanitizer_said())
        check(problems, "folders left", not list(service.scratch.glob("run-*")))
    print(json.dumps(figures, indent=2))
    for problem in problems:
        print("WRONG:", problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

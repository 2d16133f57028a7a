#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The load proof: many clients, few workers, broken files, and workers that are killed.

A thousand conversions by 200 clients at once against two workers and a queue of eight; a tenth of
the files is broken, a tenth of the workers is killed with SIGKILL from outside. Clients come back
when Retry-After says so. At the end every good file has become the byte-identical artefact, every
broken one has ended in 422, and no descriptor, process or file is left.

    KFERRY=build/kferry python3 tests/load/run.py
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

from kferry_service import FIXTURES, KILLED, Service, is_waiting, multipart, wait_until  # noqa: E402

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
                if pid not in self.seen and not is_waiting(pid):
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
    """A broken file: cut, overwritten or no model at all; none begins as a model does."""
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


class Checks:
    """What has to hold at the end: each is counted, and told when it does not."""

    def __init__(self):
        self.passed, self.failed = 0, []

    def that(self, what, ok, found=""):
        if ok:
            self.passed += 1
        else:
            self.failed.append(f"{what}: {found}" if found else what)


def run(service, options, checks):
    """Run the load and look at its end; the figures."""
    good = sample(service, 40)
    checks.that("sample files convert", good)
    if not good:
        return {}
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
    check_ends(service, options, clients, killer, checks)
    check_leaks(service, before, checks)
    return figures(clients, killer, took) | {
        "descriptors": [before, service.descriptors()],
        "rss_kib": [rss, resident(service)],
    }


def total(clients):
    counts = {}
    for client in clients:
        for what, n in client.counts.items():
            counts[what] = counts.get(what, 0) + n
    return dict(sorted(counts.items()))


def check_ends(service, options, clients, killer, checks):
    """Every file came to the end that it should; whoever crashed was killed by us."""
    wrong = [w for client in clients for w in client.wrong]
    ended = sum(len(client.tries) for client in clients)
    checks.that("every file ends as it should", not wrong, wrong[:3])
    checks.that("every conversion ends", ended == options.conversions, ended)
    counts = total(clients)
    checks.that("no answer is 5xx", not [c for c in counts if c.startswith("5")], counts)
    checks.that("workers were killed", killer.killed)
    crashes = [e for e in service.events("request") if e.get("outcome") in KILLED]
    alone = [e for e in crashes if e["worker_pid"] not in killer.killed]
    checks.that("no worker crashed by itself", not alone, alone[:2])


def check_leaks(service, before, checks):
    """Nothing is left: no job, process, folder, descriptor, or room that is set aside."""
    checks.that("idle at the end", service.wait_idle(10))
    checks.that("no process is left", wait_until(lambda: service.children() == [], 5))
    checks.that("no job folder is left", wait_until(lambda: service.job_folders() == [], 5))
    checks.that("no descriptor is left", wait_until(lambda: service.descriptors() <= before, 5))
    checks.that("no room is set aside", service.capacity()["scratch"]["used_bytes"] == 0)


def figures(clients, killer, took):
    tries = [t for client in clients for t in client.tries]
    latencies = [s for client in clients for s in client.latencies]
    return {
        "conversions": len(tries),
        "clients": len(clients),
        "seconds": round(took, 1),
        "workers_killed": len(killer.killed),
        "workers_seen": len(killer.seen),
        "answers": total(clients),
        "tries_mean": round(statistics.mean(tries), 2),
        "tries_max": max(tries),
        "latency_median_s": round(statistics.median(latencies), 2),
        "latency_max_s": round(max(latencies), 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conversions", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--queue", type=int, default=8)
    parser.add_argument("--hold", type=float, default=0.02, help="seconds that a worker waits")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        service = Service(folder, KFERRY_WORKERS=options.workers, KFERRY_QUEUE_MAX=options.queue)
        try:
            found = run(service, options, checks)
            checks.that("exit status 0", service.stop() == 0)
        finally:
            service.kill()
        checks.that("no sanitizer spoke", not service.sanitizer_said(), service.sanitizer_said())
        checks.that("no folder is left", not list(service.scratch.glob("run-*")))
    print(json.dumps(found, indent=2))
    for what in checks.failed:
        print("WRONG:", what)
    print(f"{checks.passed} passed, {len(checks.failed)} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())

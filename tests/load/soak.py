#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The soak: everything that clients do, for a while, on a service that is killed in between.

Clients send good, broken, hostile, slow, aborted and cancelled work, at once and as jobs. Workers
are killed with SIGKILL, so is the service, and it is stopped and started again. At the end every
job that was accepted has come to one end, good files to the artefact they always become; and no
process, descriptor, file or memory is left over.

    KFERRY=build/kferry python3 tests/load/soak.py --seconds 600
"""

import argparse
import hashlib
import json
import random
import socket
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "http"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from kferry_service import FIXTURES, Service, wait_until  # noqa: E402
from run import Checks, Killer, resident, sample, spoil  # noqa: E402

TO = "/v1/convert/keras/"
RSS_SPREAD_KIB = 24 * 1024  # what the allocator keeps and gives back again
ENDED = ("succeeded", "failed", "cancelled")


class World:
    """The service of the moment, and what must be true in the end."""

    def __init__(self, folder, settings):
        self.folder, self.settings = folder, settings
        self.service = Service(folder, **settings)
        self.lock = threading.Lock()
        self.kills, self.stops = 0, 0
        self.lines = []

    def replace(self, kill):
        """End the service, hard or with a signal, and start the next."""
        old = self.service
        with self.lock:
            if kill:
                old.kill()
                self.kills += 1
            else:
                assert old.stop() == 0
                self.stops += 1
            self.lines += old.lines
            self.service = Service(self.folder, restart=True, **self.settings)


class Client(threading.Thread):
    """Does one thing after another until the time is over."""

    def __init__(self, world, good, bad, number, end):
        super().__init__(daemon=True)
        self.world, self.good, self.bad, self.end = world, good, bad, end
        self.chance = random.Random(number)
        self.number, self.serial = number, 0
        self.counts, self.wrong, self.latencies = {}, [], []
        self.jobs = {}  # id -> the hash that is to come of it, None for a broken file
        self.open = {}  # keys of which nobody heard whether they were accepted
        self.cancelled = set()

    def run(self):
        acts = [self.convert] * 4 + [self.submit] * 4 + [self.broken, self.broken_job, self.abort]
        acts += [self.slow, self.cancel, self.look, self.listen, self.hostile]
        while time.time() < self.end:
            act = self.chance.choice(acts)
            try:
                act()
            except (OSError, ValueError, AssertionError) as error:
                self.count(f"lost: {type(error).__name__}")
                time.sleep(0.05)

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def send(self, method, path, body=None, headers=None):
        answer = self.world.service.request(method, path, body, headers or {}, timeout=30)
        self.count(str(answer.status))
        if answer.status in (429, 503, 507):
            time.sleep(min(1.0, int(answer.headers.get("retry-after", 1))) * self.chance.random())
        return answer

    def judge(self, what, ok, found):
        if not ok:
            self.wrong.append((what, repr(found)[:400]))

    def convert(self):
        name, body, expected = self.chance.choice(self.good)
        began = time.time()
        answer = self.send("PUT", TO + name, body)
        if answer.status == 200:
            self.latencies.append(time.time() - began)
            got = hashlib.sha256(answer.body).hexdigest()
            self.judge("converted", got == expected, name)
        elif answer.status == 422:
            self.judge("killed", answer.json()["code"] == "worker-crashed", answer)

    def post(self, name, body, expected):
        self.serial += 1
        key = f"{self.number}-{self.serial}"
        self.open[key] = (name, body, expected)
        self.resend(key)

    def resend(self, key):
        name, body, expected = self.open[key]
        path = f"/v1/jobs?to=keras&filename={name}"
        answer = self.send("POST", path, body, {"Idempotency-Key": key})
        if answer.status == 202:
            self.jobs[answer.json()["id"]] = expected
            del self.open[key]
        elif answer.status != 503:  # that may have been recorded nevertheless
            del self.open[key]

    def submit(self):
        self.post(*self.chance.choice(self.good))

    def broken(self):
        name, body, _ = spoil(*self.chance.choice(self.good)[:2], self.chance.randrange(9))
        answer = self.send("PUT", TO + name, body)
        self.judge("broken", answer.status in (422, 429, 503, 507), answer)

    def broken_job(self):
        name, body, _ = spoil(*self.chance.choice(self.good)[:2], self.chance.randrange(9))
        self.post(name, body, None)

    def hostile(self):
        name, body = self.chance.choice(self.bad)
        answer = self.send("PUT", f"/v1/inspect/{name}", body)
        self.judge("hostile", answer.status in (200, 422, 429, 503, 507), answer)

    def abort(self):
        """Leave in the middle of the body, or while the worker runs."""
        name, body, _ = self.chance.choice(self.good)
        head = f"PUT {TO}{name} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n\r\n"
        with self.world.service.connect(10) as sock:
            sock.sendall(head.encode() + body[: self.chance.choice([0, 10, len(body)])])
            time.sleep(self.chance.random() * 0.05)
        self.count("aborted")

    def slow(self):
        """A body that comes in small pieces."""
        name, body, expected = self.chance.choice(self.good)
        head = f"PUT {TO}{name} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n\r\n"
        with self.world.service.connect(30) as sock:
            sock.sendall(head.encode())
            for at in range(0, len(body), max(1, len(body) // 20)):
                sock.sendall(body[at : at + max(1, len(body) // 20)])
                time.sleep(0.02)
            sock.recv(65536)
        self.count("slow")

    def cancel(self):
        name, body, expected = self.chance.choice(self.good)
        before = set(self.jobs)
        self.post(name, body, expected)
        for id_ in set(self.jobs) - before:
            self.cancelled.add(id_)
            self.send("POST", f"/v1/jobs/{id_}:cancel")

    def look(self):
        if self.jobs:
            id_ = self.chance.choice(list(self.jobs))
            answer = self.send("GET", f"/v1/jobs/{id_}?wait={self.chance.randrange(2)}")
            self.judge("known", answer.status in (200, 503), answer)
        self.send("GET", self.chance.choice(["/v1/jobs", "/v1/capacity", "/metrics", "/readyz"]))

    def listen(self):
        """Read a little of a job's events, and leave."""
        if not self.jobs:
            return
        id_ = self.chance.choice(list(self.jobs))
        with self.world.service.connect(10) as sock:
            sock.sendall(f"GET /v1/jobs/{id_}/events HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            sock.settimeout(self.chance.random())
            try:
                sock.recv(65536)
            except socket.timeout:
                pass
        self.count("listened")


def hostile_files():
    """Small files that try to break in or to be large."""
    folder = FIXTURES / "hostile"
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.stat().st_size < 1 << 20]
    return [("hostile.h5", p.read_bytes()) for p in files[:40]] or [("hostile.h5", b"\x89HDF")]


def settle(client, service):
    """Send again what nobody heard of; until the service has room."""
    end = time.time() + 60
    client.world.service = service
    while client.open and time.time() < end:
        for key in list(client.open):
            client.resend(key)


def check_job(service, client, id_, expected, checks):
    job = service.get(f"/v1/jobs/{id_}?wait=30")
    end = time.time() + 60
    while job.status == 200 and not job.json()["done"] and time.time() < end:
        job = service.get(f"/v1/jobs/{id_}?wait=30")
    if job.status != 200 or job.json()["state"] not in ENDED:
        return checks.that("every job ends", False, repr(job)[:300])
    found = job.json()
    if found["state"] == "cancelled":
        return checks.that("who asked was cancelled", id_ in client.cancelled, found)
    if found["state"] == "failed" and expected:
        code = found["error"]["code"]
        return checks.that("a good file fails by kills only", code == "worker-crashed", found)
    if not expected:
        return checks.that("a broken file fails", found["state"] == "failed", found)
    answer = service.get(f"/v1/jobs/{id_}/artifact")
    whole = hashlib.sha256(answer.body).hexdigest() == expected
    return checks.that("artefacts are whole", answer.status == 200 and whole, repr(answer)[:300])


def check_ends_once(world, checks):
    ends = {}
    for line in world.lines + world.service.lines:
        if line.get("event") == "job" and line["state"] in ENDED:
            ends.setdefault(line["id"], []).append(line["state"])
    twice = {id_: states for id_, states in ends.items() if len(states) > 1}
    checks.that("no job ends twice", not twice, str(list(twice.items())[:3]))


def check_leaks(service, before, rss, checks):
    checks.that("idle at the end", service.wait_idle(20))
    checks.that("no process is left", wait_until(lambda: service.children() == [], 5))
    checks.that("no job folder is left", wait_until(lambda: service.job_folders() == [], 5))
    left = wait_until(lambda: service.descriptors() <= before, 15)
    checks.that("no descriptor is left", left, f"{before} {service.descriptors()}")
    checks.that("no room is set aside", service.capacity()["scratch"]["used_bytes"] == 0)
    grown = resident(service) - rss
    checks.that("memory does not grow", grown < RSS_SPREAD_KIB, f"{grown} KiB")


def check_folders(service, clients, checks):
    known = {id_ for client in clients for id_ in client.jobs}
    folders = {p.name: p for p in (service.scratch / "data" / "jobs").iterdir()}
    checks.that("no folder of no job", not set(folders) - known, str(set(folders) - known)[:200])
    strange = [
        str(file)
        for folder in folders.values()
        for file in folder.rglob("*")
        if file.is_file() and file.name not in ("artifact", "report.json")
    ]
    checks.that("no file but results", not strange, str(strange[:5]))


def disturb(world, options, end, killers):
    """Kill and stop the service at random points until the time is over."""
    chance = random.Random(options.seed)
    while time.time() < end - 2:
        time.sleep(min(chance.uniform(1, 2 * options.every), max(0, end - 2 - time.time())))
        killer = killers[-1]
        killer.done.set()
        killer.join()
        world.replace(chance.random() < 0.7)
        killers.append(Killer(world.service, 25, chance.randrange(1 << 30)))
        killers[-1].start()


def run(options, folder, checks):
    """Start, disturb, look at the end, and leave nothing running."""
    settings = {
        "KFERRY_WORKERS": options.workers,
        "KFERRY_QUEUE_MAX": 16,
        "KFERRY_JOBS_MAX": 200,
        "KFERRY_DRAIN_TIMEOUT": 1,
    }
    world = World(folder, settings)
    try:
        found = play(options, world, checks)
        checks.that("exit status 0", world.service.stop() == 0)
        checks.that("no folder is left", not list(world.service.scratch.glob("run-*")))
        said = world.service.sanitizer_said()
        checks.that("no sanitizer spoke", not said, str(said[:2]))
        return found
    finally:
        world.service.kill()


def play(options, world, checks):
    good, end = sample(world.service, 30), time.time() + options.seconds
    checks.that("sample files convert", good)
    clients = [Client(world, good, hostile_files(), i, end) for i in range(options.clients)]
    killers = [Killer(world.service, 25, options.seed)]
    for thread in [*killers, *clients]:
        thread.start()
    disturb(world, options, end, killers)
    for client in clients:
        client.join()
    killers[-1].done.set()
    killers[-1].join()
    world.replace(False)  # a fresh one does the rest, and is measured
    service = world.service
    wait_until(lambda: service.capacity()["jobs"]["queued"] == 0, 60)
    before, rss = service.descriptors(), resident(service)
    for client in clients:
        settle(client, service)
        for id_, expected in client.jobs.items():
            check_job(service, client, id_, expected, checks)
        checks.that("all answers were right", not client.wrong, str(client.wrong[:2]))
    check_ends_once(world, checks)
    check_leaks(service, before, rss, checks)
    check_folders(service, clients, checks)
    return figures(world, clients, killers)


def figures(world, clients, killers):
    counts = {}
    for client in clients:
        for what, n in client.counts.items():
            counts[what] = counts.get(what, 0) + n
    latencies = sorted(s for client in clients for s in client.latencies) or [0]
    return {
        "requests": sum(counts.values()),
        "jobs_accepted": sum(len(client.jobs) for client in clients),
        "services_killed": world.kills,
        "services_stopped": world.stops,
        "workers_killed": sum(len(killer.killed) for killer in killers),
        "answers": dict(sorted(counts.items())),
        "latency_p50_s": round(statistics.median(latencies), 3),
        "latency_p99_s": round(latencies[int(len(latencies) * 0.99)], 3),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--every", type=float, default=4, help="mean seconds between restarts")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        found = run(options, folder, checks)
    print(json.dumps(found, indent=2))
    for what in checks.failed[:20]:
        print("WRONG:", what)
    print(f"{checks.passed} passed, {len(checks.failed)} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())

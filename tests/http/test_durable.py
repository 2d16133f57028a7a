# SPDX-License-Identifier: Apache-2.0
"""Jobs outlive the service: kill -9 of it and of workers, restarts, replicas, time and room."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from kferry_service import read_answer, wait_until
from test_jobs import JOBS, finished, job, settings, submit  # noqa: F401

ENDED = ("succeeded", "failed", "cancelled")


def artifact_hash(service, id_):
    answer = service.get(f"/v1/jobs/{id_}/artifact")
    assert answer.status == 200, answer
    return hashlib.sha256(answer.body).hexdigest()


class Sender(threading.Thread):
    """Sends jobs until it is told to stop; remembers what was accepted, and what nobody knows."""

    def __init__(self, service, body, prefix, pause=0.01):
        super().__init__(daemon=True)
        self.service, self.body, self.prefix, self.pause = service, body, prefix, pause
        self.accepted, self.unknown = {}, []
        self.stopped = threading.Event()

    def run(self):
        n = 0
        while not self.stopped.is_set():
            key = f"{self.prefix}-{n}"
            n += 1
            try:
                answer = self.service.request(
                    "POST", JOBS, self.body, {"Idempotency-Key": key}, timeout=10
                )
            except Exception:
                self.unknown.append(key)
                return
            if answer.status == 202:
                self.accepted[key] = answer.json()["id"]
            time.sleep(self.pause)


def test_kill_9_of_the_service_loses_nothing(start, model):
    first = start()
    expected = hashlib.sha256(first.put("/v1/convert/keras/dense.h5", model).body).hexdigest()
    chance = random.Random(1)
    accepted, unknown, service = {}, [], first
    for number in range(12):
        service.set_mode(chance.choice(["", "sleep 0.1", "sleep 0.4"]))
        sender = Sender(service, model, f"round-{number}")
        sender.start()
        time.sleep(chance.uniform(0.05, 0.8))
        # A busy machine takes its time: enough must be under way for a kill to have something to lose.
        wait_until(lambda: len(sender.accepted) > 1 or not sender.is_alive(), 20)
        service.kill()
        sender.stopped.set()
        sender.join()
        accepted |= sender.accepted
        unknown += sender.unknown
        service = start(KFERRY_SCRATCH_DIR=first.scratch, KFERRY_LEASE="2s")
    service.set_mode("")
    assert len(accepted) > 20
    for key in unknown:  # who heard nothing asks again, with the same key
        accepted[key] = submit(service, model, **{"Idempotency-Key": key})
    assert len(set(accepted.values())) == len(accepted)
    good = []
    for id_ in accepted.values():
        found = finished(service, id_)
        if found["attempt"] == 5 and found["state"] == "failed":
            assert found["error"]["code"] == "job-lost"  # it ran at five kills
            continue
        assert found["state"] == "succeeded", found
        assert artifact_hash(service, id_) == expected == found["result"]["sha256"]
        good.append(id_)
    assert len(good) >= len(accepted) - 4  # twelve kills, two workers
    check_folders(service, first, good)


def check_folders(service, first, ids):
    """Each job has one result and nothing else."""
    folders = {p.name: p for p in (first.scratch / "data" / "jobs").iterdir()}
    assert wait_until(lambda: not any((folders[id_] / "src").exists() for id_ in ids), 5)
    for id_ in ids:
        attempts = list(folders[id_].iterdir())
        assert len(attempts) == 1
        assert sorted(p.name for p in attempts[0].iterdir()) == ["artifact", "report.json"]
    assert wait_until(lambda: service.children() == [])


def test_what_was_not_accepted_is_swept(start, model):
    first = start()
    with first.connect() as sock:
        head = f"POST {JOBS} HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"
        sock.sendall(head.encode() + model[:50])
        assert wait_until(lambda: len(first.stored_folders()) == 1)
        first.kill()
    second = start(KFERRY_SCRATCH_DIR=first.scratch)
    if "KFERRY_STORE" in second.settings:
        return  # others may still be writing there: that takes a quarter of an hour
    assert first.stored_folders() == []
    with second.connect() as sock:
        sock.sendall(head.encode() + model[:50])
        assert wait_until(lambda: len(first.stored_folders()) == 1)
    assert wait_until(lambda: first.stored_folders() == [])


@pytest.mark.parametrize("settings", [{}])
def test_an_upload_may_be_silent_as_long_as_it_may(start, model, tmp_path):
    common = {"KFERRY_DATA": tmp_path / "shared", "KFERRY_UPLOAD_IDLE": 3600, "KFERRY_UPLOAD_RATE_MIN": 0}
    folder, twenty_minutes_ago = tmp_path / "shared" / "jobs", time.time() - 1200
    first = start(**common)
    with first.connect() as sock:
        head = f"POST {JOBS} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(model)}\r\n\r\n"
        sock.sendall(head.encode() + model[:50])
        assert wait_until(lambda: [p for p in folder.glob("*/src/in") if p.stat().st_size == 50])
        for path in folder.rglob("*"):
            os.utime(path, (twenty_minutes_ago, twenty_minutes_ago))
        second = start(**common)  # it looks for what is left as soon as it is there
        assert not wait_until(lambda: not list(folder.glob("*/src/in")), 2)
        assert second.process.poll() is None
        sock.sendall(model[50:])
        assert read_answer(sock).status == 202


def test_workers_that_are_killed_are_tried_again(start, model):
    service = start(KFERRY_WORKERS=1)
    service.set_mode("sleep 1")
    id_ = submit(service, model)
    for attempt in (1, 2):
        assert wait_until(lambda: service.children() and job(service, id_)["attempt"] == attempt)
        for pid in service.children():
            os.kill(pid, signal.SIGKILL)
    assert finished(service, id_)["state"] == "succeeded"
    assert job(service, id_)["attempt"] == 3


def test_a_job_whose_workers_always_die_fails(start, model):
    service = start()
    service.set_mode("kill 9")
    found = finished(service, submit(service, model))
    assert (found["state"], found["error"]["code"]) == ("failed", "worker-crashed")
    assert found["attempt"] == 5
    service.set_mode("kill 11")  # that is the file's doing, and happens once
    found = finished(service, submit(service, model))
    assert (found["state"], found["error"]["code"], found["attempt"]) == (
        "failed",
        "worker-crashed",
        1,
    )


def test_a_job_whose_files_are_gone_fails(start, model):
    service = start(KFERRY_WORKERS=1)
    service.set_mode("sleep 60")
    running, waiting = submit(service, model), submit(service, model)
    assert wait_until(lambda: service.children())
    folder = Path(service.settings.get("KFERRY_DATA", service.scratch / "data")) / "jobs" / waiting
    shutil.rmtree(folder / "src")
    service.set_mode("wake")
    found = finished(service, waiting)
    assert (found["state"], found["error"]["code"]) == ("failed", "internal-error")
    assert finished(service, running)["state"] == "succeeded"


def test_stop_puts_running_jobs_back(start, model):
    first = start(KFERRY_DRAIN_TIMEOUT=0, KFERRY_WORKERS=1)
    first.set_mode("sleep 60")
    ids = [submit(first, model) for _ in range(3)]
    assert wait_until(lambda: len(first.children()) == 1)
    assert first.stop() == 0
    second = start(KFERRY_SCRATCH_DIR=first.scratch)
    for id_ in ids:
        assert finished(second, id_)["state"] == "succeeded"
    assert job(second, ids[0])["attempt"] == 2


def test_stop_lets_running_jobs_finish(start, model):
    first = start(KFERRY_WORKERS=1)
    first.set_mode("sleep 1")
    ids = [submit(first, model) for _ in range(2)]
    assert wait_until(lambda: len(first.children()) == 1)
    assert first.stop() == 0
    first.set_mode("")
    second = start(KFERRY_SCRATCH_DIR=first.scratch)
    assert [finished(second, id_)["attempt"] for id_ in ids] == [1, 1]


def test_jobs_go_when_their_time_is_over(start, model):
    service = start(KFERRY_JOB_TTL=1)
    id_ = submit(service, model)
    finished(service, id_)
    assert wait_until(lambda: service.get(f"/v1/jobs/{id_}").status == 404, 5)
    assert wait_until(lambda: service.stored_folders() == [], 3)


def test_oldest_results_make_room(start, model):
    mib = 1 << 20
    service = start(KFERRY_DATA_MAX=mib, KFERRY_BODY_MAX=mib)
    padded = model + bytes(300_000)  # an h5 file may have a tail
    ids = []
    for _ in range(4):
        ids.append(submit(service, padded))
        finished(service, ids[-1])
    assert service.get(f"/v1/jobs/{ids[-1]}/artifact").status == 200
    big = service.request("POST", JOBS, model + bytes(1_000_000))
    assert big.status == 202
    gone = [id_ for id_ in ids if job(service, id_)["result"].get("gone")]
    assert gone and gone == ids[: len(gone)]
    answer = service.get(f"/v1/jobs/{gone[0]}/artifact")
    assert (answer.status, answer.json()["code"]) == (410, "result-expired")


def test_no_room_for_a_job_is_507(start, model):
    service = start(KFERRY_DATA_MAX=1 << 20, KFERRY_BODY_MAX=1 << 20, KFERRY_DRAIN_TIMEOUT=0)
    service.set_mode("sleep 60")
    submit(service, model + bytes(700_000))
    head = f"POST {JOBS} HTTP/1.1\r\nHost: h\r\nContent-Length: 700000\r\n\r\n"
    answer = service.raw(head.encode())
    assert (answer.status, answer.json()["code"]) == (507, "scratch-full")
    assert "retry-after" in answer.headers


def test_clients_share_the_workers(start, model):
    service = start(KFERRY_WORKERS=1, KFERRY_CLIENT_JOBS_MAX=4, KFERRY_LISTEN="0.0.0.0:0",
                    KFERRY_ALLOW_UNAUTHENTICATED=1)
    service.set_mode("sleep 60")
    for _ in range(4):
        submit(service, model)
    answer = service.request("POST", JOBS, model)
    assert (answer.status, answer.json()["code"]) == (429, "client-jobs")
    other = service.request("POST", JOBS, model, source="127.0.0.2")
    assert other.status == 202
    running = service.get("/v1/jobs?state=running").json()["jobs"]
    service.set_mode("")
    service.request("POST", f"/v1/jobs/{running[0]['id']}:cancel")
    assert finished(service, other.json()["id"])["state"] == "succeeded"
    ends = [job(service, found["id"]) for found in service.get("/v1/jobs").json()["jobs"]]
    begun = sorted((found["started_at"], found["id"]) for found in ends if found["started_at"])
    assert [id_ for _, id_ in begun].index(other.json()["id"]) == 1


@pytest.fixture
def replicas(start, postgres, tmp_path):
    """Start services that share a database and a folder."""
    common = {
        "KFERRY_STORE": postgres.create(),
        "KFERRY_DATA": tmp_path / "shared",
        "KFERRY_LEASE": 2,
        "KFERRY_WORKERS": 1,
    }
    return lambda n, **more: [start(**common | more) for _ in range(n)]


@pytest.mark.parametrize("settings", [{}])
def test_any_replica_answers_for_any_job(replicas, model):
    first, second, third = replicas(3)
    first.set_mode("sleep 1")
    second.set_mode("sleep 1")
    third.set_mode("sleep 1")
    id_ = submit(first, model, **{"Idempotency-Key": "k"})
    assert submit(second, model, **{"Idempotency-Key": "k"}) == id_
    assert finished(third, id_)["state"] == "succeeded"
    whole = [service.get(f"/v1/jobs/{id_}/artifact").body for service in (first, second, third)]
    assert len(set(whole)) == 1 and whole[0]
    assert [found["id"] for found in second.get("/v1/jobs").json()["jobs"]] == [id_]
    for service in (first, second, third):
        service.set_mode("sleep 60")
    id_ = submit(first, model)
    assert wait_until(lambda: job(second, id_)["state"] == "running")
    idle = next(s for s in (first, second, third) if not s.children())
    assert idle.request("POST", f"/v1/jobs/{id_}:cancel").status == 200
    assert finished(idle, id_)["state"] == "cancelled"
    assert wait_until(lambda: not any(s.children() for s in (first, second, third)))
    assert idle.request("DELETE", f"/v1/jobs/{id_}").status == 204


@pytest.mark.parametrize("settings", [{}])
def test_two_services_on_one_machine_share_sqlite(start, model, tmp_path):
    common = {"KFERRY_DATA": tmp_path / "shared", "KFERRY_LEASE": 2}
    first, second = start(**common), start(**common)
    first.set_mode("sleep 60")
    second.set_mode("sleep 60")
    ids = [submit(first, model) for _ in range(4)]
    assert wait_until(lambda: len(first.children()) == 2 and len(second.children()) == 2)
    time.sleep(0.5)  # until all have read what they are to do
    second.set_mode("")
    first.kill()
    for pid in second.children():
        os.kill(pid, signal.SIGKILL)
    for id_ in ids:
        assert finished(second, id_)["state"] == "succeeded"
        assert job(second, id_)["attempt"] == 2


@pytest.mark.parametrize("settings", [{}])
def test_jobs_of_a_dead_replica_are_taken_over(replicas, model):
    services = replicas(3)
    whole = services[0].put("/v1/convert/keras/dense.h5", model)
    expected = hashlib.sha256(whole.body).hexdigest()
    for service in services:
        service.set_mode("sleep 0.2")
    senders = [Sender(s, model, f"replica-{i}", 0.05) for i, s in enumerate(services)]
    for sender in senders:
        sender.start()
    time.sleep(2)
    services[0].kill()
    time.sleep(1)
    for sender in senders:
        sender.stopped.set()
        sender.join()
    accepted = [id_ for sender in senders for id_ in sender.accepted.values()]
    assert len(accepted) == len(set(accepted)) > 20
    for service in services[1:]:
        service.set_mode("")
    for i, id_ in enumerate(accepted):
        service = services[1 + i % 2]
        found = finished(service, id_)
        assert found["state"] == "succeeded"
        assert artifact_hash(service, id_) == expected
    ends = [line["id"] for s in services for line in s.events("job") if line["state"] in ENDED]
    assert len(ends) == len(set(ends)), "a job ended twice"
    taken = [line for s in services[1:] for line in s.events("jobs-taken-over")]
    assert len(taken) <= 1


@pytest.mark.parametrize("settings", [{}])
def test_a_replica_that_was_away_does_not_end_a_job_again(replicas, model):
    first, second = replicas(2)
    first.set_mode("sleep 3")
    second.set_mode("sleep 60")
    ids = [submit(first, model) for _ in range(2)]
    assert wait_until(lambda: len(first.children()) == 1 and len(second.children()) == 1)
    time.sleep(0.5)  # until both have read what they are to do
    second.set_mode("")
    first.process.send_signal(signal.SIGSTOP)
    busy = {job(second, id_)["id"]: job(second, id_)["attempt"] for id_ in ids}
    for pid in second.children():
        os.kill(pid, signal.SIGKILL)
    for id_ in ids:
        assert finished(second, id_)["state"] == "succeeded"
    before = {id_: job(second, id_) for id_ in ids}
    first.process.send_signal(signal.SIGCONT)
    assert wait_until(lambda: [e for e in first.events("job") if e["state"] == "lost"], 10)
    assert {id_: job(first, id_) for id_ in ids} == before
    assert busy and all(found["attempt"] > busy[id_] for id_, found in before.items())


class Transaction:
    """Somebody else's, who holds rows back until it is committed."""

    def __init__(self, cluster, address, sql):
        self.psql = subprocess.Popen(
            [cluster.bin / "psql", "-q", "-A", "-t", address], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )
        self.psql.stdin.write(f"BEGIN; {sql}; SELECT 'held';\n")
        self.psql.stdin.flush()
        assert self.psql.stdout.readline() == "held\n"

    def commit(self):
        self.psql.communicate("COMMIT;\n", 10)


def in_between(cluster, address, sql, call):
    """What a request comes to whose first look is before a transaction and the next behind it."""
    answers = []
    transaction = Transaction(cluster, address, sql)
    asked = threading.Thread(target=lambda: answers.append(call()))
    asked.start()
    time.sleep(1)  # it waits for the row by then
    transaction.commit()
    asked.join()
    return answers[0]


@pytest.mark.parametrize("settings", [{}])
def test_a_job_that_ends_while_it_is_deleted_leaves_nothing(start, model, postgres, tmp_path):
    address = postgres.create()
    common = {"KFERRY_STORE": address, "KFERRY_DATA": tmp_path / "shared", "KFERRY_WORKERS": 1}
    first, second = start(**common), start(**common)
    for service in (first, second):
        service.set_mode("sleep 60")
    id_ = submit(first, model)
    assert wait_until(lambda: job(first, id_)["state"] == "running")
    for service in (first, second):
        if service.children():
            runs = service
    other = second if runs is first else first
    runs.kill()  # as if it had done all it had to do
    answer = in_between(
        postgres, address, "UPDATE kferry_jobs SET state = 'succeeded'",
        lambda: other.request("DELETE", f"/v1/jobs/{id_}"),
    )
    assert answer.status == 204
    assert list((tmp_path / "shared" / "jobs").iterdir()) == []


@pytest.mark.parametrize("settings", [{}])
def test_room_that_somebody_else_made_is_room(start, model, postgres):
    mib, address = 1 << 20, postgres.create()
    service = start(KFERRY_STORE=address, KFERRY_DATA_MAX=mib, KFERRY_BODY_MAX=mib)
    finished(service, submit(service, model))
    answer = in_between(
        postgres, address, "UPDATE kferry_jobs SET evicted = 1, bytes = 0",
        lambda: service.request("POST", JOBS, model + bytes(mib - 1000 - len(model))),
    )
    assert answer.status == 202, answer


@pytest.mark.parametrize("settings", [{}])
def test_service_goes_on_when_the_database_comes_back(start, model, tmp_path_factory):
    from conftest import with_postgres

    if not with_postgres.binaries():
        pytest.skip("PostgreSQL is not installed")
    folder = tmp_path_factory.mktemp("postgres-away", numbered=True)
    os.chmod(folder.parent, 0o755)
    os.chmod(folder.parent.parent, 0o755)
    cluster = with_postgres.Cluster(folder).start()
    service = start(KFERRY_STORE=cluster.url)
    id_ = submit(service, model)
    finished(service, id_)
    cluster.stop()
    answer = service.request("POST", JOBS, model)
    assert (answer.status, answer.json()["code"]) == (503, "store-unavailable")
    assert service.get(f"/v1/jobs/{id_}").status == 503
    assert service.get("/livez").status == 200
    assert service.put("/v1/convert/keras/dense.h5", model).status == 200
    cluster.start()
    assert wait_until(lambda: service.get(f"/v1/jobs/{id_}").status == 200, 30)
    assert finished(service, submit(service, model))["state"] == "succeeded"
    service.stop()
    cluster.stop()

# SPDX-License-Identifier: Apache-2.0
"""The time of day is set, by days and in both directions, while jobs, uploads and signed requests are under way."""

import mmap
import os
import struct
import subprocess

import pytest
from conftest import HERE
from kferry_service import program, read_answer, wait_until
from orders import post
from s3 import ACCESS, REGION, SECRET
from test_jobs import JOBS, finished, job, submit

DAYS = 86400


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    library = tmp_path_factory.mktemp("shim") / "clock.so"
    source = HERE.parent / "http" / "clock.c"
    subprocess.run(["cc", "-std=c17", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", source, "-o", library, "-ldl"], check=True)
    return library


@pytest.fixture
def clock(tmp_path):
    """Set how many seconds the service's time is ahead."""
    path = tmp_path / "clock"
    path.write_bytes(bytes(4096))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 4096) as shared:
        yield lambda seconds: shared.__setitem__(slice(0, 8), struct.pack("q", seconds))


@pytest.fixture
def service(start, shim, clock, tmp_path, monkeypatch, s3):
    if b"__asan_init" in program().read_bytes():
        pytest.skip("a sanitizer wants to be loaded first")
    monkeypatch.setenv("LD_PRELOAD", str(shim))
    monkeypatch.setenv("KF_CLOCK", str(tmp_path / "clock"))
    service = start(
        KFERRY_S3_ENDPOINT=s3.url, KFERRY_S3_READ_BUCKETS="clock", KFERRY_S3_WRITE_BUCKETS="clock",
        AWS_ACCESS_KEY_ID=ACCESS, AWS_SECRET_ACCESS_KEY=SECRET, AWS_REGION=REGION, KFERRY_LEASE="3s",
    )
    monkeypatch.delenv("LD_PRELOAD")
    return service


def jumps(service):
    return [event["msg"] for event in service.events("clock-jumped")]


@pytest.mark.parametrize("ahead", [3 * DAYS, -3 * DAYS])
def test_jobs_and_uploads_under_way(service, clock, model, ahead):
    expected = service.put("/v1/convert/keras/dense.h5", model).body
    service.set_mode("sleep 1")
    ids = [submit(service, model) for _ in range(4)]  # two run, two wait
    head = f"POST {JOBS} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(model)}\r\n\r\n"
    with service.connect() as sock:
        sock.sendall(head.encode() + model[:100])
        assert wait_until(lambda: len(service.children()) == 2)
        clock(ahead)
        assert wait_until(lambda: len(jumps(service)) == 1), "nobody noticed"
        service.set_mode("")
        sock.sendall(model[100:])
        answer = read_answer(sock)
    assert answer.status == 202, answer
    for id_ in [*ids, answer.json()["id"], submit(service, model)]:
        found = finished(service, id_)
        assert (found["state"], found["attempt"]) == ("succeeded", 1), found
        assert service.get(f"/v1/jobs/{id_}/artifact").body == expected
    clock(0)
    assert wait_until(lambda: len(jumps(service)) == 2)
    assert service.get("/livez").status == service.get("/readyz").status == 200
    assert finished(service, submit(service, model))["state"] == "succeeded"


def test_results_expire_by_the_new_time(service, clock, model):
    id_ = submit(service, model)
    assert finished(service, id_)["state"] == "succeeded"
    clock(-3 * DAYS)
    assert wait_until(lambda: jumps(service))
    assert job(service, id_)["state"] == "succeeded"
    clock(3 * DAYS)
    assert wait_until(lambda: service.get(f"/v1/jobs/{id_}").status == 404)
    assert wait_until(lambda: service.stored_folders() == [])


def test_requests_are_signed_by_the_storage_s_time(service, clock, model, s3):
    s3.fresh("clock")
    s3.client.put_object(Bucket="clock", Key="m.h5", Body=model)
    for name, before, after in (("a", 0, 3 * DAYS), ("b", 3 * DAYS, -3 * DAYS), ("c", -3 * DAYS, 0)):
        clock(before)
        service.set_mode("sleep 1")
        order = {"source": {"uri": "s3://clock/m.h5"}, "target": {"uri": f"s3://clock/{name}.keras"}}
        accepted = post(service, "/v1/jobs", order)
        assert accepted.status == 202, accepted
        assert wait_until(lambda: len(service.children()) == 1)  # fetched, and not yet stored
        clock(after)
        found = finished(service, accepted.json()["id"])
        assert found["state"] == "succeeded", found
        assert s3.client.get_object(Bucket="clock", Key=f"{name}.keras")["Body"].read(2) == b"PK"

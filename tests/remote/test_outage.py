# SPDX-License-Identifier: Apache-2.0
"""The storage goes away in the middle of jobs and comes back."""

import json

import pytest
from kferry_service import wait_until
from orders import post
from s3 import ACCESS, REGION, SECRET, Versity
from test_jobs import finished


@pytest.fixture
def storage(s3, tmp_path):
    """A server of one's own, which may be stopped."""
    server = Versity(s3.command[0], tmp_path)
    server.client.create_bucket(Bucket="models")
    yield server
    server.stop()


@pytest.fixture
def service(start, storage, model):
    for key in ("in/a.h5", "in/b.h5", "in/c.h5"):
        storage.client.put_object(Bucket="models", Key=key, Body=model)
    return start(
        KFERRY_S3_ENDPOINT=storage.url, KFERRY_S3_READ_BUCKETS="models", KFERRY_S3_WRITE_BUCKETS="models",
        AWS_ACCESS_KEY_ID=ACCESS, AWS_SECRET_ACCESS_KEY=SECRET, AWS_REGION=REGION, KFERRY_WORKERS=1,
    )


def submit(service, source="in/a.h5", target="out/a.keras"):
    order = {"source": {"uri": f"s3://models/{source}"}, "to": "keras", "target": {"uri": f"s3://models/{target}"}}
    answer = post(service, "/v1/jobs", order)
    assert answer.status == 202, answer
    return answer.json()["id"]


def listed(storage):
    found = storage.client.list_objects_v2(Bucket="models", Prefix="out/").get("Contents", [])
    return sorted(o["Key"].removeprefix("out/") for o in found)


def test_away_for_a_moment_nobody_notices(service, storage):
    service.set_mode("sleep 1")
    id_ = submit(service)
    assert wait_until(lambda: len(service.children()) == 1)  # it is fetched
    storage.stop()
    assert wait_until(lambda: service.children() == [])  # it is converted, and to be stored
    storage.start()
    assert finished(service, id_)["state"] == "succeeded"
    assert listed(storage) == ["a.keras", "a.keras.report.json"]


def test_away_for_long_the_job_says_so(service, storage):
    service.set_mode("sleep 1")
    id_ = submit(service)
    assert wait_until(lambda: len(service.children()) == 1)
    storage.stop()
    found = finished(service, id_, 90)
    assert (found["state"], found["error"]["code"], found["error"]["retryable"]) == ("failed", "target-put-failed", True)
    found = finished(service, submit(service), 90)  # nor can anything be fetched
    assert (found["state"], found["error"]["code"], found["error"]["retryable"]) == ("failed", "source-fetch-failed", True)
    assert service.get("/readyz").status == 200, "what else there is to do needs no storage"
    storage.start()
    assert listed(storage) == []
    service.set_mode("")
    assert finished(service, submit(service))["state"] == "succeeded"
    assert listed(storage) == ["a.keras", "a.keras.report.json"]


def test_a_prefix_is_gone_on_with(service, storage):
    service.set_mode("sleep 0.5")
    id_ = submit(service, "in/", "out/")
    assert wait_until(lambda: "a.keras.report.json" in listed(storage))
    storage.stop()
    assert finished(service, id_, 90)["error"]["retryable"]
    storage.start()
    before = [name for name in listed(storage) if name.endswith(".report.json")]
    assert "a.keras.report.json" in before and "summary.json" not in before
    service.set_mode("")
    assert finished(service, submit(service, "in/", "out/"))["state"] == "succeeded"
    summary = json.loads(storage.client.get_object(Bucket="models", Key="out/summary.json")["Body"].read())
    assert summary["counts"] == {"models": 3, "succeeded": 3, "failed": 0, "skipped": len(before)}

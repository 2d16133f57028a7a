# SPDX-License-Identifier: Apache-2.0
"""Folders and prefixes in the service: one model in many files, or several models."""

import io
import json
import tarfile
import zipfile

import pytest
from conftest import finish, post
from s3 import ACCESS, REGION, SECRET


@pytest.fixture
def service(start, s3):
    return start(
        KFERRY_S3_ENDPOINT=f"http://127.0.0.1:{s3.port}", KFERRY_S3_READ_BUCKETS="models",
        KFERRY_S3_WRITE_BUCKETS="models/out/*", AWS_ACCESS_KEY_ID=ACCESS, AWS_SECRET_ACCESS_KEY=SECRET,
        AWS_REGION=REGION,
    )


@pytest.fixture
def bucket(s3, model):
    s3.fresh("models")
    for key in ("in/a.h5", "in/deep/b c.h5", "in/deep/c+d.h5"):
        s3.client.put_object(Bucket="models", Key=key, Body=model)
    for key in ("in/readme.txt", "in/a.h5.report.json", "inside.h5"):
        s3.client.put_object(Bucket="models", Key=key, Body=b"no model")
    return s3.client


def convert(service, source, target=None, path="/v1/convert", headers=None, **more):
    order = {"source": {"uri": source}, "to": "keras"} | more
    if target:
        order["target"] = {"uri": target}
    return post(service, path, order, **(headers or {}))


def listed(client):
    found = client.list_objects_v2(Bucket="models", Prefix="out/").get("Contents", [])
    return sorted(o["Key"] for o in found)


def body(client, key):
    return client.get_object(Bucket="models", Key=key)["Body"].read()


RESULTS = sorted(
    f"out/{name}.keras{end}" for name in ("a", "deep/b c", "deep/c+d") for end in ("", ".report.json")
)


@pytest.mark.parametrize("path", ["/v1/convert", "/v1/jobs"])
def test_each_model_goes_to_the_target(service, bucket, path):
    answer = convert(service, "s3://models/in/", "s3://models/out/", path)
    if path == "/v1/jobs":
        job = finish(service, answer)
        assert job["state"] == "succeeded", job
        assert job["result"]["uri"] == "s3://models/out/summary.json"
    else:
        assert answer.status == 200, answer
        assert answer.json()["artifact"] == {"uri": "s3://models/out/summary.json"}
    assert listed(bucket) == RESULTS + ["out/summary.json"]
    assert body(bucket, "out/a.keras")[:2] == b"PK"
    summary = json.loads(body(bucket, "out/summary.json"))
    assert summary["counts"] == {"models": 3, "succeeded": 3, "failed": 0}


def test_what_is_refused_has_a_report_only(service, bucket, model):
    bucket.put_object(Bucket="models", Key="in/bad.h5", Body=model[:1500])
    assert convert(service, "s3://models/in/", "s3://models/out/").status == 200
    assert listed(bucket) == sorted(RESULTS + ["out/summary.json", "out/bad.keras.report.json"])
    assert json.loads(body(bucket, "out/bad.keras.report.json"))["verdict"] == "refused"
    assert json.loads(body(bucket, "out/summary.json"))["counts"]["failed"] == 1


def test_one_that_is_there_stops_it(service, bucket):
    bucket.put_object(Bucket="models", Key="out/deep/b c.keras", Body=b"mine")
    job = finish(service, convert(service, "s3://models/in/", "s3://models/out/", "/v1/jobs"))
    assert job["state"] == "failed" and job["error"]["code"] == "target-exists", job
    assert body(bucket, "out/deep/b c.keras") == b"mine"


def test_several_need_a_folder_or_an_archive(service, bucket):
    answer = convert(service, "s3://models/in/", "s3://models/out/m.keras")
    assert (answer.status, answer.json()["code"]) == (406, "not-acceptable"), answer
    assert "end with /" in answer.json()["detail"]
    answer = convert(service, "s3://models/in/", headers={"Accept": "application/x-tar"})
    assert answer.status == 200, answer
    names = tarfile.open(fileobj=io.BytesIO(answer.body)).getnames()
    assert "in-kferry/deep/b c.keras" in names and "in-kferry/summary.json" in names
    assert listed(bucket) == []


def test_unzipped_model_is_one_input(service, bucket):
    assert convert(service, "s3://models/in/a.h5", "s3://models/out/a.keras").status == 200
    with zipfile.ZipFile(io.BytesIO(body(bucket, "out/a.keras"))) as archive:
        for name in archive.namelist():
            bucket.put_object(Bucket="models", Key=f"flat/{name}", Body=archive.read(name))
    answer = convert(service, "s3://models/flat/", "s3://models/out/again/", keras="3.4")
    assert answer.status == 200, answer
    assert answer.json()["artifact"]["uri"].startswith("s3://models/out/again/flat")


def test_nothing_below(service, bucket):
    answer = convert(service, "s3://models/none/")
    assert (answer.status, answer.json()["code"]) == (422, "source-unavailable"), answer


def test_more_than_a_page_of_keys(service, bucket, model):
    for i in range(1005):
        bucket.put_object(Bucket="models", Key=f"many/{i:04}.txt", Body=b"")
    bucket.put_object(Bucket="models", Key="many/z.h5", Body=model)
    assert convert(service, "s3://models/many/", "s3://models/out/z.keras").status == 200

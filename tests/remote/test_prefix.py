# SPDX-License-Identifier: Apache-2.0
"""Folders and prefixes in the service: one model in many files, or several models."""

import io
import json
import tarfile
import zipfile

import pytest
from kferry_service import FIXTURES
from orders import finish, post
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


def listed(client, prefix="out/"):
    found = client.list_objects_v2(Bucket="models", Prefix=prefix).get("Contents", [])
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


def test_several_hundred_models(service, bucket, model):
    for i in range(300):
        bucket.put_object(Bucket="models", Key=f"lots/{i % 7}/{i:03}.h5", Body=model)
    job = finish(service, convert(service, "s3://models/lots/", "s3://models/out/", "/v1/jobs"))
    assert job["state"] == "succeeded", job
    summary = json.loads(body(bucket, "out/summary.json"))
    assert summary["counts"] == {"models": 300, "succeeded": 300, "failed": 0}
    assert len(listed(bucket)) == 601


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


def test_savedmodel_is_one_input(service, bucket):
    """The same comes of a prefix as of the folder in one archive."""
    packed = (FIXTURES / "savedmodel" / "saved_dense.tar").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive:
            bucket.put_object(Bucket="models", Key=member.name, Body=archive.extractfile(member).read())
    answer = convert(service, "s3://models/saved_dense/", "s3://models/out/")
    assert answer.status == 200, answer
    assert listed(bucket) == ["out/saved_dense.keras", "out/saved_dense.keras.report.json"]
    assert json.loads(body(bucket, "out/saved_dense.keras.report.json"))["source"]["format"] == "saved-model-folder"
    whole = service.put("/v1/convert/keras/saved_dense.tar", packed)
    assert whole.status == 200, whole
    assert body(bucket, "out/saved_dense.keras") == whole.body


def test_tensorflow_js_is_one_input(service, bucket):
    packed = (FIXTURES / "tfjs" / "activations.tar").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for name in ("model.json", "group1-shard1of2.bin", "group1-shard2of2.bin"):
            data = archive.extractfile(f"activations/{name}").read()
            bucket.put_object(Bucket="models", Key=f"activations/{name}", Body=data)
    answer = convert(service, "s3://models/activations/", "s3://models/out/")
    assert answer.status == 200, answer
    assert listed(bucket) == ["out/activations.keras", "out/activations.keras.report.json"]
    whole = service.put("/v1/convert/keras/activations.tar", packed)
    assert whole.status == 200, whole
    assert body(bucket, "out/activations.keras") == whole.body


def test_nothing_below(service, bucket):
    answer = convert(service, "s3://models/none/")
    assert (answer.status, answer.json()["code"]) == (422, "source-unavailable"), answer


def test_more_than_a_page_of_keys(service, bucket, model):
    for i in range(1005):
        bucket.put_object(Bucket="models", Key=f"many/{i:04}.txt", Body=b"")
    bucket.put_object(Bucket="models", Key="many/z.h5", Body=model)
    assert convert(service, "s3://models/many/", "s3://models/out/z.keras").status == 200


# A second call goes on where the first one stopped.


@pytest.fixture
def seen(start, s3, proxy):
    """A service whose requests to the storage are seen."""
    return start(
        KFERRY_S3_ENDPOINT=f"http://127.0.0.1:{proxy.port}", KFERRY_S3_READ_BUCKETS="models/in/*",
        KFERRY_S3_WRITE_BUCKETS="models/out/*", AWS_ACCESS_KEY_ID=ACCESS, AWS_SECRET_ACCESS_KEY=SECRET,
        AWS_REGION=REGION,
    )


def summary_of(service, client, source="s3://models/in/", **more):
    answer = convert(service, source, "s3://models/out/", **more)
    assert answer.status == 200, answer
    return json.loads(body(client, "out/summary.json"))


def fetched(proxy, key):
    return sum(method == "GET" and path == f"/models/{key}" for method, path, _ in proxy.seen)


def test_second_call_does_what_is_new(seen, bucket, proxy, model):
    summary_of(seen, bucket)
    before = bucket.head_object(Bucket="models", Key="out/a.keras")["LastModified"]
    bucket.put_object(Bucket="models", Key="in/deep/new.h5", Body=model)
    proxy.seen.clear()
    summary = summary_of(seen, bucket)
    assert summary["counts"] == {"models": 4, "succeeded": 4, "failed": 0, "skipped": 3}
    rows = {row["path"]: row for row in summary["models"]}
    assert "skipped" not in rows["deep/new.h5"] and rows["deep/new.h5"]["artifact"] == "deep/new.keras"
    assert rows["a.h5"] == {
        "path": "a.h5", "verdict": "adapted", "training": rows["a.h5"]["training"], "artifact": "a.keras",
        "report": "a.keras.report.json", "skipped": True,
    }
    assert fetched(proxy, "in/deep/new.h5") == 1 and fetched(proxy, "in/a.h5") == 0
    assert bucket.head_object(Bucket="models", Key="out/a.keras")["LastModified"] == before
    summary = summary_of(seen, bucket)
    assert summary["counts"] == {"models": 4, "succeeded": 4, "failed": 0, "skipped": 4}


def test_call_that_was_stopped_is_gone_on_with(seen, bucket, proxy):
    bucket.put_object(Bucket="models", Key="out/deep/c+d.keras", Body=b"mine")
    job = finish(seen, convert(seen, "s3://models/in/", "s3://models/out/", "/v1/jobs"))
    assert job["error"]["code"] == "target-exists", job
    bucket.delete_object(Bucket="models", Key="out/deep/c+d.keras")
    summary = summary_of(seen, bucket)
    assert summary["counts"] == {"models": 3, "succeeded": 3, "failed": 0, "skipped": 2}
    assert listed(bucket) == RESULTS + ["out/summary.json"]


def test_what_changed_is_made_again(seen, bucket, model):
    summary_of(seen, bucket)
    bucket.put_object(Bucket="models", Key="in/a.h5", Body=model + b" ")
    answer = convert(seen, "s3://models/in/", "s3://models/out/")
    assert (answer.status, answer.json()["code"]) == (409, "target-exists"), answer
    bucket.delete_object(Bucket="models", Key="out/a.keras")
    assert summary_of(seen, bucket)["counts"]["skipped"] == 2
    answer = convert(seen, "s3://models/in/", "s3://models/out/", keras="3.4")
    assert (answer.status, answer.json()["code"]) == (409, "target-exists"), answer
    order = {"source": {"uri": "s3://models/in/"}, "to": "keras", "keras": "3.4",
             "target": {"uri": "s3://models/out/", "if_exists": "replace"}}
    assert post(seen, "/v1/convert", order).status == 200
    assert "skipped" not in json.loads(body(bucket, "out/summary.json"))["counts"]
    assert summary_of(seen, bucket, keras="3.4")["counts"]["skipped"] == 3


def test_folders_and_archives_are_passed_over_too(service, bucket, model):
    s3_keys = {}
    assert convert(service, "s3://models/in/a.h5", "s3://models/out/first.keras").status == 200
    with zipfile.ZipFile(io.BytesIO(body(bucket, "out/first.keras"))) as archive:
        for name in archive.namelist():
            s3_keys[f"mixed/flat/{name}"] = archive.read(name)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("x/one.h5", model)
        archive.writestr("x/two.h5", model)
    for key, data in (s3_keys | {"mixed/packed.zip": packed.getvalue(), "mixed/plain.h5": model}).items():
        bucket.put_object(Bucket="models", Key=key, Body=data)
    first = summary_of(service, bucket, "s3://models/mixed/")
    assert first["counts"] == {"models": 4, "succeeded": 4, "failed": 0}, first
    bucket.delete_object(Bucket="models", Key=f"out/{first['models'][-1]['artifact']}")
    names = sorted(row["artifact"] for row in first["models"])
    again = summary_of(service, bucket, "s3://models/mixed/")
    assert again["counts"] == {"models": 4, "succeeded": 4, "failed": 0, "skipped": 3}, again
    assert sorted(row["artifact"] for row in again["models"]) == names


def test_one_model_as_a_folder_is_passed_over(service, bucket):
    assert convert(service, "s3://models/in/a.h5", "s3://models/out/a.keras").status == 200
    with zipfile.ZipFile(io.BytesIO(body(bucket, "out/a.keras"))) as archive:
        for name in archive.namelist():
            bucket.put_object(Bucket="models", Key=f"flat/{name}", Body=archive.read(name))
    answer = convert(service, "s3://models/flat/", "s3://models/out/again/", keras="3.4")
    assert answer.status == 200, answer
    answer = convert(service, "s3://models/flat/", "s3://models/out/again/", keras="3.4")
    assert answer.status == 200, answer
    summary = json.loads(body(bucket, "out/again/summary.json"))
    assert summary["counts"] == {"models": 1, "succeeded": 1, "failed": 0, "skipped": 1}

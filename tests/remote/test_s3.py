# SPDX-License-Identifier: Apache-2.0
"""s3:// as source and target, against a server that checks signatures."""

import hashlib
import json
import time

import large_model
import pytest
from orders import finish, post
from kferry_service import Service
from s3 import ACCESS, REGION, SECRET

ODD = [
    "plain.h5", "in/deep/er/m.h5", "with space.h5", "plus+plus.h5", "a=b&c=d.h5", "100%25.h5", "50%.h5",
    "quest?ion.h5", "ha#sh.h5", "brac[ket].h5", "semi;colon,comma.h5", "at@sign:colon.h5", "tilde~.h5",
    "qu'ote\"s.h5", "(paren)!*.h5", "modèle-ü-模型-🙂.h5", "back\\slash.h5", "dollar$.h5", "pipe|caret^.h5", "double//slash.h5",
]


@pytest.fixture
def settings(s3):
    return {
        "KFERRY_S3_ENDPOINT": f"http://127.0.0.1:{s3.port}",
        "KFERRY_S3_READ_BUCKETS": "models,shared/in/*",
        "KFERRY_S3_WRITE_BUCKETS": "models/out/*",
        "AWS_ACCESS_KEY_ID": ACCESS,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": REGION,
    }


@pytest.fixture
def service(start, settings):
    return start(**settings)


@pytest.fixture
def bucket(s3, model):
    """A bucket with a model in it."""
    s3.fresh("models")
    s3.client.put_object(Bucket="models", Key="in/m.h5", Body=model)
    return s3.client


def convert(service, source, target=None, path="/v1/convert", **more):
    order = {"source": {"uri": source}} | more
    if target:
        order["target"] = {"uri": target} if isinstance(target, str) else target
    else:
        order["to"] = "keras"
    return post(service, path, order)


def body(client, key):
    return client.get_object(Bucket="models", Key=key)["Body"].read()


def keys(client, prefix=""):
    return sorted(o["Key"] for o in client.list_objects_v2(Bucket="models", Prefix=prefix).get("Contents", []))


def test_object_to_object(service, bucket, model):
    answer = convert(service, "s3://models/in/m.h5", "s3://models/out/m.keras")
    assert answer.status == 200, answer
    assert answer.json()["artifact"] == {"uri": "s3://models/out/m.keras"}
    result = body(bucket, "out/m.keras")
    assert result[:2] == b"PK" and len(result) == answer.json()["bytes"]
    report = json.loads(body(bucket, "out/m.keras.report.json"))
    assert report["verdict"] in ("exact", "adapted")
    assert report["source"]["sha256"] == hashlib.sha256(model).hexdigest()
    head = bucket.head_object(Bucket="models", Key="out/m.keras")
    assert head["Metadata"]["kferry-source-sha256"] == hashlib.sha256(model).hexdigest()
    assert "ContentEncoding" not in head
    assert head["Metadata"]["kferry-job"] == answer.json()["id"]
    assert SECRET not in str(service.lines)


def test_job_from_object_to_object(service, bucket):
    answer = convert(service, "s3://models/in/m.h5", "s3://models/out/job/", path="/v1/jobs", to="keras")
    job = finish(service, answer)
    assert job["state"] == "succeeded", job
    assert job["source"]["uri"] == "s3://models/in/m.h5"
    assert job["result"]["uri"] == "s3://models/out/job/m.keras"
    assert keys(bucket, "out/job/") == ["out/job/m.keras", "out/job/m.keras.report.json"]
    assert service.get(f"/v1/jobs/{job['id']}/artifact").body == body(bucket, "out/job/m.keras")


@pytest.mark.parametrize("key", ODD)
def test_odd_keys(service, bucket, model, key):
    bucket.put_object(Bucket="models", Key=key, Body=model)
    answer = convert(service, f"s3://models/{key}", f"s3://models/out/{key}.keras")
    assert answer.status == 200, answer
    assert body(bucket, f"out/{key}.keras")[:2] == b"PK"


def test_target_that_exists_stays(service, bucket):
    assert convert(service, "s3://models/in/m.h5", "s3://models/out/e.keras").status == 200
    before = bucket.head_object(Bucket="models", Key="out/e.keras")["ETag"]
    answer = convert(service, "s3://models/in/m.h5", "s3://models/out/e.keras", keras="3.4")
    assert (answer.status, answer.json()["code"]) == (409, "target-exists"), answer
    assert bucket.head_object(Bucket="models", Key="out/e.keras")["ETag"] == before
    target = {"uri": "s3://models/out/e.keras", "if_exists": "replace"}
    assert convert(service, "s3://models/in/m.h5", target, keras="3.4").status == 200
    assert bucket.head_object(Bucket="models", Key="out/e.keras")["ETag"] != before


def test_refusal_leaves_no_object(service, bucket):
    bucket.put_object(Bucket="models", Key="in/bad.h5", Body=b"no model")
    answer = convert(service, "s3://models/in/bad.h5", "s3://models/out/bad.keras")
    assert answer.status == 422, answer
    assert keys(bucket, "out/") == []


@pytest.mark.parametrize(
    "source, target, status, code, words",
    [
        ("s3://models/in/none.h5", None, 422, "source-unavailable", "no such object"),
        ("s3://others/m.h5", None, 403, "source-not-allowed", "KFERRY_S3_READ_BUCKETS"),
        ("s3://shared/out/m.h5", None, 403, "source-not-allowed", "KFERRY_S3_READ_BUCKETS"),
        ("s3://shared/in/m.h5", None, 422, "source-unavailable", "bucket"),
        ("s3://modelsx/m.h5", None, 403, "source-not-allowed", "modelsx"),
        ("s3://models/in/m.h5", "s3://models/in/m.keras", 403, "target-not-allowed", "KFERRY_S3_WRITE_BUCKETS"),
        ("s3://models/out/../in/m.h5", None, 400, "invalid-parameter", ".."),
        ("s3://m/x.h5", None, 400, "invalid-parameter", "bucket"),
        ("s3://evil.com@models/x.h5", None, 400, "invalid-parameter", "bucket"),
        ("s3:///m.h5", None, 400, "invalid-parameter", "bucket"),
    ],
)
def test_what_cannot_be(service, bucket, source, target, status, code, words):
    answer = convert(service, source, target)
    assert (answer.status, answer.json()["code"]) == (status, code), answer
    assert words in answer.json()["detail"]


def test_empty_object(service, bucket):
    bucket.put_object(Bucket="models", Key="in/empty.h5", Body=b"")
    answer = convert(service, "s3://models/in/empty.h5")
    assert answer.status == 422 and "empty" in str(answer.body), answer


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "SignatureDoesNotMatch"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, "NotFound"),  # the server's word; AWS has another
    ],
)
def test_wrong_keys_are_told(start, settings, bucket, wrong, words):
    answer = convert(start(**(settings | wrong)), "s3://models/in/m.h5")
    assert (answer.status, answer.json()["code"]) == (422, "source-unavailable"), answer
    assert words in answer.json()["detail"]


@pytest.mark.parametrize("seconds", [7200, -7200])
def test_wrong_clock_is_corrected(start, settings, bucket, dial, seconds):
    service = start(**settings, LD_PRELOAD=dial, KF_DIAL_CLOCK=seconds)
    answer = convert(service, "s3://models/in/m.h5", f"s3://models/out/clock{seconds}.keras")
    assert answer.status == 200, answer


def test_source_that_changed_is_told(service, bucket, model):
    etag = bucket.head_object(Bucket="models", Key="in/m.h5")["ETag"]
    order = {"source": {"uri": "s3://models/in/m.h5", "etag": etag}, "to": "keras"}
    assert post(service, "/v1/convert", order).status == 200
    bucket.put_object(Bucket="models", Key="in/m.h5", Body=model + b" ")
    answer = post(service, "/v1/convert", order)
    assert (answer.status, answer.json()["code"]) == (409, "source-changed"), answer


# Large objects, in parts, through a proxy that breaks things.


@pytest.fixture(scope="module")
def large(s3):
    """A model of 33 MB: two whole parts and a piece, at the smallest size of parts."""
    return large_model.model(33_000_000)


@pytest.fixture
def broken(s3, bucket, proxy, start, settings, large):
    bucket.put_object(Bucket="models", Key="in/large.h5", Body=large)
    proxy.counts.clear()
    proxy.seen.clear()
    return start(
        **settings | {"KFERRY_S3_ENDPOINT": f"http://127.0.0.1:{proxy.port}", "KFERRY_S3_PART": "5MiB"}
    )


def uploads(client):
    return client.list_multipart_uploads(Bucket="models").get("Uploads", [])


def large_to_large(service, client, large, name):
    answer = convert(service, "s3://models/in/large.h5", f"s3://models/out/{name}.h5", keras="2.15")
    assert answer.status == 200, answer
    assert answer.json()["report"]["source"]["sha256"] == hashlib.sha256(large).hexdigest()
    assert len(body(client, f"out/{name}.h5")) == answer.json()["bytes"]
    assert not uploads(client)


def test_large_goes_in_parts(broken, bucket, proxy, large):
    large_to_large(broken, bucket, large, "parts")
    ranges = [head for method, _, head in proxy.seen if method == "GET" and "range: bytes=" in head]
    assert len(ranges) == 7 and sum("if-match" in head for head in ranges) == 6
    assert sum("partNumber=" in path for _, path, _ in proxy.seen) == 7


@pytest.mark.parametrize(
    "name, method, part, fault",
    [
        ("slowdown-get", "GET", "large.h5", "503"),
        ("slowdown-put", "PUT", "partNumber=2", "503"),
        ("slowdown-begin", "POST", "uploads", "503"),
        ("slowdown-end", "POST", "uploadId=", "503"),
        ("cut-get", "GET", "large.h5", ("answer", 3_000_000)),
        ("cut-put", "PUT", "partNumber=", ("body", 2_000_000)),
        ("cut-put-answer", "PUT", "partNumber=3", ("answer", 10)),
    ],
)
def test_what_breaks_is_gone_on_with(broken, bucket, proxy, large, name, method, part, fault):
    broke = []

    def rule(m, path, n):
        if m == method and part in path and len(broke) < 3:
            broke.append(path)
            return fault
        return None

    proxy.rule = rule
    large_to_large(broken, bucket, large, name)
    assert len(broke) >= 2 or part in ("uploads", "uploadId=", "partNumber=2", "partNumber=3")


def test_nothing_helps_and_nothing_stays(broken, bucket, proxy):
    proxy.rule = lambda method, path, n: "503" if "partNumber=4" in path else None
    answer = convert(broken, "s3://models/in/large.h5", "s3://models/out/never.h5", keras="2.15")
    assert (answer.status, answer.json()["code"]) == (502, "target-put-failed"), answer
    assert not uploads(bucket) and keys(bucket, "out/") == []


def test_object_that_changes_while_it_is_read(broken, bucket, proxy, large):
    def rule(method, path, n):
        if method == "GET" and n == 2:
            bucket.put_object(Bucket="models", Key="in/large.h5", Body=large[:-5] + b"other")
        return None

    first = bucket.head_object(Bucket="models", Key="in/large.h5")["ETag"]
    proxy.rule = rule
    order = {"source": {"uri": "s3://models/in/large.h5"}, "to": "keras"}
    answer = post(broken, "/v1/convert", order)
    assert (answer.status, answer.json()["code"]) == (409, "source-changed"), answer
    assert bucket.head_object(Bucket="models", Key="in/large.h5")["ETag"] != first


def test_cancelled_job_leaves_no_upload(broken, bucket, proxy):
    proxy.rule = lambda method, path, n: "hang" if "partNumber=2" in path else None
    answer = convert(broken, "s3://models/in/large.h5", "s3://models/out/cancel.h5", path="/v1/jobs", keras="2.15")
    job = answer.json()["id"]
    end = time.time() + 30
    while time.time() < end and not any("partNumber=2" in path for _, path, _ in proxy.seen):
        time.sleep(0.05)
    assert broken.request("POST", f"/v1/jobs/{job}:cancel").status in (200, 202)
    assert broken.get(f"/v1/jobs/{job}?wait=20").json()["state"] == "cancelled"
    assert not uploads(bucket) and keys(bucket, "out/") == []


def test_killed_service_gives_its_uploads_up(broken, bucket, proxy, start, settings):
    proxy.rule = lambda method, path, n: "hang" if "partNumber=2" in path else None
    convert(broken, "s3://models/in/large.h5", "s3://models/out/killed.h5", path="/v1/jobs", keras="2.15")
    end = time.time() + 30
    while time.time() < end and not any("partNumber=2" in path for _, path, _ in proxy.seen):
        time.sleep(0.05)
    assert len(uploads(bucket)) == 1
    broken.process.kill()
    broken.process.wait()
    proxy.rule = lambda method, path, n: None
    again = Service(broken.folder, restart=True, **broken.settings)
    try:
        end = time.time() + 30
        while time.time() < end and keys(bucket, "out/") != ["out/killed.h5", "out/killed.h5.report.json"]:
            time.sleep(0.1)
        assert keys(bucket, "out/") == ["out/killed.h5", "out/killed.h5.report.json"]
        assert not uploads(bucket)
    finally:
        assert again.stop() == 0

# SPDX-License-Identifier: Apache-2.0
"""S3 servers as they differ: host names, regions, TLS, versions, what is public; and sizes."""

import hashlib
import json
import os
import urllib.request
from pathlib import Path

import large_model
import pytest
from orders import post
from s3 import ACCESS, REGION, SECRET, Versity

KEYS = {
    "KFERRY_S3_READ_BUCKETS": "models", "KFERRY_S3_WRITE_BUCKETS": "models", "AWS_ACCESS_KEY_ID": ACCESS,
    "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION,
}
HEAD = "HTTP/1.1 %s\r\nConnection: close\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n%s\r\n%s"


def said(status, body="", headers=""):
    """An answer as bytes."""
    return (HEAD % (status, len(body), headers, body)).encode()


@pytest.fixture
def server(tmp_path, s3):
    """Start another S3 server, with a bucket."""
    running = []

    def begin(model, **more):
        folder = tmp_path / f"s3-{len(running)}"
        folder.mkdir()
        found = Versity(os.environ["KF_S3_SERVER"], folder, **more)
        running.append(found)
        found.client.create_bucket(Bucket="models")
        found.client.put_object(Bucket="models", Key="in/m.h5", Body=model)
        return found

    yield begin
    for found in running:
        found.stop()


def convert(service, source="s3://models/in/m.h5", target="s3://models/out/m.keras", **more):
    return post(service, "/v1/convert", {"source": {"uri": source}, "target": {"uri": target}} | more)


def body(found, key):
    return found.client.get_object(Bucket="models", Key=key)["Body"].read()


def test_buckets_as_host_names(start, server, model):
    found = server(model, domain="localhost")
    service = start(**KEYS, KFERRY_S3_ENDPOINT=f"http://localhost:{found.port}", KFERRY_S3_PATH_STYLE="no")
    assert convert(service, target="s3://models/out/a b+c.keras").status == 200
    assert body(found, "out/a b+c.keras")[:2] == b"PK"
    order = {"source": {"uri": "s3://models/in/"}, "to": "keras", "target": {"uri": "s3://models/all/"}}
    assert post(service, "/v1/convert", order).status == 200
    assert body(found, "all/in.keras")[:2] == b"PK"


def test_host_names_are_what_is_asked(start, s3, proxy, model):
    s3.fresh("models")
    service = start(**KEYS, KFERRY_S3_ENDPOINT=f"http://localhost:{proxy.port}", KFERRY_S3_PATH_STYLE="no")
    convert(service)
    assert proxy.seen[0][1] == "/in/m.h5" and f"Host: models.localhost:{proxy.port}" in proxy.seen[0][2]


@pytest.mark.parametrize(
    "answer",
    [
        said("301 Moved Permanently", headers=f"x-amz-bucket-region: {REGION}\r\n"),
        said("307 Temporary Redirect", headers=f"x-amz-bucket-region: {REGION}\r\n"),
        said("400 Bad Request", "<?xml version='1.0'?><Error><Code>AuthorizationHeaderMalformed</Code>"
             f"<Region>{REGION}</Region></Error>"),
        None,
    ],
    ids=["301", "307", "400", "the server's own"],
)
def test_region_is_learnt(start, s3, proxy, model, answer):
    s3.fresh("models")
    s3.client.put_object(Bucket="models", Key="in/m.h5", Body=model)
    proxy.rule = lambda method, path, n: None if REGION in proxy.seen[-1][2] else answer
    service = start(**KEYS | {"AWS_REGION": "us-west-9"}, KFERRY_S3_ENDPOINT=f"http://127.0.0.1:{proxy.port}")
    assert convert(service).status == 200
    signed = [f"/{REGION}/s3/" in head for _, _, head in proxy.seen]
    assert not signed[0] and signed[1], "a first request for one region, a second one for the other"


def test_redirect_without_a_region_ends(start, s3, proxy):
    proxy.rule = lambda method, path, n: said("301 Moved Permanently", headers="Location: http://127.0.0.1/\r\n")
    service = start(**KEYS, KFERRY_S3_ENDPOINT=f"http://127.0.0.1:{proxy.port}")
    answer = convert(service)
    assert (answer.status, answer.json()["code"]) == (422, "source-unavailable"), answer
    assert len(proxy.seen) == 1


def test_tls(start, server, model):
    found = server(model, tls=True)
    large = large_model.model(12_000_000)
    found.client.put_object(Bucket="models", Key="in/large.h5", Body=large)
    trusting = KEYS | {"KFERRY_S3_ENDPOINT": found.url, "KFERRY_S3_PART": "5MiB"}
    for more in ({"KFERRY_S3_CA": found.ca}, {"AWS_CA_BUNDLE": found.ca}):
        target = f"s3://models/out/{len(more)}{list(more)[0]}.h5"
        answer = convert(start(**trusting, **more), "s3://models/in/large.h5", target, keras="2.15")
        assert answer.status == 200, answer
        assert len(body(found, target.removeprefix("s3://models/"))) == answer.json()["bytes"]
    answer = convert(start(**trusting))
    assert (answer.status, answer.json()["code"]) == (502, "source-fetch-failed"), answer
    assert "certificate" in answer.json()["detail"]


def test_versions(start, server, model):
    found = server(model, versions=True)
    found.client.put_bucket_versioning(Bucket="models", VersioningConfiguration={"Status": "Enabled"})
    first = found.client.put_object(Bucket="models", Key="in/v.h5", Body=model)["VersionId"]
    found.client.put_object(Bucket="models", Key="in/v.h5", Body=b"another")
    service = start(**KEYS, KFERRY_S3_ENDPOINT=found.url)
    source = {"uri": "s3://models/in/v.h5", "version_id": first, "sha256": hashlib.sha256(model).hexdigest()}
    assert post(service, "/v1/inspect", {"source": source}).status == 200
    answer = post(service, "/v1/inspect", {"source": {**source, "version_id": "01BX5ZZKBKACTAV9WEVGEMMVRZ"}})
    assert (answer.status, answer.json()["code"]) == (422, "source-unavailable"), answer
    assert "version" in answer.json()["detail"]


def test_public_buckets_need_no_keys(start, server, model, tmp_path):
    found = server(model)
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::models/*"}]}
    found.client.put_bucket_policy(Bucket="models", Policy=json.dumps(policy))
    less = {"KFERRY_S3_READ_BUCKETS": "models", "HOME": tmp_path, "AWS_EC2_METADATA_DISABLED": "true",
            "KFERRY_S3_ENDPOINT": found.url, "AWS_REGION": REGION}
    order = {"source": {"uri": "s3://models/in/m.h5"}}
    answer = post(start(**less), "/v1/inspect", order)
    assert (answer.status, answer.json()["code"]) == (503, "credentials-unavailable"), answer
    assert "KFERRY_S3_ANONYMOUS" in answer.json()["detail"]
    assert post(start(**less, KFERRY_S3_ANONYMOUS=1), "/v1/inspect", order).status == 200
    found.client.delete_bucket_policy(Bucket="models")
    answer = post(start(**less, KFERRY_S3_ANONYMOUS=1), "/v1/inspect", order)
    assert (answer.status, answer.json()["code"]) == (422, "source-unavailable"), answer


MIB = 1 << 20


@pytest.mark.parametrize("size", [5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 20 * MIB, 25 * MIB, 25 * MIB + 1, 1 << 30])
def test_sizes(start, s3, model, size):
    """Every byte of objects around the bounds of parts, and of one of 1 GiB, is read."""
    s3.fresh("models")
    path = Path(s3.folder, "store", "models", "sized.h5")
    path.write_bytes(model)
    os.truncate(path, size)
    digest = hashlib.sha256(model)
    zeros = memoryview(bytes(MIB))
    for at in range(len(model), size, MIB):
        digest.update(zeros[: min(MIB, size - at)])
    part = "5MiB" if size < 1 << 30 else "64MiB"
    service = start(**KEYS, KFERRY_S3_ENDPOINT=s3.url, KFERRY_S3_PART=part)
    source = {"uri": "s3://models/sized.h5", "sha256": digest.hexdigest()}
    answer = post(service, "/v1/inspect", {"source": source})
    assert answer.status == 200, answer
    source["sha256"] = "0" * 64
    assert post(service, "/v1/inspect", {"source": source}).json()["code"] == "digest-mismatch"


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256", None])
@pytest.mark.parametrize("size", [20_000, 20_000_000])
def test_what_came_is_held_against_the_storages_checksum(start, s3, model, size, algorithm):
    """A byte that changed on the storage's disk; without a word from us it keeps CRC64NVME."""
    s3.fresh("models")
    data = model + bytes(size)
    if algorithm:
        s3.client.put_object(Bucket="models", Key="in/m.h5", Body=data, ChecksumAlgorithm=algorithm)
    else:
        put = s3.client.generate_presigned_url("put_object", {"Bucket": "models", "Key": "in/m.h5"})
        urllib.request.urlopen(urllib.request.Request(put, data, method="PUT")).close()
    service = start(**KEYS, KFERRY_S3_ENDPOINT=s3.url, KFERRY_S3_PART="5MiB")
    order = {"source": {"uri": "s3://models/in/m.h5"}}
    assert post(service, "/v1/inspect", order).status == 200
    with open(Path(s3.folder, "store", "models", "in", "m.h5"), "r+b") as stored:
        stored.seek(len(data) - 7)
        stored.write(b"x")
    answer = post(service, "/v1/inspect", order)
    assert (answer.status, answer.json()["code"]) == (502, "source-fetch-failed"), answer
    assert (algorithm or "crc64nvme").lower() in answer.json()["detail"]


def test_checksum_of_parts_is_let_be(start, s3, model):
    s3.fresh("models")
    upload = s3.client.create_multipart_upload(Bucket="models", Key="in/m.h5", ChecksumAlgorithm="SHA256")["UploadId"]
    where = {"Bucket": "models", "Key": "in/m.h5", "UploadId": upload}
    parts = []
    for number, data in enumerate((model + bytes(6_000_000), bytes(100)), 1):
        part = s3.client.upload_part(**where, PartNumber=number, Body=data, ChecksumAlgorithm="SHA256")
        parts.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]})
    s3.client.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    head = s3.client.head_object(Bucket="models", Key="in/m.h5", ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"].endswith("-2")
    service = start(**KEYS, KFERRY_S3_ENDPOINT=s3.url)
    assert post(service, "/v1/inspect", {"source": {"uri": "s3://models/in/m.h5"}}).status == 200


@pytest.mark.parametrize("part", ["PUT", "partNumber=", "uploadId="])
def test_lost_answer_to_what_was_stored(start, s3, proxy, model, part):
    """The object is there, the storage's word for it never came: the second try must not find another's."""
    s3.fresh("models")
    s3.client.put_object(Bucket="models", Key="in/m.h5", Body=model)
    s3.client.put_object(Bucket="models", Key="in/large.h5", Body=large_model.model(12_000_000))
    lost = []

    def rule(method, path, n):
        wanted = method == "PUT" and "?" not in path if part == "PUT" else part in path
        if wanted and not lost and not path.endswith(".json"):
            lost.append(path)
            return "answer", 5
        return None

    proxy.rule = rule
    service = start(**KEYS, KFERRY_S3_ENDPOINT=f"http://127.0.0.1:{proxy.port}", KFERRY_S3_PART="5MiB")
    name = "m" if part == "PUT" else "large"
    answer = convert(service, f"s3://models/in/{name}.h5", "s3://models/out/lost.h5", keras="2.15")
    assert answer.status == 200 and lost, answer
    assert len(s3.client.get_object(Bucket="models", Key="out/lost.h5")["Body"].read()) == answer.json()["bytes"]


def test_report_where_it_was_asked_for(start, s3, files, model):
    s3.fresh("models")
    s3.client.put_object(Bucket="models", Key="in/m.h5", Body=model)
    service = start(**KEYS, KFERRY_S3_ENDPOINT=s3.url, KFERRY_URLS="http", KFERRY_SSRF_ALLOW_HOSTS="127.0.0.1")
    target = {"uri": "s3://models/out/m.keras", "report_uri": "s3://models/reports/m.json"}
    assert post(service, "/v1/convert", {"source": {"uri": "s3://models/in/m.h5"}, "target": target}).status == 200
    found = [o["Key"] for o in s3.client.list_objects_v2(Bucket="models")["Contents"]]
    assert found == ["in/m.h5", "out/m.keras", "reports/m.json"]
    assert json.loads(body(s3, "reports/m.json"))["verdict"] == "adapted"
    target = {"uri": files.url("/put/m.keras?sig=SECRET"), "report_uri": files.url("/put/r.json?sig=SECRET")}
    answer = post(service, "/v1/convert", {"source": {"uri": "s3://models/in/m.h5"}, "target": target})
    assert answer.status == 200 and "SECRET" not in str(answer.body) + str(service.lines), answer
    assert list(files.put) == ["/put/m.keras", "/put/r.json"]
    assert json.loads(files.put["/put/r.json"])["verdict"] == "adapted"
    target = {"uri": "s3://models/out/n.keras", "report_uri": "s3://others/r.json"}
    answer = post(service, "/v1/convert", {"source": {"uri": "s3://models/in/m.h5"}, "target": target})
    assert (answer.status, answer.json()["code"]) == (403, "target-not-allowed"), answer

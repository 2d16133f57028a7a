# SPDX-License-Identifier: Apache-2.0
"""What comes back: headers, forms, reports, problems."""

import hashlib
import io
import os
import tarfile
import zipfile

import pytest
from kferry_service import multipart

TO = "/v1/convert/keras/my%20model.h5"


def test_artefact_carries_its_headers(service, model):
    answer = service.put(TO, model, **{"X-Request-Id": "build-42"})
    h = answer.headers
    assert answer.status == 200
    assert int(h["content-length"]) == len(answer.body)
    assert h["content-disposition"] == (
        "attachment; filename=\"my model.keras\"; filename*=UTF-8''my%20model.keras"
    )
    assert h["conversion-report"] == f"/v1/reports/{h['conversion-id']}"
    assert 'rel="describedby"' in h["link"] and h["conversion-report"] in h["link"]
    assert "renamed=" in h["conversion-summary"] and "tensors=" in h["conversion-summary"]
    assert h["x-request-id"] == "build-42"
    assert h["x-content-type-options"] == "nosniff"
    assert h["cache-control"] == "no-store"
    assert "dur=" in h["server-timing"]


def test_report_stays_readable(service, model, broken):
    for body, status in ((model, 200), (broken, 422)):
        answer = service.put(TO, body)
        assert answer.status == status
        report = service.get(answer.headers["conversion-report"])
        assert report.status == 200
        assert report.headers["content-type"] == "application/json"
        assert report.json()["verdict"] == ("refused" if status == 422 else "adapted")


def test_report_holds_the_hash_of_the_source(service, model):
    answer = service.put(TO, model)
    report = service.get(answer.headers["conversion-report"]).json()
    assert hashlib.sha256(model).hexdigest() in str(report["source"])


def test_hash_of_a_large_source_is_of_all_of_it(service, model):
    """A thread of its own follows what comes; of a form the first file alone."""
    large = model + os.urandom((9 << 20) + 12345)
    expected = {"sha256": hashlib.sha256(large).hexdigest()}
    form, kind = multipart(("file", "dense.h5", large), ("to", "keras"))
    for answer in (
        service.put(TO, large),
        service.put(TO, large, Accept="application/x-tar"),
        service.put(TO, (large[i : i + 100000] for i in range(0, len(large), 100000))),
        service.request("POST", "/v1/convert", form, {"Content-Type": kind}),
    ):
        assert answer.status == 200
        source = service.get(answer.headers["conversion-report"]).json()["source"]
        assert source | expected == source
    assert service.wait_idle()
    assert service.put(TO, model).status == 200


def test_report_goes_after_its_time(start, model):
    service = start(KFERRY_REPORT_TTL=1)
    link = service.put(TO, model).headers["conversion-report"]
    import time

    assert service.get(link).status == 200
    time.sleep(1.2)
    assert service.get(link).json()["code"] == "report-not-found"


def test_tar_and_zip_hold_artefact_and_report(service, model):
    whole = service.put(TO, model).body
    tar = service.put(TO, model, Accept="application/x-tar")
    assert tar.status == 200 and tar.headers["content-type"] == "application/x-tar"
    assert 'filename="my model-kferry.tar"' in tar.headers["content-disposition"]
    with tarfile.open(fileobj=io.BytesIO(tar.body)) as archive:
        names = archive.getnames()
        assert names == ["my model-kferry/my model.keras", "my model-kferry/report.json"]
        assert archive.extractfile(names[0]).read() == whole
    zipped = service.put(TO, model, Accept="application/zip")
    assert zipped.status == 200 and zipped.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(zipped.body)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == names
        assert archive.read(names[0]) == whole


def test_the_script_that_compares_comes_in_an_archive(service, model):
    path = f"{TO}?verify=script"
    tar = service.put(path, model, Accept="application/x-tar")
    with tarfile.open(fileobj=io.BytesIO(tar.body)) as archive:
        assert archive.getnames()[2:] == ["my model-kferry/verify.py"]
        script = archive.extractfile("my model-kferry/verify.py").read().decode()
    compile(script, "verify.py", "exec")
    assert "REPORT = json.loads(" in script and "REPORT = None" not in script
    with zipfile.ZipFile(io.BytesIO(service.put(path, model, Accept="application/zip").body)) as archive:
        assert archive.testzip() is None and archive.namelist()[2] == "my model-kferry/verify.py"
    for accept in ("*/*", "application/json"):
        alone = service.put(path, model, Accept=accept)
        assert alone.status == 400 and "application/x-tar or application/zip" in alone.json()["detail"]


def test_folder_is_sent_as_tar_or_zip(service, model):
    tar = service.put("/v1/convert/savedmodel/m.h5", model)
    assert tar.status == 200 and tar.headers["content-type"] == "application/x-tar"
    with tarfile.open(fileobj=io.BytesIO(tar.body)) as archive:
        held = {member.name: archive.extractfile(member).read() for member in archive}
    zipped = service.put("/v1/convert/savedmodel/m.h5?archive=zip", model)
    assert zipped.status == 200 and zipped.headers["content-type"] == "application/zip"
    assert 'filename="m.zip"' in zipped.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(zipped.body)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == held
    refused = service.put(f"{TO}?archive=zip", model)
    assert refused.status == 400 and "leave archive out" in refused.json()["detail"]


def test_tar_with_a_long_name(service, model):
    name = "模" * 60
    path = f"/v1/convert/keras/{'%E6%A8%A1' * 60}.h5"
    answer = service.put(path, model, Accept="application/x-tar")
    with tarfile.open(fileobj=io.BytesIO(answer.body)) as archive:
        assert archive.getnames()[0] == f"{name}-kferry/{name}.keras"


def test_json_form_holds_the_report(service, model):
    answer = service.put(TO, model, Accept="application/json").json()
    assert answer["artifact"] is None
    assert answer["report"]["verdict"] == "adapted"
    assert answer["links"]["report"] == f"/v1/reports/{answer['id']}"
    assert answer["filename"] == "my model.keras" and answer["bytes"] > 0


@pytest.mark.parametrize(
    "accept, kind",
    [
        ("*/*", None),
        ("application/json, text/plain, */*", None),
        ("text/html,application/xhtml+xml,*/*;q=0.8", None),
        ("application/x-tar;q=0.5, application/json;q=0.9", "application/json"),
        ("application/*;q=0.1, application/x-tar", "application/x-tar"),
        ("application/x-tar, application/octet-stream;q=0", "application/x-tar"),
    ],
)
def test_accept_chooses_the_form(service, model, accept, kind):
    answer = service.put(TO, model, Accept=accept)
    assert answer.status == 200
    if kind:
        assert answer.headers["content-type"] == kind
    else:
        assert "my%20model.keras" in answer.headers["content-disposition"]


@pytest.mark.parametrize("accept", ["text/html", "image/*", "application/x-tar;q=0"])
def test_unknown_form_is_406_that_names_the_others(service, accept):
    head = f"PUT {TO} HTTP/1.1\r\nHost: h\r\nAccept: {accept}\r\nContent-Length: 99999\r\n\r\n"
    answer = service.raw(head.encode())
    assert answer.status == 406
    for kind in ("octet-stream", "x-tar", "zip", "json"):
        assert kind in answer.json()["detail"]
    for path in ("/v1/formats", "/v1/inspect/", "/v1/plan/keras/x"):
        method = "GET" if path == "/v1/formats" else "PUT"
        assert service.request(method, path, headers={"Accept": accept}).status == 406


def test_bad_file_is_422_with_its_report(service, broken):
    answer = service.put(TO, broken)
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == 422 and problem["code"] == answer.headers["conversion-error"]
    assert problem["report"]["verdict"] == "refused"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["retryable"] is False
    assert service.put(TO, b"").status == 422


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "ü", "a;b", "\x7f"])
def test_strange_request_id_is_replaced(service, sent):
    head = f"GET /version HTTP/1.1\r\nHost: h\r\nX-Request-Id: {sent}\r\n\r\n"
    answer = service.raw(head.encode())
    assert answer.headers["x-request-id"] != sent
    assert len(answer.headers["x-request-id"]) == 36


def test_unknown_path_is_404_with_a_suggestion(service):
    for path, near in (
        ("/v1/format", "/v1/formats"),
        ("/v1/convrt/keras/x.h5", "/v1/convert"),
        ("/redyz", "/readyz"),
    ):
        answer = service.get(path)
        assert (answer.status, answer.json()["code"]) == (404, "not-found")
        assert near in answer.json()["detail"]
    assert service.get("/v1").status == 404
    assert service.get("/a/b/c/d/e/f/g/h/i/j").status in (400, 404)


def test_wrong_method_is_405_with_allow(service):
    for method, path, allow in (
        ("GET", "/v1/convert", "PUT, POST"),
        ("DELETE", "/v1/convert/keras/x.h5", "PUT, POST"),
        ("POST", "/v1/formats", "GET, HEAD"),
        ("PATCH", "/livez", "GET, HEAD"),
    ):
        answer = service.request(method, path)
        assert (answer.status, answer.headers["allow"]) == (405, allow)
        assert answer.json()["code"] == "method-not-allowed"


def test_head_is_get_without_the_body(service):
    for path in ("/livez", "/readyz", "/startupz", "/v1/formats", "/v1/capacity", "/version"):
        get, head = service.get(path), service.request("HEAD", path)
        assert (get.status, head.status, head.body) == (200, 200, b"")
        assert head.headers["content-length"] == get.headers["content-length"]


def test_connection_is_kept(service, model):
    with service.connect() as sock:
        from kferry_service import read_answer

        for head, body in ((b"GET /livez", b""), (b"PUT " + TO.encode(), model), (b"GET /x", b"")):
            rest = b" HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body)
            sock.sendall(head + rest + body)
            assert read_answer(sock).status in (200, 404)


def test_capacity_tells_limits_and_sandbox(service):
    capacity = service.capacity()
    assert capacity["workers"] == 2 and capacity["busy"] == 0
    assert capacity["queue"]["limit"] >= 0 and capacity["limits"]["body_bytes"] > 0
    assert "level" in capacity["sandbox"]
    assert service.events("listening")[0]["sandbox"] == capacity["sandbox"]


def test_one_log_line_a_request(service, model, broken):
    for body, rid in ((model, "good-1"), (broken, "bad-1")):
        service.put(TO, body, **{"X-Request-Id": rid})
    service.stop()
    for rid, status in (("good-1", 200), ("bad-1", 422)):
        lines = [line for line in service.events("request") if line["request_id"] == rid]
        assert [line["status"] for line in lines] == [status]
        assert lines[0]["route"] == "v1/convert/{to}/{filename}" and lines[0]["worker_pid"] > 0

# SPDX-License-Identifier: Apache-2.0
"""The forms a request may have; all give the same artefact."""

import json
import subprocess
from pathlib import Path

import pytest
from kferry_service import FIXTURES, multipart
from test_admission import Background

TO = "/v1/convert/keras/"


def artifact(answer):
    assert answer.status == 200, answer
    return answer.body


def test_all_forms_give_the_same_artefact(service, model):
    whole = artifact(service.put(TO + "dense.h5", model))
    assert len(whole) > 100
    assert artifact(service.put(TO, model)) == whole
    assert artifact(service.put("/v1/convert/keras", model)) == whole
    assert artifact(service.put("/v1/convert?to=keras&filename=dense.h5", model)) == whole
    assert artifact(service.request("POST", "/v1/convert?to=keras", model)) == whole
    for parts in (
        [("file", "dense.h5", model), ("to", "keras")],
        [("to", "keras"), ("file", "dense.h5", model)],
        [("allow", "adapted"), ("file", "dense.h5", model), ("to", "keras")],
    ):
        body, kind = multipart(*parts)
        answer = service.request("POST", "/v1/convert", body, {"Content-Type": kind})
        assert artifact(answer) == whole
        assert 'filename="dense.keras"' in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    "kind",
    ["application/x-www-form-urlencoded", "application/json", "text/plain", "multipart/mixed", "x"],
)
def test_body_that_is_no_form_is_the_file(service, model, kind):
    answer = service.request("POST", "/v1/convert?to=keras", model, {"Content-Type": kind})
    assert artifact(answer)


def test_chunked_body_is_the_file(service, model):
    chunks = (model[i : i + 1000] for i in range(0, len(model), 1000))
    assert artifact(service.put(TO, chunks)) == artifact(service.put(TO, model))


def test_curl_forms(service, tmp_path):
    url = f"http://{service.address}"
    path = FIXTURES / "zoo" / "dense.h5"
    for i, form in enumerate(
        (
            ["-T", path, url + TO],
            ["--data-binary", f"@{path}", url + "/v1/convert?to=keras"],
            ["-F", f"file=@{path}", "-F", "to=keras", url + "/v1/convert"],
            ["-F", "to=keras", "-F", f"file=@{path}", url + "/v1/convert"],
        )
    ):
        out = tmp_path / f"out{i}"
        subprocess.run(["curl", "-fsS", "-o", out, *form], check=True)
        assert out.read_bytes() == (tmp_path / "out0").read_bytes()
    subprocess.run(["curl", "-fsS", "-OJ", "-T", path, url + TO], check=True, cwd=tmp_path)
    assert (tmp_path / "dense.keras").read_bytes() == (tmp_path / "out0").read_bytes()


@pytest.mark.parametrize(
    "sent, got",
    [
        ("my%20model%2bv1.h5", "my model+v1.keras"),
        ("a%2Fb.h5", "b.keras"),
        ("%E6%A8%A1%E5%9E%8B.h5", "模型.keras"),
    ],
)
def test_filename_of_the_path_names_the_artefact(service, model, sent, got):
    from urllib.parse import unquote

    answer = service.put(TO + sent, model)
    assert answer.status == 200
    name = answer.headers["content-disposition"].split("filename*=UTF-8''")[1]
    assert unquote(name) == got


@pytest.mark.parametrize(
    "path, word",
    [
        ("/v1/convert?tto=keras", "to"),
        ("/v1/convert?to=kreas", "keras"),
        ("/v1/convert/nonsense/x.h5", "nonsense"),
        ("/v1/convert", "to"),
        ("/v1/convert/keras/x.h5?allow=perhaps", ""),
        ("/v1/convert/keras/x.h5?to=nonsense", ""),
        ("/v1/convert/keras/%zz", ""),
        ("/v1/convert/keras/%00", ""),
    ],
)
def test_bad_parameter_is_400_before_the_body(service, path, word):
    head = f"PUT {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n"
    answer = service.raw(head.encode())
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] in ("invalid-parameter", "invalid-request")
    assert word in problem["detail"]


@pytest.mark.parametrize(
    "parts, code",
    [
        ([("to", "keras")], "invalid-request"),
        ([("tto", "keras"), ("file", "x", b"1")], "invalid-parameter"),
        ([("file", "x", b"1"), ("tto", "keras")], "invalid-parameter"),
        ([("file", "x", b"1"), ("architecture", "a", b"2"), ("architecture", "b", b"3"),
          ("to", "keras")], "invalid-request"),
        ([("architecture", "a", b"2"), ("to", "keras")], "invalid-request"),
        ([("file", "x", b"1")] * 129 + [("to", "keras")], "invalid-request"),
        ([("guess", "no")] * 17 + [("file", "x", b"1")], "malformed-multipart"),
        ([("file", "x", b"1")], "invalid-parameter"),
        ([("to", "k" * 10000), ("file", "x", b"1")], "invalid-parameter"),
    ],
)
def test_bad_form_is_400(service, parts, code):
    body, kind = multipart(*parts)
    answer = service.request("POST", "/v1/convert", body, {"Content-Type": kind})
    assert (answer.status, answer.json()["code"]) == (400, code)


def test_broken_form_is_400(service):
    body, kind = multipart(("to", "keras"), ("file", "x", b"1" * 100))
    for cut, type_ in ((body[:-30], kind), (body, "multipart/form-data")):
        answer = service.request("POST", "/v1/convert", cut, {"Content-Type": type_})
        assert (answer.status, answer.json()["code"]) == (400, "malformed-multipart")


def test_inspect_and_plan_answer_json(service, model):
    for path in ("/v1/inspect/", "/v1/inspect", "/v1/inspect/x.h5", "/v1/plan/keras/x.h5"):
        answer = service.put(path, model)
        assert answer.status == 200, answer
        assert answer.headers["content-type"] == "application/json"
    graph = service.put("/v1/inspect/x.h5", model).json()["graph"]
    assert [node["class_name"] for node in graph["nodes"]] == ["InputLayer", "Dense"]
    assert graph["nodes"][1]["calls"] == [{"inbound": [{"path": "in_0", "call": 0, "output": 0}], "output_shape": [None, 5]}]
    answer = service.request("POST", "/v1/plan?to=keras", model)
    assert answer.json()["verdict"] in ("exact", "adapted")
    assert "content-disposition" not in answer.headers


def test_every_file_of_a_form_reaches_the_worker(service, model):
    """In the job's folder as it is while the worker, which is held up, has it."""
    service.set_mode("sleep 1")
    body, kind = multipart(("architecture", "a.json", b"{}"), ("file", "m/0.h5", model[:1000]),
                           ("to", "keras"), ("file", "1.h5", model[1000:]),
                           ("file", "", b""))
    answers = Background(1, lambda: service.request("POST", "/v1/convert", body,
                                                    {"Content-Type": kind}))
    assert service.wait_busy(0)
    folder = Path(service.job_folders()[0])
    assert (folder / "in").read_bytes() == model[:1000]
    assert (folder / "in-1").read_bytes() == b"{}"
    assert (folder / "in-2").read_bytes() == model[1000:]
    assert (folder / "in-3").read_bytes() == b""
    told = json.loads((folder / "request.json").read_text())["inputs"]
    assert [(row["role"], row["name"]) for row in told] == [
        ("file", "0.h5"), ("architecture", "a.json"), ("file", "1.h5"), ("file", "")]
    assert [a.status for a in answers.wait()] == [406]  # two models, and no archive was asked for


def test_all_files_of_a_form_count(start):
    service = start(KFERRY_BODY_MAX=10000)
    body, kind = multipart(("to", "keras"), *[("file", f"{i}", b"1" * 4000) for i in range(3)])
    chunks = (body[i : i + 1000] for i in range(0, len(body), 1000))
    answer = service.request("POST", "/v1/convert", chunks, {"Content-Type": kind})
    assert (answer.status, answer.json()["code"]) == (413, "body-too-large")


def test_architecture_is_no_text(service, model):
    answer = service.request("PUT", TO + "?architecture=a.json", model)
    assert (answer.status, answer.json()["code"]) == (400, "invalid-parameter")
    assert 'the part "architecture"' in answer.json()["detail"]

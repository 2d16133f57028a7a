# SPDX-License-Identifier: Apache-2.0
"""Archives as bodies: one model in them, several, none that converts."""

import io
import json
import tarfile
import zipfile

import jsonschema
import pytest
from kferry_service import FIXTURES, multipart, wait_until

TO = "/v1/convert/keras/"
API = FIXTURES.parents[1] / "api"
TYPES = {"application/x-tar": "tar", "application/zip": "zip"}


def schema(name):
    return jsonschema.Draft202012Validator(json.loads((API / name).read_text())).validate


def packed(files, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def unpacked(answer):
    if answer.headers["content-type"] == "application/x-tar":
        with tarfile.open(fileobj=io.BytesIO(answer.body)) as archive:
            return {m.name: archive.extractfile(m).read() for m in archive.getmembers()}
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("pack", [packed, tarred])
def test_one_model_in_an_archive_is_its_answer(service, model, pack):
    whole = service.put(TO + "dense.h5", model).body
    answer = service.put(TO + "best.zip", pack({"a/dense.h5": model, "a/x.txt": b"x"}))
    assert answer.status == 200 and answer.body == whole
    assert 'filename="best.keras"' in answer.headers["content-disposition"]
    report = service.get(answer.headers["conversion-report"]).json()
    assert report["source"]["member"] == "a/dense.h5"


@pytest.mark.parametrize("type_", sorted(TYPES))
@pytest.mark.parametrize("pack", [packed, tarred])
def test_several_models_come_in_one_archive(service, model, pack, type_):
    body = pack({"a/1.h5": model, "b/2.h5": model, "b/bad.h5": model[:1500], "x.txt": b"x"})
    answer = service.put(TO + "set.zip", body, Accept=type_)
    assert answer.status == 200, answer
    assert answer.headers["content-type"] == type_
    assert f'filename="set-kferry.{TYPES[type_]}"' in answer.headers["content-disposition"]
    files = unpacked(answer)
    assert sorted(files) == [
        "set-kferry/a/1.keras", "set-kferry/a/1.keras.report.json", "set-kferry/b/2.keras",
        "set-kferry/b/2.keras.report.json", "set-kferry/b/bad.keras.report.json",
        "set-kferry/summary.json"]
    whole = service.put(TO + "dense.h5", model).body
    assert files["set-kferry/a/1.keras"] == files["set-kferry/b/2.keras"] == whole
    summary = json.loads(files["set-kferry/summary.json"])
    schema("summary.schema.json")(summary)
    assert summary["counts"] == {"models": 3, "succeeded": 2, "failed": 1}
    for row in summary["models"]:
        report = json.loads(files["set-kferry/" + row["report"]])
        schema("report.schema.json")(report)
        assert report["verdict"] == row["verdict"]
        assert row["artifact"] is None or "set-kferry/" + row["artifact"] in files
    again = service.get(answer.headers["conversion-report"]).json()
    schema("summary.schema.json")(again)
    assert again["models"] == summary["models"]
    assert again["source"]["sha256"] == summary["source"]["sha256"] is not None
    assert service.job_folders() == []


@pytest.mark.parametrize("accept", [None, "*/*", "application/octet-stream", "application/json"])
def test_several_models_need_an_archive_as_answer(service, model, accept):
    headers = {"Accept": accept} if accept else {}
    answer = service.put(TO + "set.zip", packed({"1.h5": model, "2.h5": model}), **headers)
    assert (answer.status, answer.json()["code"]) == (406, "not-acceptable")
    assert "application/x-tar" in answer.json()["detail"]
    assert "application/zip" in answer.json()["detail"]


def test_batch_without_any_result_is_422(service, model):
    answer = service.put(TO + "set.zip", packed({"1.h5": model[:900], "2.h5": model[:1500]}),
                         Accept="application/zip")
    problem = answer.json()
    assert (answer.status, problem["code"]) == (422, "conversion-refused")
    assert "none of the 2 models" in problem["detail"]
    schema("summary.schema.json")(problem["report"])


def checkpoints():
    """Two checkpoints with their architecture, and the list that calls the second one the latest."""
    with zipfile.ZipFile(FIXTURES / "savedmodel/weights.zip") as made:
        files = {"model.json": made.read("weights_dense.json")}
        with tarfile.open(fileobj=io.BytesIO(made.read("weights_dense.tar"))) as saved:
            for m in saved:
                for n in (1, 2) if "weights.ckpt" in m.name else ():
                    files[m.name.split("/")[1].replace("weights.ckpt", f"c-{n}")] = saved.extractfile(m).read()
    return packed({**files, "checkpoint": b'model_checkpoint_path: "c-2"\n'})


def test_of_several_checkpoints_the_latest_or_all(service):
    body = checkpoints()
    answer = service.put(TO + "set.zip", body, Accept="application/zip")
    assert sorted(unpacked(answer)) == ["set-kferry/report.json", "set-kferry/set.keras"]
    latest = service.put(TO + "set.zip", body).body
    answer = service.put(TO + "set.zip?checkpoints=all", body, Accept="application/zip")
    files = unpacked(answer)
    assert {"set-kferry/c-1.keras", "set-kferry/c-2.keras", "set-kferry/summary.json"} < set(files)
    assert files["set-kferry/c-2.keras"] == latest
    assert service.put(TO + "set.zip?checkpoints=all", body).status == 406
    plan = service.put("/v1/plan/keras/set.zip?checkpoints=all", body).json()
    assert plan["counts"] == {"models": 2, "succeeded": 2, "failed": 0}
    assert [row["latest"] for row in service.put("/v1/inspect/set.zip", body).json()["models"]] == [False, True]


def test_plan_of_a_batch_is_its_summary(service, model):
    answer = service.put("/v1/plan/keras/set.zip", packed({"1.h5": model, "2.h5": model}))
    assert answer.status == 200, answer
    schema("summary.schema.json")(answer.json())
    assert [row["report"]["verdict"] for row in answer.json()["models"]] == ["adapted"] * 2


def test_inspect_lists_the_models(service, model):
    answer = service.put("/v1/inspect/set.zip", packed({"1.h5": model, "2.h5": model}))
    assert answer.status == 200
    assert [row["path"] for row in answer.json()["models"]] == ["1.h5", "2.h5"]


def test_files_of_a_form_that_are_models_of_their_own(service, model):
    body, kind = multipart(("file", "1.h5", model), ("file", "2.h5", model), ("to", "keras"))
    answer = service.request("POST", "/v1/convert", body,
                             {"Content-Type": kind, "Accept": "application/x-tar"})
    assert answer.status == 200, answer
    assert {"1-kferry/1.keras", "1-kferry/2.keras"} < set(unpacked(answer))


def test_weights_and_architecture_of_a_form(service):
    case = FIXTURES.parent / "golden" / "weights_two_dense"
    weights, config = (case / "in.h5").read_bytes(), (case / "architecture.json").read_bytes()
    for name in ("architecture", "file"):
        body, kind = multipart((name, "a.json", config), ("file", "w.h5", weights),
                               ("to", "keras"))
        answer = service.request("POST", "/v1/convert", body, {"Content-Type": kind})
        assert answer.status == 200, answer
        assert answer.body[:2] == b"PK"


def test_crash_of_one_worker_is_one_failed_model(service, model):
    service.set_mode("")
    answer = service.put(TO + "set.zip", packed({"1.h5": model, "2.h5": model}),
                         Accept="application/x-tar")
    assert answer.status == 200
    service.set_mode("kill 11")
    answer = service.put(TO + "set.zip", packed({"1.h5": model, "2.h5": model}),
                         Accept="application/x-tar")
    assert (answer.status, answer.json()["code"]) == (422, "worker-crashed")


def test_client_that_hangs_up_ends_the_whole_batch(start, model):
    service = start(KFERRY_WORKERS=1)
    service.set_mode("sleep 0.3")
    body = packed({f"{i}.h5": model for i in range(50)})
    with service.connect() as sock:
        sock.sendall(f"PUT {TO}set.zip HTTP/1.1\r\nHost: h\r\nAccept: application/x-tar\r\n"
                     f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert wait_until(lambda: any(f.startswith("model-") for f in folders(service)))
    assert wait_until(service.wait_idle, 5)
    assert wait_until(lambda: service.job_folders() == [])


def folders(service):
    return [p.name for p in service.scratch.glob("run-*/job-*/*")]


def test_batch_that_fills_the_scratch_is_507(start, model):
    service = start(KFERRY_SCRATCH_MAX=1 << 20, KFERRY_BODY_MAX=1 << 20)
    body = packed({f"{i}.h5": model for i in range(90)})
    answer = service.put(TO + "set.zip", body, Accept="application/x-tar")
    assert (answer.status, answer.json()["code"]) == (507, "scratch-full")
    assert service.capacity()["scratch"]["used_bytes"] == 0
    assert service.job_folders() == []


def test_job_of_a_batch_keeps_its_archive(start, model, tmp_path):
    service = start(KFERRY_DATA=tmp_path / "data")
    body = packed({"1.h5": model, "2.h5": model})
    answer = service.request("POST", "/v1/jobs?to=keras&filename=set.zip", body)
    assert answer.status == 202, answer
    job = service.get(answer.headers["location"] + "?wait=20").json()
    assert job["state"] == "succeeded", job
    answer = service.get(f"/v1/jobs/{job['id']}/artifact")
    assert answer.status == 200 and answer.headers["content-type"] == "application/x-tar"
    assert {"set-kferry/1.keras", "set-kferry/2.keras", "set-kferry/summary.json"} < set(
        unpacked(answer))

# SPDX-License-Identifier: Apache-2.0
"""Jobs: accepted with 202, told about, cancelled, fetched and forgotten."""

import base64
import hashlib
import io
import json
import tarfile
import threading
import time
import zipfile

import pytest
from kferry_service import multipart, wait_until

JOBS = "/v1/jobs?to=keras&filename=dense.h5"


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request):
    """Everything here is the same on both stores."""
    if request.param == "sqlite":
        return {}
    return {"KFERRY_STORE": request.getfixturevalue("postgres").create()}


def submit(service, body, path=JOBS, **headers):
    answer = service.request("POST", path, body, headers)
    assert answer.status == 202, answer
    return answer.json()["id"]


def job(service, id_, wait=0):
    answer = service.get(f"/v1/jobs/{id_}?wait={wait}")
    assert answer.status == 200, answer
    return answer.json()


def finished(service, id_, timeout=30):
    end = time.time() + timeout
    while time.time() < end:
        found = job(service, id_, 10)
        if found["done"]:
            return found
    raise AssertionError(f"the job does not end: {found}")


def test_a_large_job_is_known_again_by_its_hash(service, model):
    large = model + bytes(9 << 20) + b"x"
    key = {"Idempotency-Key": "large"}
    first = service.request("POST", JOBS, large, key)
    assert first.status == 202
    assert first.json()["source"]["sha256"] == hashlib.sha256(large).hexdigest()
    assert service.request("POST", JOBS, large, key).json()["id"] == first.json()["id"]
    assert service.request("POST", JOBS, large[:-1] + b"y", key).json()["code"] == "idempotency-key-reused"
    assert finished(service, first.json()["id"])["state"] == "succeeded"


def test_job_is_accepted_and_ends(service, model):
    answer = service.request("POST", JOBS, model)
    assert answer.status == 202
    id_ = answer.json()["id"]
    assert answer.headers["location"] == f"/v1/jobs/{id_}"
    assert answer.headers["conversion-id"] == id_
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["object"] == "job" and not answer.json()["done"]
    found = finished(service, id_)
    assert found["state"] == "succeeded" and found["error"] is None
    assert found["source"]["sha256"] == hashlib.sha256(model).hexdigest()
    assert found["source"]["filename"] == "dense.h5"
    assert found["result"]["verdict"] in ("exact", "adapted")
    for name in ("created_at", "started_at", "finished_at", "expires_at"):
        assert found[name].endswith("Z")
    artifact = service.get(found["links"]["artifact"])
    assert artifact.status == 200
    assert artifact.body == service.put("/v1/convert/keras/dense.h5", model).body
    assert hashlib.sha256(artifact.body).hexdigest() == found["result"]["sha256"]
    assert 'filename="dense.keras"' in artifact.headers["content-disposition"]
    report = service.get(found["links"]["report"])
    assert report.status == 200 and report.json()["id"] == id_


def test_result_of_a_job_is_named_by_its_release(service, model):
    told = "?to=h5&keras=2.13&filename=dense.h5"
    id_ = service.request("POST", JOBS.split("?")[0] + told, model).json()["id"]
    assert finished(service, id_)["result"]["filename"] == "dense-keras2.13.h5"


def test_job_takes_a_form(service, model):
    body, kind = multipart(("to", "keras"), ("file", "dense.h5", model))
    id_ = submit(service, body, "/v1/jobs", **{"Content-Type": kind})
    assert finished(service, id_)["state"] == "succeeded"


def test_nobody_gets_202_unasked(service, model):
    answer = service.put("/v1/convert/keras/dense.h5", model)
    assert answer.status == 200
    assert service.get("/v1/jobs").json()["jobs"] == []


def test_prefer_respond_async(service, model):
    answer = service.put("/v1/convert/keras/dense.h5", model, Prefer="respond-async")
    assert answer.status == 202
    assert answer.headers["preference-applied"] == "respond-async"
    assert finished(service, answer.json()["id"])["state"] == "succeeded"


def test_prefer_wait_answers_with_the_file_or_202(service, model, broken):
    whole = service.put("/v1/convert/keras/dense.h5", model).body
    prefer = {"Prefer": "respond-async, wait=20"}
    answer = service.put("/v1/convert/keras/dense.h5", model, **prefer)
    assert (answer.status, answer.body) == (200, whole)
    assert answer.headers["conversion-id"]
    assert service.put("/v1/convert/keras/dense.h5", broken, **prefer).status == 422
    service.set_mode("sleep 3")
    began = time.time()
    answer = service.put("/v1/convert/keras/dense.h5", model, Prefer="respond-async, wait=1")
    assert answer.status == 202 and 0.9 < time.time() - began < 2.5
    assert finished(service, answer.json()["id"])["state"] == "succeeded"


def test_failed_job_is_200_and_its_artifact_is_the_problem(service, broken):
    id_ = submit(service, broken)
    found = finished(service, id_)
    assert found["state"] == "failed" and found["result"] is None
    assert found["error"]["status"] == 422 and found["error"]["code"]
    answer = service.get(f"/v1/jobs/{id_}/artifact")
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == found["error"]["code"]
    assert answer.json()["instance"] == f"/v1/jobs/{id_}"
    assert service.get(f"/v1/jobs/{id_}/report").json()["verdict"] == "refused"


def test_artifact_of_an_unfinished_job_is_409(service, model):
    service.set_mode("sleep 2")
    id_ = submit(service, model)
    for what in ("artifact", "report"):
        answer = service.get(f"/v1/jobs/{id_}/{what}")
        assert (answer.status, answer.json()["code"]) == (409, "job-not-finished")
        assert "retry-after" in answer.headers


@pytest.mark.parametrize("path", ["", "/artifact", "/report", "/events"])
def test_unknown_job_is_404(service, path):
    for id_ in ("01a21795-3d4f-7070-a19e-228e66f540d9", "x", "%27"):
        answer = service.get(f"/v1/jobs/{id_}{path}")
        assert (answer.status, answer.json()["code"]) == (404, "job-not-found")


def test_bad_parameters_are_400_before_the_body(service):
    for path in ("/v1/jobs", "/v1/jobs?to=nonsense", "/v1/jobs?too=keras"):
        head = f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n"
        answer = service.raw(head.encode())
        assert (answer.status, answer.json()["code"]) == (400, "invalid-parameter")
    for path in ("?wait=x", "?limit=-1", "?state=asleep", "?after=%27"):
        prefix = "/v1/jobs/x" if "wait" in path else "/v1/jobs"
        assert service.get(prefix + path).json()["code"] == "invalid-parameter"


def test_methods_of_each_path(service):
    answer = service.request("PUT", "/v1/jobs")
    assert answer.status == 405
    assert {"GET", "HEAD", "POST"} == set(answer.headers["allow"].split(", "))
    answer = service.request("POST", "/v1/jobs/x")
    assert answer.status == 405 and "DELETE" in answer.headers["allow"]
    assert service.get("/v1/jobs/x:cancel").status == 405


def test_range_requests(service, model):
    id_ = submit(service, model)
    finished(service, id_)
    path = f"/v1/jobs/{id_}/artifact"
    whole = service.get(path)
    n, tag = len(whole.body), whole.headers["etag"]
    digest = base64.b64encode(hashlib.sha256(whole.body).digest()).decode()
    assert whole.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert tag == f'"sha256-{hashlib.sha256(whole.body).hexdigest()}"'
    assert whole.headers["accept-ranges"] == "bytes"
    for text, first, last in (
        ("bytes=0-9", 0, 9),
        ("bytes=10-", 10, n - 1),
        ("bytes=-7", n - 7, n - 1),
        (f"bytes=-{n + 5}", 0, n - 1),
        (f"bytes=5-{n + 100}", 5, n - 1),
    ):
        part = service.get(path, Range=text)
        assert part.status == 206
        assert part.headers["content-range"] == f"bytes {first}-{last}/{n}"
        assert part.body == whole.body[first : last + 1]
    for text in ("bytes=0-1,4-5", "bytes=9-3", "bytes=", "bytes=a-b", "lines=1-2"):
        assert service.get(path, Range=text).status == 200
    for text in (f"bytes={n}-", "bytes=-0"):
        answer = service.get(path, Range=text)
        assert (answer.status, answer.json()["code"]) == (416, "range-not-satisfiable")
        assert answer.headers["content-range"] == f"bytes */{n}"
    assert service.get(path, Range="bytes=0-9", **{"If-Range": tag}).status == 206
    assert service.get(path, Range="bytes=0-9", **{"If-Range": '"x"'}).status == 200
    assert service.get(path, **{"If-None-Match": tag}).status == 304
    head = service.request("HEAD", path)
    assert head.status == 200 and int(head.headers["content-length"]) == n and not head.body


def test_long_poll_returns_at_the_end(service, model):
    service.set_mode("sleep 1")
    id_ = submit(service, model)
    began = time.time()
    assert job(service, id_, 30)["done"]
    assert 0.5 < time.time() - began < 4
    began = time.time()
    assert job(service, id_, 30)["done"] and time.time() - began < 0.5


def test_long_poll_ends_at_its_time(service, model):
    service.set_mode("sleep 4")
    id_ = submit(service, model)
    began = time.time()
    assert not job(service, id_, 1)["done"]
    assert 0.9 < time.time() - began < 2


def test_long_poll_with_a_tag_returns_on_a_change(start, model):
    service = start(KFERRY_WORKERS=1)
    service.set_mode("sleep 2")
    submit(service, model)
    id_ = submit(service, model)
    answer = service.get(f"/v1/jobs/{id_}")
    assert answer.json()["state"] == "queued"
    tag = answer.headers["etag"]
    assert service.get(f"/v1/jobs/{id_}", **{"If-None-Match": tag}).status == 304
    changed = service.get(f"/v1/jobs/{id_}?wait=20", **{"If-None-Match": tag})
    assert changed.status == 200 and changed.json()["state"] == "running"
    assert changed.headers["etag"] != tag


def test_cancel_frees_the_worker_at_once(start, model):
    service = start(KFERRY_WORKERS=1)
    service.set_mode("sleep 60")
    running, queued = submit(service, model), submit(service, model)
    assert wait_until(lambda: len(service.children()) == 1)
    for id_ in (queued, running):
        began = time.time()
        answer = service.request("POST", f"/v1/jobs/{id_}:cancel")
        assert answer.status == 200 and answer.json()["cancel_requested"]
        assert finished(service, id_)["state"] == "cancelled"
        assert time.time() - began < 1
        assert service.request("POST", f"/v1/jobs/{id_}:cancel").json()["state"] == "cancelled"
        answer = service.get(f"/v1/jobs/{id_}/artifact")
        assert (answer.status, answer.json()["code"]) == (409, "job-cancelled")
    assert wait_until(lambda: service.children() == [], 2)
    service.set_mode("")
    assert finished(service, submit(service, model))["state"] == "succeeded"


def test_what_is_cancelled_as_it_begins_is_not_a_failure(start, model):
    """A worker may take a job between the look at it and its cancelling: the folder is the worker's then."""
    service = start(KFERRY_WORKERS=2)
    ended = []

    def client():
        for _ in range(15):
            id_ = submit(service, model)
            service.request("POST", f"/v1/jobs/{id_}:cancel")
            ended.append(finished(service, id_))

    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ended) == 120
    assert {found["state"] for found in ended} <= {"cancelled", "succeeded"}


def test_delete_forgets_the_job_and_its_files(start, model):
    service = start(KFERRY_WORKERS=1)
    done = submit(service, model)
    finished(service, done)
    service.set_mode("sleep 60")
    running, queued = submit(service, model), submit(service, model)
    assert wait_until(lambda: len(service.children()) == 1)
    for id_ in (done, queued, running):
        assert service.request("DELETE", f"/v1/jobs/{id_}").status == 204
        assert service.get(f"/v1/jobs/{id_}").status == 404
        assert service.request("DELETE", f"/v1/jobs/{id_}").status == 404
    assert wait_until(lambda: service.children() == [], 3)
    assert wait_until(lambda: service.stored_folders() == [], 3)


def test_jobs_are_listed_newest_first(service, model, broken):
    ids = [submit(service, broken if i == 2 else model) for i in range(5)]
    for id_ in ids:
        finished(service, id_)
    seen, after = [], ""
    while after is not None:
        page = service.get(f"/v1/jobs?limit=2&after={after}").json()
        assert len(page["jobs"]) <= 2
        seen += [found["id"] for found in page["jobs"]]
        after = page["next"]
    assert seen == ids[::-1]
    failed = service.get("/v1/jobs?state=failed").json()
    assert [found["id"] for found in failed["jobs"]] == [ids[2]] and failed["next"] is None


def test_idempotency_key(service, model):
    first = service.request("POST", JOBS, model, {"Idempotency-Key": "k1"})
    second = service.request("POST", JOBS, model, {"Idempotency-Key": "k1"})
    assert (first.status, second.status) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    for path, body in ((JOBS, model + b"x"), (JOBS + "&allow=exact", model)):
        other = service.request("POST", path, body, {"Idempotency-Key": "k1"})
        assert (other.status, other.json()["code"]) == (422, "idempotency-key-reused")
    assert submit(service, model, **{"Idempotency-Key": "k2"}) != first.json()["id"]
    for key in ("", "a b", "x" * 256):
        assert service.request("POST", JOBS, model, {"Idempotency-Key": key}).status in (202, 400)
    assert len(service.stored_folders()) == len(service.get("/v1/jobs").json()["jobs"])


def test_key_stands_for_all_files_of_a_form(service, model):
    def send(architecture):
        parts = (("to", "keras"), ("file", "w.h5", model), ("architecture", "a.json", architecture))
        body, kind = multipart(*parts)
        headers = {"Content-Type": kind, "Idempotency-Key": "form"}
        return service.request("POST", "/v1/jobs", body, headers)

    first, second, other = send(b"{}"), send(b"{}"), send(b"[]")
    assert first.status == 202 and second.json()["id"] == first.json()["id"]
    assert (other.status, other.json()["code"]) == (422, "idempotency-key-reused")
    assert finished(service, first.json()["id"])["done"]


def test_key_used_at_the_same_time_makes_one_job(service, model):
    answers = []

    def send():
        answers.append(service.request("POST", JOBS, model, {"Idempotency-Key": "same"}))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(service.get("/v1/jobs").json()["jobs"]) == 1


def test_replay_is_answered_when_the_queue_is_full(start, model):
    service = start(KFERRY_WORKERS=1, KFERRY_JOBS_MAX=1)
    service.set_mode("sleep 3")
    submit(service, model)
    assert wait_until(lambda: len(service.children()) == 1)
    id_ = submit(service, model, **{"Idempotency-Key": "k"})
    answer = service.request("POST", JOBS, model)
    assert (answer.status, answer.json()["code"]) == (429, "queue-full")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert submit(service, model, **{"Idempotency-Key": "k"}) == id_


def read_events(service, path, known=None, until="done"):
    """Events of a stream as (id, name, data), until one has that name."""
    headers = f"Last-Event-ID: {known}\r\n" if known is not None else ""
    events, event = [], {}
    with service.connect(30) as sock:
        sock.sendall(f"GET {path} HTTP/1.0\r\nHost: h\r\n{headers}\r\n".encode())
        stream = sock.makefile("rb")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            assert line, head
            head += line
        assert b"text/event-stream" in head
        for line in stream:
            text = line.decode().rstrip("\n")
            if text:
                name, _, value = text.partition(": ")
                event[name] = value
            elif "data" in event:
                events.append((int(event["id"]), event["event"], json.loads(event["data"])))
                event = {}
                if events[-1][1] == until:
                    break
    return events


def test_events_tell_states_and_the_end(start, model):
    service = start(KFERRY_WORKERS=1)
    service.set_mode("sleep 1.5")
    submit(service, model)
    id_ = submit(service, model)
    events = read_events(service, f"/v1/jobs/{id_}/events")
    assert [data["state"] for _, name, data in events if name != "progress"] == [
        "queued",
        "running",
        "succeeded",
    ]
    assert [name for _, name, _ in events if name != "progress"] == ["state", "state", "done"]
    numbers = [number for number, _, _ in events]
    assert numbers == sorted(set(numbers))
    assert read_events(service, f"/v1/jobs/{id_}/events")[0][1] == "done"


def test_events_resume_where_the_client_was(start, model):
    service = start(KFERRY_WORKERS=1)
    service.set_mode("sleep 1.5")
    submit(service, model)
    id_ = submit(service, model)
    path = f"/v1/jobs/{id_}/events"
    known = read_events(service, path, until="state")[-1][0]
    events = read_events(service, path, known)
    assert all(number > known for number, _, _ in events)
    assert events[-1][1] == "done"
    assert read_events(service, path, events[-1][0]) == []


def test_events_end_when_the_service_drains(start, model):
    service = start(KFERRY_WORKERS=1, KFERRY_DRAIN_TIMEOUT=0)
    service.set_mode("sleep 60")
    id_ = submit(service, model)
    seen = []
    reader = threading.Thread(
        target=lambda: seen.extend(read_events(service, f"/v1/jobs/{id_}/events", until="never"))
    )
    reader.start()
    poll = threading.Thread(target=lambda: seen.append(service.get(f"/v1/jobs/{id_}?wait=60")))
    poll.start()
    assert wait_until(lambda: len(service.children()) == 1)
    time.sleep(0.3)
    began = time.time()
    assert service.stop() == 0
    reader.join()
    poll.join()
    assert time.time() - began < 5 and len(seen) >= 2


def test_progress_is_told_while_it_runs(service, model):
    service.set_mode("tell 3")
    id_ = submit(service, model)
    assert wait_until(lambda: job(service, id_)["progress"])
    assert job(service, id_)["progress"] == {
        "phase": "write",
        "percent": 49,
        "bytes_done": 50,
        "bytes_total": 100,
        "tensors_done": 3,
        "tensors_total": 8,
    }


def test_progress_that_is_a_lie_is_bounded(service, model):
    service.set_mode("lie 2")
    id_ = submit(service, model)
    assert wait_until(lambda: job(service, id_)["progress"])
    progress = job(service, id_)["progress"]
    assert progress["phase"] in ("read", "adapt", "write", "finish")
    assert 0 <= progress["percent"] <= 100
    assert 0 <= progress["bytes_done"] <= progress["bytes_total"] < 1 << 63
    assert finished(service, id_)["state"] == "succeeded"


def test_progress_counts_what_was_written(service, model):
    progress = finished(service, submit(service, model))["progress"]
    assert progress["percent"] == 100 and progress["phase"] == "finish"
    assert progress["tensors_done"] == progress["tensors_total"] == 2
    assert 0 < progress["bytes_done"] == progress["bytes_total"] < len(model)


def test_stalled_conversion_is_given_up(start, model):
    service = start(KFERRY_STALL_TIMEOUT=1)
    service.set_mode("sleep 60")
    began = time.time()
    answer = service.put("/v1/convert/keras/x.h5", model)
    assert (answer.status, answer.json()["code"]) == (422, "conversion-stalled")
    assert time.time() - began < 5
    assert finished(service, submit(service, model))["error"]["code"] == "conversion-stalled"


def bundle(*members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(
    "accept, suffix", [({}, "tar"), ({"Accept": "application/zip"}, "zip")]
)
def test_job_of_several_models_is_an_archive(service, model, broken, accept, suffix):
    body = bundle(("a.h5", model), ("b/b.h5", model), ("c.h5", broken))
    id_ = submit(service, body, "/v1/jobs?to=keras&filename=many.zip", **accept)
    found = finished(service, id_)
    assert found["state"] == "succeeded", found
    assert found["result"]["filename"] == f"many-kferry.{suffix}"
    answer = service.get(f"/v1/jobs/{id_}/artifact")
    assert answer.status == 200 and suffix in answer.headers["content-type"]
    file = io.BytesIO(answer.body)
    if suffix == "tar":
        names = tarfile.open(fileobj=file).getnames()
    else:
        names = zipfile.ZipFile(file).namelist()
    assert "many-kferry/summary.json" in names
    assert len([name for name in names if name.endswith(".keras")]) == 2


def test_progress_of_several_models(service, model):
    service.set_mode("tell 1")
    body = bundle(*((f"{name}.h5", model) for name in "abcd"))
    id_ = submit(service, body, "/v1/jobs?to=keras&filename=many.zip")
    seen = set()

    def done():
        found = job(service, id_)
        if found["progress"] and "models_total" in found["progress"] and not found["done"]:
            assert found["progress"]["models_total"] == 4
            seen.add((found["progress"]["models_done"], found["progress"]["percent"]))
        return found["done"]

    assert wait_until(done, 30)
    assert seen and all(models * 25 <= percent <= models * 25 + 25 for models, percent in seen), seen
    assert len({models for models, _ in seen}) >= 3, seen
    assert job(service, id_)["progress"]["models_done"] == 4
    assert job(service, id_)["progress"]["percent"] == 100


def test_job_of_no_good_model_fails(service, broken):
    body = bundle(("a.h5", broken), ("b.h5", broken))
    found = finished(service, submit(service, body, "/v1/jobs?to=keras&filename=many.zip"))
    assert found["state"] == "failed" and found["error"]["status"] == 422


def test_reports_of_jobs_have_both_addresses(service, model):
    id_ = submit(service, model)
    finished(service, id_)
    assert service.get(f"/v1/reports/{id_}").json() == service.get(f"/v1/jobs/{id_}/report").json()

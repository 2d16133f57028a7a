# SPDX-License-Identifier: Apache-2.0
"""Who may: keys, users of the machine, a proxy's users; what a client sees, and how much it gets."""

import hashlib
import os
import signal
import tempfile

import pytest
from kferry_service import multipart, read_answer, wait_until
from test_jobs import JOBS, finished

TO = "/v1/convert/keras/x.h5"
ALICE, BOB, WATCH, VIEW = "alice-s3cret", "bob-s3cret", "watch-s3cret", "view-s3cret"


def line(name, key, *rest):
    return ":".join([name, hashlib.sha256(key.encode()).hexdigest(), *rest]) + "\n"


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def write(path, text):
    """As a secret is changed: another file under the same name."""
    fresh = path.with_suffix(".fresh")
    fresh.write_text(text)
    fresh.rename(path)


@pytest.fixture
def keys(tmp_path):
    path = tmp_path / "keys"
    write(
        path,
        line("alice", ALICE)
        + line("bob", BOB, "convert", "jobs=1,requests=1")
        + line("prometheus", WATCH, "metrics")
        + line("alice", VIEW, "read"),
    )
    return path


@pytest.fixture
def guarded(start, keys):
    return start(KFERRY_KEYS_FILE=keys)


def submit(service, model, **headers):
    return service.request("POST", JOBS, model, headers)


@pytest.mark.parametrize(
    "method, path",
    [("PUT", TO), ("POST", "/v1/inspect"), ("POST", "/v1/jobs?to=keras"), ("GET", "/v1/jobs"),
     ("GET", "/v1/reports/x"), ("GET", "/v1/capacity"), ("GET", "/v1/formats"), ("GET", "/metrics"),
     ("DELETE", "/v1/jobs/x"), ("POST", "/v1/jobs/x:cancel"), ("GET", "/v1/jobs/x/artifact"),
     ("GET", "/v1/jobs/x/events")],
)  # fmt: skip
def test_without_a_key_is_401_before_the_body(guarded, method, path):
    answer = guarded.raw(f"{method} {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n".encode())
    assert answer.status == 401, answer
    assert answer.headers["www-authenticate"] == 'Bearer realm="kferry"'
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == answer.headers["conversion-error"] == "unauthenticated"


def test_wrong_key_is_401(guarded, model):
    for headers in (bearer("alice"), bearer(""), {"X-API-Key": ALICE + "x"}, {"Authorization": "Basic YTpi"}):
        answer = guarded.put(TO, model, **headers)
        assert answer.status == 401, headers
        assert "Bearer" in answer.headers["www-authenticate"]
    assert 'error="invalid_token"' in guarded.put(TO, model, **bearer("x")).headers["www-authenticate"]
    assert ALICE not in str(guarded.lines)


@pytest.mark.parametrize("headers", [bearer(ALICE), {"Authorization": f"bearer {ALICE}"}, {"X-API-Key": ALICE}])
def test_right_key_is_served(guarded, model, headers):
    assert guarded.put(TO, model, **headers).status == 200
    assert wait_until(lambda: guarded.events("request"))
    assert guarded.events("request")[-1]["client"] == "key:alice"


def test_probes_and_version_need_no_key(guarded):
    for path in ("/livez", "/readyz", "/startupz", "/version"):
        assert guarded.get(path).status == 200


def test_scopes_are_403(guarded, model):
    answer = guarded.put(TO, model, **bearer(VIEW))
    assert answer.status == 403 and answer.json()["code"] == "forbidden"
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert guarded.get("/v1/jobs", **bearer(VIEW)).status == 200
    assert guarded.request("DELETE", "/v1/jobs/x", headers=bearer(VIEW)).status == 403
    assert guarded.get("/metrics", **bearer(ALICE)).status == 403
    assert guarded.get("/metrics", **bearer(WATCH)).status == 200
    assert guarded.get("/v1/jobs", **bearer(WATCH)).status == 403


def test_jobs_of_another_are_404(guarded, model):
    job = submit(guarded, model, **bearer(ALICE)).json()["id"]
    path = f"/v1/jobs/{job}"
    assert wait_until(lambda: guarded.get(path, **bearer(ALICE)).json()["done"])
    for part in ("", "/artifact", "/report", "/events"):
        assert guarded.get(path + part, **bearer(BOB)).status == 404, part
    assert guarded.get(f"/v1/reports/{job}", **bearer(BOB)).status == 404
    assert guarded.request("POST", f"{path}:cancel", headers=bearer(BOB)).status == 404
    assert guarded.request("DELETE", path, headers=bearer(BOB)).status == 404
    assert guarded.get("/v1/jobs", **bearer(BOB)).json()["jobs"] == []
    assert [j["id"] for j in guarded.get("/v1/jobs", **bearer(ALICE)).json()["jobs"]] == [job]
    assert guarded.get(path + "/artifact", **bearer(VIEW)).status == 200  # another key of alice's


def test_reports_of_another_are_404(guarded, model):
    answer = guarded.put(TO, model, **bearer(ALICE))
    report = f"/v1/reports/{answer.headers['conversion-id']}"
    assert guarded.get(report, **bearer(ALICE)).status == 200
    assert guarded.get(report, **bearer(BOB)).status == 404


def test_idempotency_keys_are_each_clients_own(guarded, model):
    ids = {
        submit(guarded, model, **bearer(key), **{"Idempotency-Key": "k"}).json()["id"]
        for key in (ALICE, BOB, ALICE)
    }
    assert len(ids) == 2


def test_limits_of_a_key(guarded, model):
    guarded.set_mode("sleep 30")
    first = submit(guarded, model, **bearer(BOB))
    assert first.status == 202
    busy = None

    def is_at_limit():  # the place of the first request is free a moment after its answer
        nonlocal busy
        busy = submit(guarded, model, **bearer(BOB))
        return busy.json()["code"] == "client-jobs"

    assert wait_until(is_at_limit) and busy.status == 429
    assert int(busy.headers["retry-after"]) >= 1
    assert submit(guarded, model, **bearer(ALICE)).status == 202
    with guarded.connect() as sock:
        head = f"PUT {TO} HTTP/1.1\r\nHost: h\r\nX-API-Key: {BOB}\r\nContent-Length: {len(model)}\r\n\r\n"
        sock.sendall(head.encode())
        look = lambda: guarded.get("/v1/capacity", **bearer(ALICE)).json()["queue"]["uploading"]  # noqa: E731
        assert wait_until(lambda: look() == 1)
        busy = guarded.put(TO, b"x", **bearer(BOB))
        assert busy.status == 429 and busy.json()["code"] == "client-requests"
        assert guarded.get("/v1/capacity", **bearer(BOB)).status == 200
    guarded.set_mode("")
    guarded.request("DELETE", f"/v1/jobs/{first.json()['id']}", headers=bearer(BOB))
    assert wait_until(lambda: guarded.put(TO, model, **bearer(BOB)).status == 200)


def test_bytes_of_a_client_are_bounded(start, model):
    service = start(KFERRY_CLIENT_BYTES_MAX=2 * len(model) - 1, KFERRY_CLIENT_REQUESTS_MAX=8)
    service.set_mode("sleep 30")
    assert submit(service, model).status == 202
    busy = submit(service, model)
    assert busy.status == 429 and busy.json()["code"] == "client-bytes"
    service.set_mode("")


def test_jobs_that_were_accepted_meanwhile_count(start, model):
    service = start(KFERRY_CLIENT_JOBS_MAX=1)
    service.set_mode("sleep 30")
    with service.connect() as sock:
        head = f"POST {JOBS} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(model)}\r\n\r\n"
        sock.sendall(head.encode() + model[:-1])
        assert wait_until(lambda: len(service.stored_folders()) == 1)
        assert submit(service, model).status == 202
        sock.sendall(model[-1:])
        busy = read_answer(sock)
    assert busy.status == 429 and busy.json()["code"] == "client-jobs"
    assert wait_until(lambda: len(service.stored_folders()) == 1)
    service.set_mode("")


def test_bytes_of_a_body_without_length_count(start, model):
    service = start(KFERRY_CLIENT_BYTES_MAX=len(model) - 1)
    head = f"POST {JOBS} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{len(model):x}\r\n"
    busy = service.raw(head.encode() + model + b"\r\n0\r\n\r\n")
    assert busy.status == 429 and busy.json()["code"] == "client-bytes"
    assert wait_until(lambda: service.stored_folders() == [])


@pytest.mark.parametrize("how", ["signal", "change"])
def test_keys_are_read_again(guarded, keys, how):
    write(keys, line("carol", "carol-s3cret"))
    if how == "signal":
        guarded.process.send_signal(signal.SIGHUP)
    assert wait_until(lambda: guarded.get("/v1/jobs", **bearer("carol-s3cret")).status == 200)
    assert guarded.get("/v1/jobs", **bearer(ALICE)).status == 401


def test_broken_keys_leave_the_old_ones(guarded, keys):
    write(keys, "alice:nothing\n")
    guarded.process.send_signal(signal.SIGHUP)
    assert wait_until(lambda: guarded.events("cannot-reload"))
    assert "line 1" in guarded.events("cannot-reload")[0]["msg"]
    assert guarded.get("/v1/jobs", **bearer(ALICE)).status == 200


def test_keys_open_the_service_to_others(start, keys):
    service = start(KFERRY_LISTEN="0.0.0.0:0", KFERRY_KEYS_FILE=keys, KFERRY_ADMIN_LISTEN="0.0.0.0:0")
    assert service.get("/v1/jobs").status == 401
    admin = service.events("listening")[0]["admin"]
    service.address = admin
    assert service.get("/metrics").status == 200 and service.get("/readyz").status == 200


@pytest.mark.parametrize(
    "settings, told",
    [({"KFERRY_AUTH": "keys"}, "KFERRY_KEYS_FILE"), ({"KFERRY_KEYS_FILE": "/nonexistent"}, "cannot be read"),
     ({"KFERRY_AUTH": "peercred"}, "Unix socket"), ({"KFERRY_AUTH": "none", "KFERRY_KEYS_FILE": "/dev/null"}, "alone"),
     ({"KFERRY_AUTH": "proxy", "KFERRY_PROXY_FROM": "somewhere"}, "networks")],
)  # fmt: skip
def test_what_does_not_go_together_is_exit_78(start, settings, told):
    service = start(**settings)
    assert service.process.wait() == 78
    assert wait_until(lambda: service.events("cannot-authenticate"))
    assert told in service.events("cannot-authenticate")[0]["msg"]


def test_users_of_a_unix_socket_are_its_clients(start, model):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        service = start(KFERRY_LISTEN=f"unix:{folder}/api.sock?mode=0666", KFERRY_AUTH="peercred")
        job = submit(service, model).json()["id"]
        assert finished(service, job)["state"] == "succeeded"
        assert {e["client"] for e in service.events("request")} == {f"uid-{os.getuid()}"}
        if os.getuid() == 0:
            os.seteuid(65534)
            try:
                assert service.get(f"/v1/jobs/{job}").status == 404
            finally:
                os.seteuid(0)
        assert service.get(f"/v1/jobs/{job}").status == 200
        assert service.stop() == 0


def test_proxy_says_who_it_is(start, model):
    service = start(KFERRY_AUTH="proxy", KFERRY_PROXY_FROM="127.0.0.1", KFERRY_PROXY_HEADER="X-User")
    alice, bob = {"X-User": "alice@example.com"}, {"X-User": "bob"}
    job = submit(service, model, **alice).json()["id"]
    assert service.get(f"/v1/jobs/{job}", **alice).status == 200
    assert service.get(f"/v1/jobs/{job}", **bob).status == 404
    for headers in ({}, {"X-User": ""}, {"X-User": "a b"}, {"X-User": "a" * 200}):
        assert service.get("/v1/jobs", **headers).status == 403
    with tempfile.TemporaryDirectory() as folder:
        behind = start(KFERRY_AUTH="proxy", KFERRY_PROXY_FROM="", KFERRY_LISTEN=f"unix:{folder}/api.sock")
        assert behind.get("/v1/jobs", **{"X-Forwarded-User": "alice"}).status == 200
        assert behind.stop() == 0
    stranger = service.request("GET", "/v1/jobs", headers=alice, source="127.0.0.2")
    assert stranger.status == 403 and stranger.json()["code"] == "forbidden"


@pytest.mark.parametrize(
    "headers, status",
    [({}, 200), ({"Sec-Fetch-Site": "same-origin", "Origin": "http://else"}, 200), ({"Sec-Fetch-Site": "none"}, 200),
     ({"Origin": "http://kferry"}, 200), ({"Sec-Fetch-Site": "cross-site"}, 403), ({"Sec-Fetch-Site": "same-site"}, 403),
     ({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403)],
)  # fmt: skip
def test_pages_of_other_sites_send_nothing(service, model, headers, status):
    answer = service.put(TO, model, Host="kferry", **headers)
    assert answer.status == status, answer
    form, kind = multipart(("file", "x.h5", model), ("to", "keras"))
    answer = service.request("POST", "/v1/jobs", form, {"Content-Type": kind, "Host": "kferry"} | headers)
    assert answer.status == (202 if status == 200 else 403)
    if status == 403:
        assert answer.json()["code"] == "cross-site-request"
    assert service.get("/v1/formats", **headers).status == 200


def test_answers_are_for_no_other_site(service, model):
    for answer in (
        service.put(TO, model, Origin="http://kferry"),
        service.get("/v1/formats", Origin="http://evil.example"),
        service.request("OPTIONS", "/v1/jobs", headers={"Origin": "http://evil.example"}),
        service.put(TO, b"BAD"),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["referrer-policy"] == "no-referrer"

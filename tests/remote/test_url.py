# SPDX-License-Identifier: Apache-2.0
"""http:// and https:// as sources: what comes, what goes wrong, what is tried again."""

import hashlib

import pytest
from orders import finish, post


@pytest.fixture
def service(start, files):
    return start(KFERRY_URLS="http", KFERRY_SSRF_ALLOW_HOSTS="127.0.0.1", KFERRY_FETCH_TIMEOUT="20s")


def convert(service, uri, **more):
    return post(service, "/v1/convert", {"source": {"uri": uri, **more}, "to": "keras"})


def test_source_is_converted(service, files, model):
    answer = convert(service, files.url("/ok/my%20model.h5?X-Amz-Signature=SECRET"))
    assert answer.status == 200, answer
    assert answer.body[:2] == b"PK"
    assert 'filename="my model.keras"' in answer.headers["content-disposition"]
    report = service.get(answer.headers["conversion-report"]).json()
    assert report["source"]["sha256"] == hashlib.sha256(model).hexdigest()
    assert "SECRET" not in str(service.lines) + str(report)


def test_job_fetches_its_source(service, files, model):
    answer = post(
        service, "/v1/jobs", {"source": {"uri": files.url("/ok/m.h5?sig=SECRET")}, "to": "keras"}
    )
    job = finish(service, answer)
    assert job["state"] == "succeeded", job
    assert job["source"]["uri"] == files.url("/ok/m.h5")
    assert job["source"]["filename"] == "m.h5"
    assert service.get(f"/v1/jobs/{job['id']}/artifact").body[:2] == b"PK"
    assert "SECRET" not in str(job) + str(service.lines)


@pytest.mark.parametrize("task", ["inspect", "plan"])
def test_other_tasks_take_a_source(service, files, task):
    order = {"source": {"uri": files.url("/ok/m.h5")}} | ({"to": "keras"} if task == "plan" else {})
    assert post(service, f"/v1/{task}", order).status == 200


def test_two_sources_are_compared(service, files):
    order = {"source": [{"uri": files.url("/ok/a.h5")}, {"uri": files.url("/ok/b.h5")}]}
    answer = post(service, "/v1/diff", order)
    assert answer.status == 200 and answer.json()["verdict"] == "same", answer


def test_json_model_is_no_request(service):
    answer = service.request(
        "POST", "/v1/convert?to=json", b'{"class_name": "Nothing"}', {"Content-Type": "application/json"}
    )
    assert answer.status == 422, answer


def test_redirect_is_followed(service, files):
    answer = convert(service, files.url("/redirect/m.h5?to=/ok/elsewhere.h5"))
    assert answer.status == 200, answer
    assert 'filename="m.keras"' in answer.headers["content-disposition"]


def test_too_many_redirects(service, files):
    answer = convert(service, files.url("/loop/m.h5"))
    assert (answer.status, answer.json()["code"]) == (422, "source-unavailable"), answer
    assert len(files.seen) == 6


@pytest.mark.parametrize("kind", ["cut", "weak", "changing"])
def test_cut_connection_is_gone_on_with(service, files, kind):
    answer = convert(service, files.url(f"/{kind}/m.h5?times=2"))
    assert answer.status == 200, answer
    ranges = [headers.get("Range") for _, _, headers in files.seen]
    assert ranges[0] is None
    assert (ranges[1] is not None) == (kind != "weak")


def test_busy_server_is_asked_again(service, files):
    assert convert(service, files.url("/busy/m.h5?times=2")).status == 200
    answer = convert(service, files.url("/busy/m.h5?times=99"))
    assert (answer.status, answer.json()["code"]) == (502, "source-fetch-failed"), answer
    assert "503" in answer.json()["detail"]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_final_answers_are_told(service, files, status):
    answer = convert(service, files.url(f"/status/{status}"))
    assert (answer.status, answer.json()["code"]) == (422, "source-unavailable"), answer
    assert str(status) in answer.json()["detail"]
    assert len(files.seen) == 1


def test_nobody_listens(service):
    answer = convert(service, "http://127.0.0.1:1/m.h5")
    assert (answer.status, answer.json()["code"]) == (502, "source-fetch-failed"), answer


def test_size_is_limited(start, files):
    service = start(
        KFERRY_URLS="http", KFERRY_SSRF_ALLOW_CIDRS="127.0.0.0/8", KFERRY_SOURCE_MAX="1MiB",
        KFERRY_SSRF_ALLOW_HOSTS="127.0.0.1",
    )
    answer = convert(service, files.url("/endless/m.h5"))
    assert (answer.status, answer.json()["code"]) == (413, "source-too-large"), answer
    assert answer.json()["limit"] == 1 << 20
    service.wait_idle()
    assert not service.job_folders()


def test_time_is_limited(start, files):
    service = start(KFERRY_URLS="http", KFERRY_SSRF_ALLOW_HOSTS="127.0.0.1", KFERRY_FETCH_TIMEOUT="2s")
    answer = convert(service, files.url("/slow/m.h5"))
    assert (answer.status, answer.json()["code"]) == (504, "source-timeout"), answer


def test_digest_must_fit(service, files, model):
    good = hashlib.sha256(model).hexdigest()
    assert convert(service, files.url("/ok/m.h5"), sha256=good).status == 200
    answer = convert(service, files.url("/ok/m.h5"), sha256="0" * 64)
    assert (answer.status, answer.json()["code"]) == (422, "digest-mismatch"), answer


@pytest.mark.parametrize(
    "order, words",
    [
        ({"source": "http://x"}, "source must be an object"),
        ({"source": {}}, "uri"),
        ({"source": {"url": "http://x"}}, 'did you mean "uri"'),
        ({"source": []}, "one file at least"),
        ({"source": {"uri": "ftp://x/m.h5"}}, "begins with"),
        ({"source": {"uri": "http://a:b@x/m.h5"}}, "user or password"),
        ({"source": {"uri": "https://x/m.h5", "sha256": "abc"}}, "64"),
        ({"source": {"uri": "https://x/m.h5"}, "targte": {}}, "targte"),
        ({"source": {"uri": "https://x/m.h5"}, "target": {"uri": "https://x", "if_exists": "no"}}, "if_exists"),
    ],
)
def test_wrong_requests_are_told(service, order, words):
    answer = post(service, "/v1/convert", {"to": "keras"} | order)
    assert answer.status == 400 and words in answer.json()["detail"], answer


def test_client_that_leaves_ends_the_fetch(service, files):
    with service.connect() as sock:
        body = b'{"source": {"uri": "%s"}, "to": "keras"}' % files.url("/slow/m.h5").encode()
        sock.sendall(
            b"POST /v1/convert HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        service.wait_busy(0)
    assert service.wait_idle(5)
    assert not service.job_folders()


def test_urls_can_be_off(start):
    service = start(KFERRY_URLS="off")
    answer = convert(service, "https://example.com/m.h5")
    assert (answer.status, answer.json()["code"]) == (403, "source-not-allowed")
    assert "KFERRY_URLS" in answer.json()["detail"]


def put_to(service, files, path, **target):
    order = {"source": {"uri": files.url("/ok/m.h5")}, "to": "keras", "target": {"uri": files.url(path)} | target}
    return post(service, "/v1/convert", order)


def test_result_goes_by_put(service, files):
    answer = put_to(service, files, "/put/m.keras?X-Amz-Signature=SECRET")
    assert answer.status == 200 and answer.json()["artifact"] == {"uri": files.url("/put/m.keras")}, answer
    assert files.put["/put/m.keras"][:2] == b"PK"
    assert "SECRET" not in str(answer.body) + str(service.lines)
    answer = put_to(service, files, "/put/m.keras")
    assert (answer.status, answer.json()["code"]) == (409, "target-exists"), answer
    assert put_to(service, files, "/put/m.keras", if_exists="replace").status == 200


@pytest.mark.parametrize("status", [307, 308])
def test_put_is_redirected(service, files, status):
    answer = put_to(service, files, f"/redirect/m?status={status}&to=/put/elsewhere.keras")
    assert answer.status == 200, answer
    assert files.put["/put/elsewhere.keras"][:2] == b"PK"


@pytest.mark.parametrize("status", [301, 302, 303])
def test_put_does_not_become_another_request(service, files, status):
    answer = put_to(service, files, f"/redirect/m?status={status}&to=/put/elsewhere.keras")
    assert (answer.status, answer.json()["code"]) == (422, "target-unavailable"), answer
    assert not files.put and not any(path == "/put/elsewhere.keras" for _, path, _ in files.seen)


def test_put_to_a_loop_ends(service, files):
    answer = put_to(service, files, "/loop/m.keras")
    assert (answer.status, answer.json()["code"]) == (422, "target-unavailable"), answer
    assert sum(method == "PUT" for method, _, _ in files.seen) == 6


@pytest.mark.parametrize("path, status, code", [
    ("/busy/m.keras", 200, None), ("/status/403", 422, "target-unavailable"), ("/status/503", 502, "target-put-failed"),
])
def test_put_that_is_refused(service, files, path, status, code):
    answer = put_to(service, files, path)
    assert (answer.status, answer.json().get("code")) == (status, code), answer


def test_rate_is_limited(start, files):
    """Half a minute below it ends the connection; another one goes on where that was."""
    service = start(
        KFERRY_URLS="http", KFERRY_SSRF_ALLOW_HOSTS="127.0.0.1", KFERRY_FETCH_RATE_MIN="1MiB",
        KFERRY_FETCH_TIMEOUT="36s",
    )
    answer = convert(service, files.url("/slow/m.h5"))
    assert (answer.status, answer.json()["code"]) == (504, "source-timeout"), answer
    assert "KFERRY_FETCH_RATE_MIN" in answer.json()["detail"]
    assert len(files.seen) == 2 and files.seen[1][2]["Range"].startswith("bytes=")

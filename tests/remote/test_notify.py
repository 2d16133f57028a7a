# SPDX-License-Identifier: Apache-2.0
"""Webhooks: whoever asked hears of the end of a job, signed, once more where it failed."""

import base64
import errno
import hashlib
import hmac
import json
import time

import pytest
from orders import finish, post
from kferry_service import Service, wait_until
from test_faults import faults, shaken, shim  # noqa: F401

KEY = bytes(range(32))


@pytest.fixture
def settings(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("whsec_" + base64.b64encode(KEY).decode() + "\n")
    return {
        "KFERRY_URLS": "http",
        "KFERRY_SSRF_ALLOW_HOSTS": "127.0.0.1",
        "KFERRY_WEBHOOK_SECRET_FILE": secret,
    }


@pytest.fixture
def service(start, settings):
    return start(**settings)


def order(files, hook, source="/ok/m.h5"):
    return {"source": {"uri": files.url(source)}, "to": "keras", "notify": {"url": files.url(hook)}}


def heard(files, n=1, seconds=20):
    end = time.time() + seconds
    while time.time() < end and len(files.posted) < n:
        time.sleep(0.05)
    assert len(files.posted) >= n, files.posted
    return files.posted[n - 1]


def check(headers, body):
    """As a receiver of Standard Webhooks does it."""
    assert abs(time.time() - int(headers["webhook-timestamp"])) < 60
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    good = base64.b64encode(hmac.new(KEY, text, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == "v1," + good
    return json.loads(body)


def test_end_is_told(service, files):
    trace = "0af7651916cd43dd8448eb211c80319c"
    answer = post(service, "/v1/jobs", order(files, "/hook?token=SECRET"),
                  traceparent=f"00-{trace}-b7ad6b7169203331-01")
    job = finish(service, answer)
    path, headers, body = heard(files)
    event = check(headers, body)
    assert path == "/hook?token=SECRET"
    assert event["type"] == "job.succeeded" and event["data"]["job"]["id"] == job["id"]
    assert event["data"]["job"]["result"]["sha256"] == job["result"]["sha256"]
    assert headers["traceparent"].startswith(f"00-{trace}-")
    assert "SECRET" not in str(service.lines)
    assert 'kferry_webhook_deliveries_total{outcome="delivered"} 1' in service.get("/metrics").body.decode()
    time.sleep(1.5)
    assert len(files.posted) == 1 and not list((service.scratch / "data" / "notify").iterdir())


def test_failure_and_cancelling_are_told(service, files):
    post(service, "/v1/jobs", order(files, "/hook", "/status/404"))
    assert check(*heard(files)[1:])["type"] == "job.failed"
    answer = post(service, "/v1/jobs", order(files, "/hook", "/slow/m.h5"))
    service.request("POST", f"/v1/jobs/{answer.json()['id']}:cancel")
    assert check(*heard(files, 2)[1:])["type"] == "job.cancelled"


def test_it_is_tried_again(service, files):
    finish(service, post(service, "/v1/jobs", order(files, "/busy/hook")))
    ids = {heard(files, n)[1]["webhook-id"] for n in (1, 2, 3)}
    assert len(ids) == 1
    time.sleep(1.5)
    assert len(files.posted) == 3


def test_it_is_told_again_five_times(service, files):
    folder = service.scratch / "data" / "notify"
    finish(service, post(service, "/v1/jobs", order(files, "/status/500")))
    for tries in range(1, 6):
        heard(files, tries)
        (path,) = folder.iterdir()
        assert wait_until(lambda: json.loads(path.read_text())["tries"] == tries), path.read_text()
        again = path.with_suffix(".again")
        again.write_text(json.dumps(json.loads(path.read_text()) | {"next": 0}))
        again.rename(path)  # as if its time had come
    heard(files, 6)
    assert wait_until(lambda: service.events("webhook-given-up") and not list(folder.iterdir()))
    metrics = service.get("/metrics").body.decode()
    assert 'kferry_webhook_deliveries_total{outcome="given-up"} 1' in metrics


@pytest.mark.parametrize("call", ["write", "pwrite"])
def test_a_full_disk_forgets_nothing(shaken, faults, files, call):
    finish(shaken, post(shaken, "/v1/jobs", order(files, "/busy/hook")))
    heard(files)
    faults.fail(call, errno.ENOSPC)
    heard(files, 2)
    time.sleep(0.5)
    faults.stop()
    heard(files, 3)


def test_restart_forgets_nothing(service, files):
    post(service, "/v1/jobs", order(files, "/hook", "/slow/m.h5"))
    service.wait_busy(0, 0)
    service.process.kill()
    service.process.wait()
    files.stopping = True  # what was slow is fast now
    again = Service(service.folder, restart=True, **service.settings)
    try:
        assert check(*heard(files, seconds=40)[1:])["type"] in ("job.succeeded", "job.failed")
    finally:
        assert again.stop() == 0


def test_without_a_secret_nothing_is_sent(start, files):
    service = start(KFERRY_WEBHOOK_SECRET_FILE="")
    answer = post(service, "/v1/jobs", order(files, "/hook"))
    assert (answer.status, answer.json()["code"]) == (403, "notify-not-allowed"), answer
    assert "KFERRY_WEBHOOK_SECRET_FILE" in answer.json()["detail"]


def test_webhooks_go_only_where_urls_may(service):
    answer = post(
        service, "/v1/jobs",
        {"source": {"uri": "https://x.test/m.h5"}, "to": "keras", "notify": {"url": "http://169.254.169.254/"}},
    )
    assert (answer.status, answer.json()["code"]) == (403, "address-not-allowed"), answer


def test_weak_secret_is_refused(tmp_path):
    (tmp_path / "secret").write_text("short")
    service = Service(tmp_path, KFERRY_WEBHOOK_SECRET_FILE=tmp_path / "secret")
    assert service.process.wait(10) == 78

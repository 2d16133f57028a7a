# SPDX-License-Identifier: Apache-2.0
"""The service seen from outside: metrics, probes, capacity, logs, and the limits on time."""

import re
import socket
import time

import pytest
from kferry_service import KILLED, read_answer, wait_until
from test_admission import Background, head
from test_jobs import JOBS, finished, submit

TO = "/v1/convert/keras/x.h5"
LINE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')


class Metrics:
    """The text format of Prometheus, read strictly."""

    def __init__(self, text):
        self.types, self.helps, self.values = {}, {}, {}
        assert text.endswith("\n")
        for line in text.splitlines():
            if line.startswith("# HELP "):
                name, _, told = line[7:].partition(" ")
                assert told and name not in self.helps, line
                self.helps[name] = told
            elif line.startswith("# TYPE "):
                name, kind = line[7:].split(" ")
                assert kind in ("counter", "gauge", "histogram") and name not in self.types, line
                self.types[name] = kind
            else:
                self._sample(line)
        self._check()

    def _sample(self, line):
        match = LINE.match(line)
        assert match, line
        labels = match[3] or ""
        pairs = LABEL.findall(labels)
        assert "".join(f'{k}="{v}",' for k, v in pairs).rstrip(",") == labels, line
        key = (match[1], tuple(sorted(pairs)))
        assert key not in self.values, line
        self.values[key] = float(match[4])
        assert self._family(match[1]) in self.types, line

    def _family(self, name):
        for suffix in ("_bucket", "_sum", "_count"):
            base = name.removesuffix(suffix)
            if base != name and self.types.get(base) == "histogram":
                return base
        return name

    def _check(self):
        assert set(self.types) == set(self.helps)
        for name, kind in self.types.items():
            if kind == "counter":
                assert name.endswith("_total"), name
            if kind == "histogram":
                self._check_histogram(name)

    def _check_histogram(self, name):
        series = {}
        for (metric, labels), value in self.values.items():
            if metric == name + "_bucket":
                rest = tuple(pair for pair in labels if pair[0] != "le")
                series.setdefault(rest, []).append((float(dict(labels)["le"]), value))
        for labels, buckets in series.items():
            counts = [value for _, value in sorted(buckets)]
            assert counts == sorted(counts) and sorted(buckets)[-1][0] == float("inf")
            assert counts[-1] == self.values[name + "_count", labels]
            assert (name + "_sum", labels) in self.values

    def get(self, metric, **labels):
        return self.values.get((metric, tuple(sorted(labels.items()))))


def metrics(service):
    answer = service.get("/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return Metrics(answer.body.decode())


def test_metrics_count_what_happens(service, model, broken):
    before = metrics(service)
    assert before.get("kferry_errors_total", type="queue-full") == 0
    assert before.get("kferry_worker_exits_total", reason="worker-crashed") == 0
    assert before.get("kferry_jobs", state="queued") == 0
    assert before.get("kferry_report_findings_total", kind="renamed_tensors") == 0
    service.put(TO, model)
    service.put(TO, broken)
    service.get("/nonsense")
    service.request("BREW", "/v1/formats")
    finished(service, submit(service, model))
    service.set_mode("kill 11")
    service.put(TO, model)
    route = "v1/convert/{to}/{filename}"
    failed = {"method": "PUT", "route": route, "status": "422"}
    # counted when the last byte has gone
    assert wait_until(lambda: metrics(service).get("kferry_http_requests_total", **failed) == 2)
    after = metrics(service)
    assert after.get("kferry_http_requests_total", method="PUT", route=route, status="200") == 1
    assert after.get("kferry_http_requests_total", method="GET", route="none", status="404") == 1
    assert (
        after.get("kferry_http_requests_total", method="other", route="v1/formats", status="405")
        == 1
    )
    assert after.get("kferry_http_request_duration_seconds_count", route=route) == 3
    assert after.get("kferry_http_request_body_bytes_total", route=route) == 2 * len(model) + len(
        broken
    )
    assert (
        after.get("kferry_conversions_total", **{"from": "keras-h5"}, to="keras", outcome="done")
        == 2
    )
    assert after.get("kferry_worker_exits_total", reason="done") == 2
    assert after.get("kferry_worker_exits_total", reason=KILLED[0]) == 1
    assert after.get("kferry_errors_total", type="not-found") == 1
    assert after.get("kferry_jobs_ended_total", state="succeeded") == 1
    assert wait_until(lambda: metrics(service).get("kferry_jobs", state="succeeded") == 1, 3)
    assert after.get("kferry_worker_max_rss_bytes_count") == 4
    assert after.get("kferry_report_findings_total", kind="renamed_tensors") == 4
    assert after.get("kferry_report_findings_total", kind="problems") >= 1
    assert after.get("kferry_queue_bytes") == 0
    assert after.get("kferry_http_connections") >= 1 and after.get("kferry_http_waiters") == 0
    assert after.get("kferry_workers") == 2 and after.get("kferry_draining") == 0
    assert after.get("process_resident_memory_bytes") > 1 << 20
    assert abs(after.get("process_start_time_seconds") - time.time()) < 120
    assert 5 < after.get("process_open_fds") < after.get("process_max_fds")
    for name in ("build_info", "sandbox_level"):
        assert any(key[0] == f"kferry_{name}" for key in after.values)


def test_metrics_count_refusals_and_replays(start, model):
    service = start(KFERRY_WORKERS=1, KFERRY_QUEUE_MAX=1)
    service.set_mode("sleep 1")
    busy = Background(2, lambda: service.put(TO, model))
    assert service.wait_busy(1)
    assert service.raw(head(10)).status == 429
    for _ in range(2):
        submit(service, model, **{"Idempotency-Key": "k"})
    assert [a.status for a in busy.wait()] == [200, 200]
    found = metrics(service)
    assert found.get("kferry_admission_rejected_total", reason="queue-full") == 1
    assert found.get("kferry_idempotent_replays_total") == 1


def test_client_that_left_is_499(start, model):
    service = start(KFERRY_WORKERS=1)
    service.set_mode("sleep 60")
    with service.connect() as sock:
        sock.sendall(head(len(model)) + model)
        assert wait_until(lambda: len(service.children()) == 1)
    assert wait_until(lambda: metrics(service).get("kferry_client_disconnects_total") == 1)
    assert metrics(service).get("kferry_worker_exits_total", reason="cancelled") == 1


def test_admin_listener_has_probes_and_metrics_only(start):
    service = start(KFERRY_ADMIN_LISTEN="127.0.0.1:0")
    address = service.events("listening")[0]["admin"]
    assert service.get("/metrics").status == 404
    assert service.get("/livez").status == 200
    service.address = address
    metrics(service)
    for path, status in (("/livez", 200), ("/readyz", 200), ("/v1/formats", 404), (TO, 404)):
        assert service.get(path).status == status


def test_service_without_a_working_worker_does_not_start(tmp_path, start):
    first = start()
    first.set_mode("kill 11")
    again = type(first)(first.folder, restart=True)
    assert again.address is None and again.process.wait() == 70
    assert again.events("self-test-failed")


def test_workers_that_cannot_be_run_are_unready(service, model):
    good = (service.folder / "kferry-worker").read_text()
    service.end_waiting()
    service.put_worker("#!/nonexistent/program\n")
    for _ in range(2):
        answer = service.put(TO, model)
        assert (answer.status, answer.json()["code"]) == (500, "internal-error")
    assert service.get("/readyz").json()["reason"] == "workers-fail"
    assert service.get("/livez").status == 200
    service.put_worker(good)
    assert wait_until(lambda: service.get("/readyz").status == 200, 5)
    assert service.put(TO, model).status == 200


def test_capacity_tells_limits_and_jobs(service, model):
    finished(service, submit(service, model))
    capacity = service.capacity()
    assert capacity["workers"] == 2
    assert capacity["jobs"]["limit"] == 1000 and capacity["jobs"]["store"] == "sqlite"
    assert wait_until(lambda: service.capacity()["jobs"]["succeeded"] == 1, 3)
    assert capacity["limits"]["queue_seconds"] == 300


def test_logs_carry_request_trace_and_job(service, model):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {
        "X-Request-Id": "req-1",
        "traceparent": f"00-{trace}-00f067aa0ba902b7-01",
    }
    id_ = submit(service, model, **headers)
    found = finished(service, id_)
    assert (found["request_id"], found["trace_id"]) == ("req-1", trace)
    assert service.get(f"/v1/jobs/{id_}/report").json()["request_id"] == "req-1"
    lines = [line for line in service.lines if line.get("request_id") == "req-1"]
    assert {line["event"] for line in lines} == {"request", "job"}
    assert all(line["trace_id"] == trace for line in lines)
    request = next(line for line in lines if line["event"] == "request")
    assert request["job"] == id_ and request["client"] == "127.0.0.1"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "x" * 55,
    ],
)
def test_broken_traceparent_is_ignored(service, value):
    assert service.get("/v1/formats", traceparent=value, **{"X-Request-Id": "r"}).status == 200
    assert wait_until(lambda: service.events("request"))
    assert all("trace_id" not in line for line in service.events("request"))


@pytest.mark.parametrize("store", ["mysql://geheim@h/d", "postgres", "/tmp/x.db"])
def test_store_that_is_none_stops_the_start(start, store):
    service = start(KFERRY_STORE=store)
    assert service.address is None and service.process.wait() == 69
    told = service.events("cannot-open-jobs")[0]["msg"]
    assert "KFERRY_STORE" in told and "geheim" not in told


def test_no_secret_stands_in_the_log(start, model, postgres):
    secret = postgres.create().replace("kferry@", "kferry:geheim@")
    service = start(KFERRY_STORE=secret)
    finished(service, submit(service, model, JOBS + "&input_shape=None,424242"))
    service.get("/v1/jobs?after=geheim&signature=geheim", Authorization="Bearer geheim")
    assert "geheim" not in str(service.lines)
    assert "424242" not in str(service.lines)


def test_headers_that_do_not_come_are_408(start):
    service = start(KFERRY_HEADER_TIMEOUT=1)
    with service.connect() as sock:
        for letter in b"GET /livez HTTP/1.1\r\nHost: a":
            try:
                sock.sendall(bytes([letter]))
            except OSError:
                break
            time.sleep(0.1)
        answer = read_answer(sock)
    assert (answer.status, answer.json()["code"]) == (408, "header-timeout")
    with service.connect() as sock:
        began = time.time()
        assert read_answer(sock).status == 408
        assert 0.9 < time.time() - began < 2.5


def test_connection_that_is_kept_may_pause(start):
    service = start(KFERRY_HEADER_TIMEOUT=1)
    with service.connect() as sock:
        for _ in range(2):
            sock.sendall(b"GET /livez HTTP/1.1\r\nHost: h\r\n\r\n")
            assert read_answer(sock).status == 200
            time.sleep(2)


def test_wait_for_a_worker_ends_in_429(start, model):
    service = start(KFERRY_WORKERS=1, KFERRY_QUEUE_TIMEOUT=1)
    service.set_mode("sleep 4")
    busy = Background(1, lambda: service.put(TO, model))
    assert service.wait_busy(0)
    began = time.time()
    answer = service.put(TO, model)
    assert (answer.status, answer.json()["code"]) == (429, "queue-timeout")
    assert "retry-after" in answer.headers
    assert 0.9 < time.time() - began < 3
    assert busy.wait()[0].status == 200


def test_upload_below_the_least_rate_is_given_up(start, model):
    service = start(KFERRY_UPLOAD_RATE_MIN="1KiB", KFERRY_UPLOAD_IDLE=2)
    began = time.time()
    with service.connect(60) as sock:
        sock.sendall(head(1 << 20))
        sock.settimeout(0.5)
        data = b""
        while time.time() - began < 10 and not data:
            try:
                sock.sendall(b"x" * 50)
                data = sock.recv(4096)
            except socket.timeout:
                continue
    assert b"upload-too-slow" in data and 1.9 < time.time() - began < 5


def test_address_may_have_a_limit_of_connections(start):
    service = start(KFERRY_CLIENT_CONNECTIONS_MAX=3, KFERRY_CONNECTIONS_MAX=32)
    held = [service.connect() for _ in range(3)]
    time.sleep(0.2)
    with service.connect(2) as sock:
        sock.sendall(b"GET /livez HTTP/1.1\r\nHost: h\r\n\r\n")
        with pytest.raises((ConnectionError, AssertionError)):
            answer = read_answer(sock)
            assert answer.status
    for sock in held:
        sock.close()
    assert wait_until(lambda: try_livez(service))


def try_livez(service):
    try:
        return service.get("/livez").status == 200
    except Exception:
        return False

# SPDX-License-Identifier: Apache-2.0
"""The command line as a client of the service: as if it had done the work itself."""

import http.server
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest
from kferry_service import FIXTURES, Service, program, wait_until


class Client:
    """The command line in a folder of its own, for one service."""

    def __init__(self, folder, server):
        self.folder = folder
        self.server = server

    def environment(self, more=None):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("KFERRY_")}
        return {**kept, "TMPDIR": str(self.folder), **(more or {})}

    def command(self, *args, local=False):
        end = [] if local else ["--server", self.server]
        return [str(program()), *map(str, args), *end]

    def run(self, *args, env=None, local=False, timeout=90):
        done = subprocess.run(self.command(*args, local=local), cwd=self.folder, text=True,
                              env=self.environment(env), capture_output=True, timeout=timeout)
        assert "runtime error" not in done.stderr and "Sanitizer" not in done.stderr
        assert not list(self.folder.rglob(".kferry-*")), "a folder was left"
        return done

    def start(self, *args, env=None):
        return subprocess.Popen(self.command(*args), cwd=self.folder, env=self.environment(env),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def url_of(service):
    return service.address if service.address.startswith("unix:") else "http://" + service.address


@pytest.fixture
def folder(tmp_path):
    """Of the client: a model, and a file that is none."""
    folder = tmp_path / "client"
    folder.mkdir()
    shutil.copy(FIXTURES / "zoo" / "dense.h5", folder / "model.h5")
    (folder / "bad.h5").write_text("this is no model\n" * 10)
    return folder


@pytest.fixture
def client(service, folder):
    return Client(folder, url_of(service))


def settled(report):
    """A report without what two runs never share."""
    kept = {k: v for k, v in report.items() if k not in ("id", "request_id", "timings")}
    kept["source"] = {k: v for k, v in report["source"].items() if k != "sha256"}
    return kept


@pytest.mark.parametrize("name", ["model.h5", "bad.h5"])
def test_result_report_words_and_status_are_those_of_the_local_run(client, name):
    runs = []
    for local, out in ((True, "local"), (False, "remote")):
        done = client.run("convert", name, "-o", f"{out}.keras", "--report", f"{out}.json", local=local)
        report = json.loads((client.folder / f"{out}.json").read_text())
        runs.append((done.returncode, done.stdout, done.stderr, settled(report)))
    assert runs[0] == runs[1]
    assert runs[0][0] == (0 if name == "model.h5" else 65)
    made = [client.folder / f"{out}.keras" for out in ("local", "remote")]
    assert [path.exists() for path in made] == [runs[0][0] == 0] * 2
    if made[0].exists():
        assert made[0].read_bytes() == made[1].read_bytes()
        assert made[0].stat().st_mode == made[1].stat().st_mode


@pytest.mark.parametrize("args", [
    ["inspect", "model.h5"], ["inspect", "bad.h5"], ["diff", "model.h5", "model.h5"],
    ["diff", "model.h5", "other.h5"], ["diff", "model.h5", "bad.h5"], ["formats"],
    ["convert", "--dry-run", "model.h5", "--to", "h5"], ["convert", "-n", "bad.h5", "--to", "h5"],
    ["convert", "model.h5", "-o", "x.keras", "--keras", "9"], ["convert", "missing.h5", "-o", "x.keras"],
])
def test_other_commands_say_the_same(client, args):
    shutil.copy(FIXTURES / "zoo" / "dense_softmax.h5", client.folder / "other.h5")
    local, remote = client.run(*args, local=True), client.run(*args)
    assert (local.returncode, local.stdout, local.stderr) == (remote.returncode, remote.stdout, remote.stderr)


def test_weights_and_their_architecture_are_sent_together(client):
    case = FIXTURES.parent / "golden" / "weights_two_dense"
    shutil.copy(case / "in.h5", client.folder / "w.h5")
    shutil.copy(case / "architecture.json", client.folder / "a.json")
    args = ["convert", "w.h5", "--architecture", "a.json", "-o"]
    assert client.run(*args, "l.keras", local=True).returncode == 0
    assert client.run(*args, "r.keras").returncode == 0
    assert (client.folder / "l.keras").read_bytes() == (client.folder / "r.keras").read_bytes()


def test_a_folder_of_models_becomes_a_folder_of_results(client, model):
    for name in ("a.h5", "sub/b.h5", "sub/deep/" + "x" * 120 + "/c.h5"):
        path = client.folder / "many" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(model)
    (client.folder / "many" / "torn.h5").write_bytes(model[:3000])
    runs = []
    for local, out in ((True, "local"), (False, "remote")):
        done = client.run("convert", "many", "--to", "keras", "-o", out + "/", "--report", out + ".json",
                          local=local)
        summary = json.loads((client.folder / (out + ".json")).read_text())
        files = {str(p.relative_to(client.folder / out)): p.read_bytes()
                 for p in (client.folder / out).rglob("*") if p.is_file()}
        models = [{k: v for k, v in row.items() if k != "report"} for row in summary["models"]]
        assert all(isinstance(row["report"], dict) for row in summary["models"])
        runs.append((done.returncode, done.stdout, done.stderr, files, models, summary["counts"]))
    assert runs[0] == runs[1]
    assert runs[0][0] == 65 and len(runs[0][3]) == 3


def test_several_models_are_not_one_file(client, model):
    (client.folder / "many").mkdir()
    for name in "ab":
        (client.folder / "many" / f"{name}.h5").write_bytes(model)
    done = client.run("convert", "many", "--to", "keras", "-o", "one.keras")
    assert done.returncode == 65 and "-o DIR/" in done.stderr
    assert not (client.folder / "one.keras").exists()


def test_nothing_is_left_at_the_service(service, client):
    assert client.run("convert", "model.h5", "-o", "out.keras").returncode == 0
    assert client.run("convert", "bad.h5", "-o", "bad.keras").returncode == 65
    assert service.get("/v1/jobs").json()["jobs"] == []
    assert wait_until(lambda: not service.stored_folders())


def test_an_interrupt_cancels_the_job(service, client):
    service.set_mode("sleep 60")
    process = client.start("convert", "model.h5", "-o", "out.keras")
    assert wait_until(lambda: service.children())
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == -signal.SIGINT
    assert wait_until(lambda: not service.children(), 5)
    assert service.get("/v1/jobs").json()["jobs"] == []
    assert sorted(p.name for p in client.folder.iterdir()) == ["bad.h5", "model.h5"]


@pytest.mark.parametrize("command", [["inspect", "model.h5"], ["convert", "-n", "model.h5", "--to", "h5"]])
def test_an_interrupt_ends_what_is_on_the_line(service, client, command):
    service.set_mode("sleep 60")
    process = client.start(*command)
    assert wait_until(lambda: service.children())
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == -signal.SIGTERM
    assert wait_until(lambda: not service.children(), 5)


def test_a_service_that_comes_back_has_the_job_still(start, tmp_path, folder):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {"KFERRY_LISTEN": f"127.0.0.1:{port}", "KFERRY_WORKERS": 2}
    first = start(**settings)
    client = Client(folder, url_of(first))
    first.set_mode("sleep 60")
    process = client.start("convert", "model.h5", "-o", "out.keras")
    assert wait_until(lambda: first.children())
    first.kill()
    first.set_mode("")
    second = Service(first.folder, restart=True, **settings)
    try:
        assert process.wait(60) == 0, process.stderr.read()
        assert (folder / "out.keras").stat().st_size > 0
    finally:
        assert second.stop() == 0


def test_a_worker_that_crashes_is_told(service, client):
    service.set_mode("kill 11")
    done = client.run("convert", "model.h5", "-o", "out.keras")
    assert done.returncode == 65 and "worker-crashed" in done.stderr
    assert not (client.folder / "out.keras").exists()


def test_unix_socket(start, folder, tmp_path):
    path = tmp_path / "api.sock"
    start(KFERRY_LISTEN=f"unix:{path}")
    client = Client(folder, f"unix:{path}")
    assert client.run("convert", "model.h5", "-o", "out.keras").returncode == 0
    assert client.run("health").returncode == 0


def test_the_environment_names_the_service(service, client):
    service.set_mode("kill 11")  # so that we see who did it
    done = client.run("convert", "model.h5", "-o", "a.keras", local=True, env={"KFERRY_SERVER": url_of(service)})
    assert done.returncode == 65 and "worker-crashed" in done.stderr
    done = client.run("convert", "model.h5", "-o", "a.keras", local=True, env={"KFERRY_SERVER": ""})
    assert done.returncode == 0


@pytest.fixture
def locked(start, tmp_path):
    """A service that wants a key."""
    import hashlib

    keys = tmp_path / "keys"
    keys.write_text("ci:%s\n" % hashlib.sha256(b"sesame").hexdigest())
    return start(KFERRY_KEYS_FILE=keys)


def test_a_key_opens_the_service(locked, folder):
    client = Client(folder, url_of(locked))
    (folder / "key").write_text("sesame\n")
    (folder / "wrong").write_text("simsim\n")
    convert = ["convert", "model.h5", "-o", "out.keras"]
    for args, env in (([], None), ([], {"KFERRY_TOKEN": "simsim"}), (["--token-file", "wrong"], None)):
        done = client.run(*convert, *args, env=env)
        assert done.returncode == 77 and "KFERRY_TOKEN" in done.stderr
        assert "simsim" not in done.stderr
    for args, env in ((["--token-file", "key"], None), ([], {"KFERRY_TOKEN": "sesame"}),
                      ([], {"KFERRY_TOKEN_FILE": str(folder / "key")})):
        assert client.run(*convert, *args, env=env).returncode == 0
    done = client.run(*convert, "--token-file", "none")
    assert done.returncode == 78 and "none" in done.stderr


class Between(http.server.BaseHTTPRequestHandler):
    """Stands between client and service: hands on, or does what the test says first."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def handle_any(self):
        length = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Expect"):
            self.send_response_only(100)
            self.end_headers()
        body = self.rfile.read(length)
        self.server.seen.append((self.command, self.path, dict(self.headers)))
        if self.server.first and self.server.first(self, body):
            return
        self.send_on(body)

    def send_on(self, body, cut=None):
        headers = {k: v for k, v in self.headers.items() if k not in ("Host", "Expect")}
        answer = self.server.service.request(self.command, self.path, body, headers)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name not in ("connection", "transfer-encoding", "date"):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body[:cut])
        if cut is not None:
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def refuse(self, status, headers=(), body=b"", kind="text/html"):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = handle_any


@pytest.fixture
def between(service):
    """A go-between whose `first` may answer instead of the service; True when it did."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Between)
    server.service, server.first, server.seen = service, None, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = "http://127.0.0.1:%d" % server.server_address[1]
    yield server
    server.shutdown()
    server.server_close()


def test_a_download_goes_on_where_it_broke(between, folder):
    cuts = iter([5000, 0, 3000])

    def cut(handler, body):
        if not handler.path.endswith("/artifact"):
            return False
        at = next(cuts, None)
        handler.send_on(body, at)
        return True

    between.first = cut
    client = Client(folder, between.url)
    assert client.run("convert", "model.h5", "-o", "local.keras", local=True).returncode == 0
    done = client.run("convert", "model.h5", "-o", "out.keras")
    assert done.returncode == 0, done.stderr
    assert (folder / "out.keras").read_bytes() == (folder / "local.keras").read_bytes()
    ranges = [h.get("Range") for _, path, h in between.seen if path.endswith("/artifact")]
    assert ranges == [None, "bytes=5000-", "bytes=5000-", "bytes=8000-"]
    assert all(h.get("If-Range") for _, path, h in between.seen if h.get("Range"))


def test_a_damaged_download_is_no_result(between, folder):
    def spoil(handler, body):
        if not handler.path.endswith("/artifact"):
            return False
        answer = between.service.get(handler.path)
        handler.refuse(200, [("ETag", answer.headers["etag"])], answer.body[:-1] + b"X", "application/zip")
        return True

    between.first = spoil
    done = Client(folder, between.url).run("convert", "model.h5", "-o", "out.keras")
    assert done.returncode == 69 and "damaged" in done.stderr and ": \n" not in done.stderr
    assert not (folder / "out.keras").exists()
    (job,) = between.service.get("/v1/jobs").json()["jobs"]
    assert f"the service keeps the job and its result: GET /v1/jobs/{job['id']}," in done.stderr


def test_an_upload_that_never_arrives_says_what_to_do(between, folder):
    def cut(handler, body):
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)
        return True

    between.first = cut
    done = Client(folder, between.url).run("convert", "model.h5", "-o", "out.keras")
    assert done.returncode == 69
    assert "the upload broke off 5 times" in done.stderr and "run the command again" in done.stderr
    assert len({h["Idempotency-Key"] for _, _, h in between.seen}) == 1 and len(between.seen) == 5
    assert between.service.get("/v1/jobs").json()["jobs"] == []


def test_what_was_lost_on_the_way_is_sent_again_with_the_same_key(between, folder):
    lost = iter([True])

    def lose(handler, body):
        if handler.command != "POST" or not next(lost, False):
            return False
        headers = {k: v for k, v in handler.headers.items() if k not in ("Host", "Expect")}
        assert between.service.request("POST", handler.path, body, headers).status == 202
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)
        return True

    between.first = lose
    assert Client(folder, between.url).run("convert", "model.h5", "-o", "out.keras").returncode == 0
    keys = [h["Idempotency-Key"] for method, _, h in between.seen if method == "POST"]
    assert len(keys) == 2 and keys[0] == keys[1]
    assert between.service.get("/v1/jobs").json()["jobs"] == []


def test_a_busy_service_is_asked_again(between, folder):
    busy = iter([True, True])

    def refuse(handler, body):
        if handler.command != "POST" or not next(busy, False):
            return False
        handler.refuse(429, [("Retry-After", "1")], b'{"code": "queue-full"}', "application/problem+json")
        return True

    between.first = refuse
    began = time.monotonic()
    assert Client(folder, between.url).run("convert", "model.h5", "-o", "out.keras").returncode == 0
    assert time.monotonic() - began >= 2
    assert sum(method == "POST" for method, _, _ in between.seen) == 3


PROBLEM = '{"code": "some-code", "title": "T", "detail": "what is wrong", "hint": "what helps"}'


@pytest.mark.parametrize("status, code", [
    (400, 64), (401, 77), (403, 77), (406, 64), (408, 75), (413, 65), (422, 65), (500, 70), (507, 75), (404, 69),
])
def test_every_problem_has_its_exit_status(between, folder, status, code):
    between.first = lambda handler, body: handler.refuse(
        status, body=PROBLEM.encode(), kind="application/problem+json") or True
    done = Client(folder, between.url).run("convert", "model.h5", "-o", "out.keras")
    assert done.returncode == code
    assert "some-code: what is wrong" in done.stderr and "what helps" in done.stderr


@pytest.mark.parametrize("status, body", [(302, b""), (200, b"<html>hello</html>"), (404, b"nothing"), (502, b"")])
def test_what_is_no_kferry_is_told(between, folder, status, body):
    between.first = lambda handler, _: handler.refuse(status, [("Location", "http://127.0.0.1:1/")], body) or True
    for command in (["convert", "model.h5", "-o", "out.keras"], ["inspect", "model.h5"]):
        done = Client(folder, between.url).run(*command)
        assert done.returncode == 69, done.stderr
        assert f"status {status}" in done.stderr


def test_nobody_there(folder):
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = "http://127.0.0.1:%d" % free.getsockname()[1]
    for command in (["convert", "model.h5", "-o", "x.keras"], ["inspect", "model.h5"], ["formats"], ["health"]):
        done = Client(folder, url).run(*command)
        assert done.returncode == 69 and url in done.stderr
    assert Client(folder, "unix:/nowhere").run("formats").returncode == 69
    assert Client(folder, "ftp://somewhere").run("formats").returncode == 64


def on_terminal(command, client):
    """Run with standard error on a terminal: what it showed there, and its exit status."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, cwd=client.folder, env=client.environment(), stderr=theirs,
                               stdout=subprocess.DEVNULL)
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    return shown.decode(), process.wait(30)


def test_progress_is_shown_on_a_terminal_and_nowhere_else(service, client):
    command = client.command("convert", "model.h5", "-o", "out.keras")
    for seconds in (2, 10):  # a job tells once a second how far it is; on a busy machine later
        service.set_mode(f"tell {seconds}")
        shown, status = on_terminal(command, client)
        assert status == 0
        if " 50 %" in shown:
            break
    assert "uploading" in shown and "converting" in shown and " 50 %" in shown
    assert re.search(r"\r\x1b\[K(exact|adapted): ", shown), "the line is taken away first"
    service.set_mode("")
    quiet, status = on_terminal([*command, "-q"], client)
    assert (quiet, status) == ("", 0)
    assert "\r" not in client.run("convert", "model.h5", "-o", "out.keras").stderr


def test_health(start, folder, tmp_path):
    service = start(KFERRY_ADMIN_LISTEN="127.0.0.1:0")
    client = Client(folder, url_of(service))
    done = client.run("health")
    assert (done.returncode, done.stdout) == (0, "ready\n")
    assert client.run("health", "-q").stdout == ""
    admin = service.events("listening")[0]["admin"]
    port = admin.rsplit(":", 1)[1]
    for listen in (admin, f"0.0.0.0:{port}", f":{port}"):
        done = client.run("health", local=True, env={"KFERRY_ADMIN_LISTEN": listen})
        assert done.returncode == 0, done.stderr
    done = client.run("health", local=True, env={"KFERRY_LISTEN": service.address})
    assert done.returncode == 0, done.stderr
    service.scratch.joinpath("x").mkdir()
    assert client.run("health", "--wait", "soon").returncode == 64


def test_health_waits_for_a_service_that_comes_up(start, folder):
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = "127.0.0.1:%d" % free.getsockname()[1]
    process = Client(folder, "http://" + address).start("health", "--wait", "30")
    time.sleep(0.5)
    start(KFERRY_LISTEN=address)
    assert process.wait(30) == 0


def test_health_says_why_not(service, client):
    service.end_waiting()
    service.put_worker("#!/nonexistent/program\n")
    for _ in range(2):
        assert client.run("convert", "-n", "model.h5", "--to", "h5").returncode == 70
    done = client.run("health")
    assert done.returncode == 75 and "workers-fail" in done.stderr

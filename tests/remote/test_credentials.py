# SPDX-License-Identifier: Apache-2.0
"""Where the keys for S3 come from: what is asked, in which order, and when it is asked again."""

import base64
import json
import threading
import time
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from orders import post
from moto.server import ThreadedMotoServer

EXPIRED = b"<?xml version='1.0'?><Error><Code>ExpiredToken</Code><Message>x</Message></Error>"


class Handler(BaseHTTPRequestHandler):
    """S3 and both metadata services in one; the keys' number counts how often they were given."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", len(body))
        self.end_headers()
        self.wfile.write(body)

    def keys(self):
        stub = self.server.stub
        stub.given += 1
        end = datetime.now(timezone.utc) + timedelta(seconds=stub.lasts)
        return json.dumps({
            "AccessKeyId": f"ID{stub.given}", "SecretAccessKey": "a-secret", "Token": f"token{stub.given}",
            "Expiration": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }).encode()

    def do_GET(self):
        stub, path = self.server.stub, self.path
        stub.asked.append((self.command, path))
        if path == "/container":
            ok = self.headers.get("Authorization") == "container-token"
            return self.answer(200, self.keys()) if ok else self.answer(401, b"")
        if path.startswith("/latest/"):
            if self.headers.get("X-aws-ec2-metadata-token") != "session":
                return self.answer(401, b"")
            role = path.removeprefix("/latest/meta-data/iam/security-credentials/")
            return self.answer(200, self.keys() if role else b"the-role")
        stub.used.append((self.headers["Authorization"], self.headers.get("x-amz-security-token")))
        if self.headers.get("x-amz-security-token") in stub.expired:
            return self.answer(403, EXPIRED)
        return self.answer(200, stub.model)

    def do_PUT(self):
        self.server.stub.asked.append((self.command, self.path))
        ttl = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
        return self.answer(200, b"session") if ttl else self.answer(400, b"")


class Stub:
    def __init__(self, model):
        self.model, self.given, self.lasts = model, 0, 3600
        self.asked, self.used, self.expired = [], [], set()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.stub = self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def stub(model):
    server = Stub(model)
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def begin(start, stub, monkeypatch, tmp_path):
    """A service that has no keys but those that it is told of."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)

    def run(**more):
        return start(**{
            "KFERRY_S3_ENDPOINT": stub.url, "KFERRY_S3_READ_BUCKETS": "models", "HOME": tmp_path,
            "AWS_EC2_METADATA_DISABLED": "true",
        } | more)

    return run


def convert(service):
    return post(service, "/v1/convert", {"source": {"uri": "s3://models/m.h5"}, "to": "keras"})


def used(stub, service):
    answer = convert(service)
    assert answer.status == 200, answer
    said = str(service.lines)
    assert "a-secret" not in said and not any(f"'token{n}'" in said for n in range(9))
    authorization, token = stub.used[-1]
    return authorization.split("Credential=")[1].split("/")[0], token


def test_environment_comes_first(begin, stub):
    service = begin(AWS_ACCESS_KEY_ID="ENV", AWS_SECRET_ACCESS_KEY="a-secret", AWS_SESSION_TOKEN="t1",
                    AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{stub.url}/container")
    assert used(stub, service) == ("ENV", "t1")
    assert not stub.asked or all(path != "/container" for _, path in stub.asked)


def test_files_and_profiles(begin, stub, tmp_path):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(
        "# keys\n[default]\naws_access_key_id = FILE\naws_secret_access_key=a-secret\n\n"
        "[other]\naws_access_key_id=OTHER\naws_secret_access_key = a-secret\naws_session_token=t2\n"
    )
    (tmp_path / ".aws" / "config").write_text(
        "[default]\nregion = eu-1\n[profile third]\naws_access_key_id=THIRD\naws_secret_access_key=a-secret\n"
        "[profile process]\ncredential_process = /bin/false\n"
    )
    assert used(stub, begin()) == ("FILE", None)
    assert used(stub, begin(AWS_PROFILE="other")) == ("OTHER", "t2")
    assert used(stub, begin(AWS_PROFILE="third")) == ("THIRD", None)
    answer = convert(begin(AWS_PROFILE="process"))
    assert (answer.status, answer.json()["code"]) == (503, "credentials-unavailable"), answer
    assert "credential_process" in answer.json()["detail"]


def test_container(begin, stub, tmp_path):
    (tmp_path / "token").write_text("container-token\n")
    service = begin(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{stub.url}/container",
                    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=tmp_path / "token")
    assert used(stub, service) == ("ID1", "token1")
    assert used(stub, service) == ("ID1", "token1")  # kept
    answer = convert(begin(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{stub.url}/container"))
    assert (answer.status, answer.json()["code"]) == (503, "credentials-unavailable"), answer
    assert "401" in answer.json()["detail"]


def test_machine(begin, stub):
    service = begin(AWS_EC2_METADATA_SERVICE_ENDPOINT=stub.url, AWS_EC2_METADATA_DISABLED="false")
    assert used(stub, service) == ("ID1", "token1")
    assert stub.asked[0] == ("PUT", "/latest/api/token")
    assert ("GET", "/latest/meta-data/iam/security-credentials/the-role") in stub.asked


def test_keys_are_renewed_before_their_end(begin, stub, tmp_path):
    (tmp_path / "token").write_text("container-token")
    stub.lasts = 4
    service = begin(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{stub.url}/container",
                    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=tmp_path / "token")
    assert used(stub, service)[0] == "ID1"
    time.sleep(2.5)
    assert used(stub, service)[0] == "ID2"


def test_old_keys_hold_while_new_ones_cannot_be_had(begin, stub, tmp_path):
    (tmp_path / "token").write_text("container-token")
    stub.lasts = 8
    service = begin(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{stub.url}/container",
                    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=tmp_path / "token")
    assert used(stub, service)[0] == "ID1"
    (tmp_path / "token").write_text("wrong")
    time.sleep(4.5)
    assert used(stub, service)[0] == "ID1"


def test_expired_token_is_renewed_at_once(begin, stub, tmp_path):
    (tmp_path / "token").write_text("container-token")
    stub.expired = {"token1"}
    service = begin(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{stub.url}/container",
                    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=tmp_path / "token")
    assert used(stub, service) == ("ID2", "token2")


def test_nowhere_any_keys(begin):
    answer = convert(begin())
    assert (answer.status, answer.json()["code"]) == (503, "credentials-unavailable"), answer
    assert "AWS_ACCESS_KEY_ID" in answer.json()["detail"]


@pytest.fixture(scope="module")
def sts():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


def identity():
    """What Kubernetes writes for a service account, unsigned."""
    parts = ({"alg": "RS256"}, {"sub": "system:serviceaccount:ml:kferry", "aud": ["sts"], "iss": "https://x"})
    return ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts) + ".sig"


def test_web_identity(begin, stub, sts, tmp_path):
    (tmp_path / "identity").write_text(identity())
    service = begin(AWS_WEB_IDENTITY_TOKEN_FILE=tmp_path / "identity", AWS_ENDPOINT_URL_STS=sts,
                    AWS_ROLE_ARN="arn:aws:iam::123456789012:role/kferry", AWS_REGION="us-east-1")
    answer = convert(service)
    assert answer.status == 200, answer
    authorization, token = stub.used[-1]
    assert authorization.startswith("AWS4-HMAC-SHA256 Credential=ASIA") and token
    assert token not in str(service.lines)


def test_web_identity_that_cannot_be_read(begin):
    answer = convert(begin(AWS_WEB_IDENTITY_TOKEN_FILE="/nowhere/token", AWS_ROLE_ARN="arn:aws:iam::1:role/x"))
    assert (answer.status, answer.json()["code"]) == (503, "credentials-unavailable"), answer
    assert "AWS_WEB_IDENTITY_TOKEN_FILE" in answer.json()["detail"]

# SPDX-License-Identifier: Apache-2.0
"""An S3 server for tests, and a proxy of ours that breaks what it carries."""

import socket
import subprocess
import threading
import time
from pathlib import Path

import boto3
from botocore.config import Config

ACCESS, SECRET, REGION = "kferry-test", "a/secret+of=tests", "eu-test-1"
SLOW_DOWN = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: 62\r\n\r\n<?xml version='1.0'?><Error><Code>SlowDown</Code></Error>     "
)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_for_port(port, seconds=20):
    end = time.time() + seconds
    while time.time() < end:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nobody listens on port {port}")


def client(url, access=ACCESS, secret=SECRET, ca=None):
    return boto3.client(
        "s3",
        endpoint_url=url,
        verify=ca,
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        region_name=REGION,
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 3}),
    )


def certificate(folder):
    """A certificate that signs itself, for 127.0.0.1 and localhost, and its key."""
    cert, key = Path(folder, "cert.pem"), Path(folder, "key.pem")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-out", cert, "-keyout", key,
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


class Versity:
    """
    versitygw on files below a folder. With TLS, `ca` is the file that it is known by; with a `domain`
    buckets are names below that.
    """

    def __init__(self, program, folder, tls=False, domain=None, versions=False):
        self.port, self.folder = free_port(), folder
        store, sidecar, old = (Path(folder, name) for name in ("store", "sidecar", "versions"))
        for path in (store, sidecar, old):
            path.mkdir()
        self.ca, key = certificate(folder) if tls else (None, None)
        more = ["--cert", self.ca, "--key", key] if tls else []
        more += ["--virtual-domain", f"{domain}:{self.port}"] if domain else []
        self.command = [
            program, "--quiet", "-p", f"127.0.0.1:{self.port}", "-a", ACCESS, "-s", SECRET,
            "-r", REGION, *more, "posix", *(["--versioning-dir", old] if versions else []),
            "--sidecar", sidecar, store,
        ]
        self.start()
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self.client = client(self.url, ca=str(self.ca) if tls else None)

    def start(self):
        """Begin, or come back after stop() with what was stored."""
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.port)

    def fresh(self, bucket):
        """An empty bucket of that name."""
        if bucket in [b["Name"] for b in self.client.list_buckets()["Buckets"]]:
            for upload in self.client.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
                self.client.abort_multipart_upload(
                    Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                )
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                for found in page.get("Contents", []):
                    self.client.delete_object(Bucket=bucket, Key=found["Key"])
        else:
            self.client.create_bucket(Bucket=bucket)

    def stop(self):
        self.process.kill()
        self.process.wait(10)


class Proxy:
    """
    Carries one request a connection to `port`. `rule(method, path, n)` says what goes wrong with the
    n-th request of that method and path: None, "503", bytes that are the answer, ("answer", bytes after which the answer is
    cut), ("body", bytes after which the request is), "hang".
    """

    def __init__(self, port):
        self.upstream = port
        self.rule = lambda method, path, n: None
        self.seen, self.counts = [], {}
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        try:
            with sock:
                self.carry(sock)
        except OSError:
            pass

    def carry(self, sock):
        data = b""
        while b"\r\n\r\n" not in data:
            piece = sock.recv(65536)
            if not piece:
                return
            data += piece
        method, path = data.split(b" ", 2)[:2]
        key = (method.decode(), path.decode())
        self.counts[key] = n = self.counts.get(key, 0) + 1
        self.seen.append((*key, data.partition(b"\r\n\r\n")[0].decode(errors="replace")))
        fault = self.rule(*key, n)
        if fault == "503" or isinstance(fault, bytes):
            sock.sendall(SLOW_DOWN if fault == "503" else fault)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass
            return
        if fault == "hang":
            time.sleep(30)
            return
        limits = dict([fault]) if fault else {}
        with socket.create_connection(("127.0.0.1", self.upstream)) as up:
            threading.Thread(
                target=pump, args=(sock, up, limits.get("body"), data), daemon=True
            ).start()
            pump(up, sock, limits.get("answer"))

    def stop(self):
        self.socket.close()


def pump(source, sink, limit=None, first=b""):
    """Carry bytes until one side closes, or until `limit` have gone: then both are cut."""
    left = limit
    data = first
    try:
        while True:
            if data:
                if left is not None and len(data) >= left:
                    sink.sendall(data[:left])
                    break
                sink.sendall(data)
                if left is not None:
                    left -= len(data)
            data = source.recv(65536)
            if not data:
                sink.shutdown(socket.SHUT_WR)
                return
        for sock in (source, sink):
            sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass

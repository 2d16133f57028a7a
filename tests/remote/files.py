# SPDX-License-Identifier: Apache-2.0
"""A web server of ours that serves one file, and misbehaves as its paths say."""

import hashlib
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def head(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)

    def empty(self, status, **headers):
        self.head(status, Content_Length="0", **headers)
        self.end_headers()

    def do_GET(self):
        files = self.server.files
        path, _, query = self.path.partition("?")
        files.seen.append((self.command, self.path, dict(self.headers)))
        query = dict(urllib.parse.parse_qsl(query))
        kind = path.split("/")[1]
        if kind == "redirect":
            return self.empty(int(query.get("status", 302)), Location=query["to"])
        if kind == "loop":
            return self.empty(301, Location=self.path)
        if kind == "status":
            return self.empty(int(path.split("/")[2]))
        if kind == "busy" and files.count(self.path) <= int(query["times"]):
            return self.empty(503, Retry_After="0")
        return self.send_file(kind, query)

    def send_file(self, kind, query):
        data = self.server.files.data
        etag = '"%s"' % hashlib.md5(data).hexdigest()
        n = self.server.files.count(self.path)
        if kind == "changing":
            etag = '"%d"' % n
        at = 0
        wanted = self.headers.get("Range")
        if wanted and self.headers.get("If-Range", etag) == etag:
            at = int(wanted.split("=")[1].split("-")[0])
        if at:
            self.head(206, Content_Range=f"bytes {at}-{len(data) - 1}/{len(data)}")
        else:
            self.head(200)
        if kind != "weak":
            self.send_header("ETag", etag)
        if kind == "endless":
            return self.endless()
        self.send_header("Content-Length", len(data) - at)
        self.end_headers()
        rest = data[at:]
        if kind in ("cut", "changing", "weak") and n <= int(query.get("times", 1)):
            self.wfile.write(rest[: len(rest) // 2])
            self.wfile.flush()
            self.connection.close()
            self.close_connection = True
            return None
        if kind == "slow":
            return self.slow(rest)
        self.wfile.write(rest)
        return None

    def slow(self, rest):
        for i in range(0, len(rest), 10):
            if self.server.files.stopping:
                break
            self.wfile.write(rest[i : i + 10])
            self.wfile.flush()
            time.sleep(0.2)
        self.close_connection = True

    def endless(self):
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            while not self.server.files.stopping:
                self.wfile.write(b"x" * 65536)
        except OSError:
            pass
        self.close_connection = True

    def do_PUT(self):
        files = self.server.files
        files.seen.append((self.command, self.path, dict(self.headers)))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0]
        if path.startswith("/status/"):
            return self.empty(int(path.split("/")[2]))
        if path.startswith("/loop/"):
            return self.empty(307, Location=self.path)
        if path.startswith("/redirect/"):
            query = dict(urllib.parse.parse_qsl(self.path.partition("?")[2]))
            return self.empty(int(query["status"]), Location=query["to"])
        if path.startswith("/busy/") and files.count(self.path) <= 1:
            return self.empty(503)
        if self.headers.get("If-None-Match") == "*" and path in files.put:
            return self.empty(412)
        files.put[path] = body
        return self.empty(200, ETag='"put"')

    def do_POST(self):
        files = self.server.files
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        files.posted.append((self.path, dict(self.headers), body))
        if self.path.startswith("/busy/") and files.count(self.path) <= 2:
            return self.empty(503)
        return self.empty(int(self.path.split("/")[2]) if self.path.startswith("/status/") else 204)


class Files:
    """The server; `seen` has the requests, `put` what was put, `posted` what was posted."""

    def __init__(self, data):
        self.data = data
        self.seen, self.put, self.posted, self.counts = [], {}, [], {}
        self.stopping = False
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.files = self
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def count(self, key):
        self.counts[key] = self.counts.get(key, 0) + 1
        return self.counts[key]

    def url(self, path, host="127.0.0.1"):
        return f"http://{host}:{self.port}{path}"

    def stop(self):
        self.stopping = True
        self.server.shutdown()
        self.server.server_close()

# SPDX-License-Identifier: Apache-2.0
"""Hold answers of the service against its own description, /openapi.json."""

import gzip
import json
import re

import jsonschema

# What any answer of HTTP may have; all other headers are part of the contract.
PLAIN = {
    "date", "content-length", "content-type", "content-encoding", "connection", "transfer-encoding",
    "cache-control", "x-content-type-options", "content-security-policy", "keep-alive",
    "cross-origin-resource-policy", "referrer-policy",
}
METHODS = ("get", "head", "put", "post", "delete", "options", "patch", "trace")


class Contract:
    def __init__(self, document):
        self.document = document
        self.templates = sorted(
            ((re.compile(pattern_of(path)), path) for path in document["paths"]),
            key=lambda row: (row[1].count("{"), -len(row[1])),
        )
        self.validators = {}

    def follow(self, value):
        while "$ref" in value:
            node = self.document
            for name in value["$ref"].removeprefix("#/").split("/"):
                node = node[name]
            value = node
        return value

    def template(self, target):
        path = re.sub("^http://[^/]+", "", target).split("?")[0].split("#")[0]
        return next((name for pattern, name in self.templates if pattern.fullmatch(path)), None)

    def validator(self, schema):
        key = json.dumps(schema, sort_keys=True)
        if key not in self.validators:
            whole = {"components": self.document["components"], **schema}
            self.validators[key] = jsonschema.Draft202012Validator(whole)
        return self.validators[key]

    def response(self, method, target, status):
        """The description of an answer; what has no operation is a problem of the general kind."""
        general = self.document["components"]["responses"]
        template = self.template(target)
        if template is None:
            assert status in (400, 404, 414), f"{target} is not described, and was {status}"
            return general[{400: "BadRequest", 404: "NotFound", 414: "UriTooLong"}[status]]
        operations = self.document["paths"][template]
        name = "get" if method == "HEAD" else method.lower()
        if name not in operations or name not in METHODS:
            assert status in (400, 405, 414), f"{method} {template} is not described, and was {status}"
            return general[{400: "BadRequest", 405: "MethodNotAllowed", 414: "UriTooLong"}[status]]
        responses = operations[name]["responses"]
        assert str(status) in responses, f"{method} {template}: {status} is not described"
        return self.follow(responses[str(status)])

    def check(self, method, target, answer):
        if answer.status == 0:
            return
        response = self.response(method, target, answer.status)
        self.check_headers(response, answer.headers)
        if method != "HEAD" and answer.status not in (204, 304):
            self.check_body(response, answer)

    def check_headers(self, response, headers):
        known = {name.lower(): self.follow(row) for name, row in response.get("headers", {}).items()}
        strange = set(headers) - set(known) - PLAIN
        assert not strange, f"headers that are not described: {strange}"
        for name, row in known.items():
            assert name in headers or not row.get("required"), f"{name} is missing"
            if name in headers:
                value = headers[name]
                value = int(value) if row["schema"].get("type") == "integer" else value
                self.validator(row["schema"]).validate(value)

    def check_body(self, response, answer):
        kind = answer.headers.get("content-type", "").split(";")[0]
        content = {name.split(";")[0]: row for name, row in response.get("content", {}).items()}
        assert kind in content, f"{answer.status} as {kind!r} is not described: {sorted(content)}"
        schema = content[kind].get("schema")
        if schema and "json" in kind:
            packed = answer.headers.get("content-encoding") == "gzip"
            self.validator(schema).validate(json.loads(gzip.decompress(answer.body) if packed else answer.body))


def pattern_of(template):
    """A placeholder is one segment; the last one may be empty."""
    parts = re.split(r"(\{[^}]+\})", template)
    last = max((i for i, part in enumerate(parts) if part.startswith("{")), default=-1)
    out = []
    for i, part in enumerate(parts):
        if part.startswith("{"):
            out.append("[^/]*" if i == last and not parts[i + 1] else "[^/]+")
        else:
            out.append(re.escape(part))
    return "".join(out)

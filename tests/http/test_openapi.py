# SPDX-License-Identifier: Apache-2.0
"""The description of the API and the program say the same, in both directions."""

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from contract import METHODS, Contract
from kferry_service import program

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def document(service):
    answer = service.get("/openapi.json")
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    return answer.json()


def routes():
    """Paths and methods of the table in routes.c."""
    text = (ROOT / "server/http/routes.c").read_text()
    named = dict(re.findall(r'#define (\w+)\s+"([A-Z, ]+)"', text))
    found = {}
    text = re.sub(r'PROBES\("([^"]*)",', r'PROBES("\1", READ,', text)
    for pattern, methods in re.findall(r'^    \S*?[{(]"([^"]*)",\s+([^{]*?),\s+(?:NULL|handle_\w+|JOB_\w+),', text, re.M):
        words = "".join(named.get(word, word).strip('"') for word in re.findall(r'"[^"]*"|\w+', methods))
        found.setdefault("/" + pattern, set()).update(words.replace(" ", "").split(","))
    return found


def operations(document):
    return {path: {m.upper() for m in row if m in METHODS} for path, row in document["paths"].items()}


def test_every_route_is_described_and_every_description_is_a_route(document):
    served = {path: methods - {"HEAD"} for path, methods in routes().items()}
    assert len(served) > 20
    assert operations(document) == served


def test_the_program_takes_the_methods_that_are_described(service, document):
    """As the program itself says it, by what it allows."""
    for path, methods in operations(document).items():
        if path.startswith("/v1/jobs/{id}:"):
            path = path.replace("{id}", "1")
        answer = service.request("PATCH", re.sub(r"\{\w+\}", "x", path))
        assert answer.status == 405, path
        assert set(answer.headers["allow"].split(", ")) - {"HEAD"} == methods, path


def test_every_parameter_is_described(service, document):
    table = {row["name"]: row for row in service.get("/v1/formats").json()["parameters"]}
    components = document["components"]
    described = {row["name"]: row for row in components["parameters"].values() if row["in"] == "query"}
    assert set(described) == set(table) - {"architecture"}  # a file
    assert set(components["schemas"]["ModelForm"]["properties"]) == set(table) | {"file"}
    for name, row in described.items():
        words = row["schema"].get("enum")
        if words:
            assert set(words) == set(table[name]["values"].split()), name
    for path in ("/v1/convert", "/v1/jobs"):
        names = {row["name"] for row in parameters(document, path, "post") if row["in"] == "query"}
        assert names == set(described), path
    names = {row["name"] for row in parameters(document, "/v1/inspect", "put") if row["in"] == "query"}
    assert names == set(described) - {"to"}


def parameters(document, path, method):
    contract = Contract(document)
    rows = document["paths"][path].get("parameters", []) + document["paths"][path][method]["parameters"]
    return [contract.follow(row) for row in rows]


def codes_of(response):
    schema = response["content"]["application/problem+json"]["schema"]
    return schema["allOf"][1]["properties"]["code"]["enum"]


def test_every_problem_stands_at_its_status(service, document):
    problems = service.get("/problems").json()["problems"]
    assert len({row["code"] for row in problems}) == len(problems) > 50
    contract = Contract(document)
    at = {}
    for operation in (row for path in document["paths"].values() for m, row in path.items() if m in METHODS):
        for status, response in operation["responses"].items():
            response = contract.follow(response)
            if "application/problem+json" in response.get("content", {}):
                at.setdefault(int(status), set()).update(codes_of(response))
    told = {}
    for row in problems:
        if row["status"] != 499:  # in the log alone: nobody is there to hear it
            told.setdefault(row["status"], set()).add(row["code"])
    assert at == told


def test_every_problem_has_a_page(service):
    for row in service.get("/problems").json()["problems"]:
        page = service.get(f"/problems/{row['code']}", Accept="text/html")
        assert page.status == 200 and page.headers["content-type"].startswith("text/html")
        assert row["code"].encode() in page.body
        assert service.get(f"/problems/{row['code']}", Accept="application/json").json() == row
    assert service.get("/problems/no-such").status == 404


def test_a_problem_leads_to_its_page(service):
    problem = service.get("/v1/jobs/none").json()
    assert service.get(problem["type"]).status == 200


def test_settings_that_are_named_exist(document):
    """In the description and in the hints of problems."""
    table = subprocess.run([program(), "config", "--docs"], capture_output=True, text=True).stdout
    settings = set(re.findall(r"`(KFERRY_[A-Z0-9_]+)`", table))
    text = json.dumps(document) + (ROOT / "api/problems.def").read_text()
    named = set(re.findall(r"KFERRY_[A-Z0-9_]+", text))
    assert named and named <= settings


def test_formats_that_are_named_exist(service, document):
    formats = service.get("/v1/formats").json()
    schemas = document["components"]["schemas"]
    assert set(schemas["Target"]["examples"]) <= {row["name"] for row in formats["targets"]}
    assert set(schemas["Reader"]["examples"]) <= {row["name"] for row in formats["readers"]} | {"auto"}


def test_media_types_of_all_targets_are_described(service, document):
    types = {row["media_type"] for row in service.get("/v1/formats").json()["targets"]} - {None}
    for name in ("Converted", "Artifact", "ArtifactPart"):
        assert types <= set(document["components"]["responses"][name]["content"]), name


def test_the_document_is_whole(document):
    """Every reference leads somewhere, names of operations are unique, schemas are schemas."""
    text = json.dumps(document)
    contract = Contract(document)
    for ref in set(re.findall(r'"\$ref": "([^"]+)"', text)):
        assert ref.startswith("#/"), ref
        contract.follow({"$ref": ref})
    names = re.findall(r'"operationId": "(\w+)"', text)
    everywhere = [*document["paths"].values(), *document["webhooks"].values()]
    defined = [row["operationId"] for path in everywhere for m, row in path.items() if m in METHODS]
    assert len(defined) == len(set(defined)) and set(names) == set(defined)
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_components_are_all_used(document):
    text = json.dumps(document)
    for kind, rows in document["components"].items():
        for name in rows:
            if kind == "securitySchemes":
                assert {name: []} in document["security"]
                continue
            assert f'"#/components/{kind}/{name}"' in text, f"{kind}/{name}"


def test_examples_follow_their_schemas(document):
    contract = Contract(document)

    def walk(node):
        if isinstance(node, dict):
            if "schema" in node and "example" in node:
                contract.validator(node["schema"]).validate(node["example"])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)


def test_the_files_are_sent_as_they_are(service):
    for name in ("openapi.yaml", "report.schema.json", "summary.schema.json", "diff.schema.json"):
        answer = service.get("/" + name)
        assert answer.body == (ROOT / "api" / name).read_bytes()
        assert service.get("/" + name, **{"If-None-Match": answer.headers["etag"]}).status == 304


def test_a_client_that_takes_gzip_gets_it(service):
    plain = service.get("/openapi.json")
    packed = service.get("/openapi.json", **{"Accept-Encoding": "br, gzip"})
    assert "content-encoding" not in plain.headers and packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["etag"] != plain.headers["etag"]
    assert "content-encoding" not in service.get("/openapi.json", **{"Accept-Encoding": "gzip;q=0"}).headers


def test_schemas_of_the_document_are_those_beside_it(document):
    for name, file in (("Report", "report"), ("Summary", "summary"), ("Comparison", "diff")):
        schema = json.loads((ROOT / f"api/{file}.schema.json").read_text())
        assert document["components"]["schemas"][name]["required"] == schema["required"]
        for part in schema.get("$defs", {}):
            assert f"{name}_{part}" in document["components"]["schemas"]


def test_nothing_that_clients_rely_on_is_gone(document):
    """api/surface.txt is what was released; tests/tools/api_surface.py --write adds what is new."""
    done = subprocess.run([sys.executable, ROOT / "tests/tools/api_surface.py", "--check", ROOT / "api/surface.txt"],
                          input=json.dumps(document), capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stdout


@pytest.mark.parametrize("change, said", [
    (lambda d: d["paths"].pop("/v1/diff"), "breaking: POST /v1/diff is diff"),
    (lambda d: d["paths"]["/v1/jobs"]["post"]["responses"].pop("202"), "breaking: POST /v1/jobs answers 202 as application/json"),
    (lambda d: d["components"]["schemas"]["Job"]["required"].remove("state"), "breaking: Job has state"),
    (lambda d: d["components"]["parameters"]["allow"]["schema"]["enum"].remove("lossy"),
     "breaking: parameter allow can be lossy"),
])
def test_a_breaking_change_is_noticed(document, change, said):
    change(document)
    done = subprocess.run([sys.executable, ROOT / "tests/tools/api_surface.py", "--check", ROOT / "api/surface.txt"],
                          input=json.dumps(document), capture_output=True, text=True)
    assert done.returncode == 2 and said in done.stdout.splitlines()

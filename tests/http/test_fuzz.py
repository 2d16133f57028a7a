# SPDX-License-Identifier: Apache-2.0
"""schemathesis makes requests up from the description: none fails, none is answered otherwise than described."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from kferry_service import contract

HERE = Path(__file__).resolve().parent
SECONDS, RUNS = 60, 5
EXPECTED = {200, 202, 400, 404, 405, 422}
FEW_TARGETS = ("archive", "quantize", "verify")
# Not negative_data_rejection: a body that is no JSON is a file, whatever Content-Type says.
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "unsupported_method", "allow_header_conformance", "missing_required_header",
)


def described(service):
    """The description with words that lead somewhere: real targets and readers, and no host that must be asked."""
    document = json.loads(json.dumps(contract().document).replace("https://example.com/", "https://127.0.0.1:9/"))
    formats = service.get("/v1/formats").json()
    schemas = document["components"]["schemas"]
    schemas["Target"]["enum"] = [row["name"] for row in formats["targets"]]
    schemas["Reader"]["enum"] = ["auto"] + [row["name"] for row in formats["readers"]]
    for name in FEW_TARGETS:  # else hardly a job is accepted: most targets and answers refuse them
        parameter = document["components"]["parameters"][name]
        parameter["schema"] = {**parameter["schema"], "enum": parameter["schema"]["enum"][:1]}
    return document


def make_up(service, folder, seed, phases, *only):
    """How many requests of one run were made."""
    done = subprocess.run(
        [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run",
         folder / "openapi.json", "--url", "http://" + service.address, "--checks", ",".join(CHECKS),
         "--phases", phases, "--max-examples", "8", "--max-time", str(SECONDS),
         "--seed", str(seed), "--request-timeout", "30", "--continue-on-failure", "--warnings", "off", "--no-color", *only],
        cwd=folder, capture_output=True, text=True, timeout=10 * SECONDS,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "fuzz_hooks", "PYTHONPATH": str(HERE)},
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    cases = re.search(r"(\d+) generated", done.stdout)
    assert cases, done.stdout[-2000:]
    return int(cases.group(1))


def test_made_up_requests(start, tmp_path):
    if not importlib.util.find_spec("schemathesis"):
        pytest.fail("schemathesis is not installed: tests/requirements.txt")
    service = start()
    (tmp_path / "openapi.json").write_text(json.dumps(described(service)))
    made, seed = make_up(service, tmp_path, 1, "examples,coverage,fuzzing,stateful"), 1
    statuses = {line["status"] for line in service.events("request")}
    while seed < RUNS and not (made > 300 and EXPECTED <= statuses):
        # On a busy machine hardly a job is among those that are made in the time.
        seed += 1
        made += make_up(service, tmp_path, seed, "examples,coverage,fuzzing", "--include-path", "/v1/jobs")
        statuses = {line["status"] for line in service.events("request")}
    assert made > 300 and EXPECTED <= statuses and not statuses & {500, 502}, (made, statuses)
    assert not service.events("internal-error")
    assert service.wait_idle(60)

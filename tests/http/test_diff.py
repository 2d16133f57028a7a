# SPDX-License-Identifier: Apache-2.0
"""POST /v1/diff."""

import json

import jsonschema
import pytest
from kferry_service import FIXTURES, multipart

SCHEMA = json.loads((FIXTURES.parents[1] / "api" / "diff.schema.json").read_text())


def diff(service, *parts):
    body, kind = multipart(*parts)
    return service.request("POST", "/v1/diff", body, {"Content-Type": kind})


def test_same_and_different(service, model):
    converted = service.put("/v1/convert/keras/a.h5", model).body
    other = (FIXTURES / "zoo" / "dense_softmax.h5").read_bytes()
    for second, verdict in ((model, "same"), (converted, "same"), (other, "different")):
        answer = diff(service, ("file", "a.h5", model), ("file", "b", second))
        assert answer.status == 200, answer
        jsonschema.Draft202012Validator(SCHEMA).validate(answer.json())
        assert answer.json()["verdict"] == verdict
        assert answer.json()["a"]["filename"] == "a.h5"
    assert service.job_folders() == []


def test_what_cannot_be_said_is_422(service, model, broken):
    answer = diff(service, ("file", "a.h5", model), ("file", "b.h5", broken))
    assert (answer.status, answer.json()["code"]) == (422, "not-a-model")
    assert "b: " in answer.json()["detail"]


@pytest.mark.parametrize("n", [1, 3])
def test_other_than_two_files_is_400(service, model, n):
    answer = diff(service, *[("file", f"{i}.h5", model) for i in range(n)])
    assert (answer.status, answer.json()["code"]) == (400, "invalid-request")


def test_raw_body_is_400(service, model):
    answer = service.request("POST", "/v1/diff", model)
    assert (answer.status, answer.json()["code"]) == (400, "invalid-request")

# SPDX-License-Identifier: Apache-2.0
"""Prefixes with more files than are taken at once: in parts, by the service and on the command line."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from kferry_service import FIXTURES, program
from orders import finish, post
from s3 import ACCESS, REGION, SECRET

PART = 1000  # files
FLAT = [f"{i:04}.h5" for i in range(PART + 12)]
BELOW = [f"0500/{i}.h5" for i in range(3)]
# The last file of a full first part and the next one have one stem: they stay together.
PAIR = ["0996.h5", "0996.hdf5"]


@pytest.fixture(scope="module")
def crowd(s3, model):
    """More than a part of models; beside them what may belong together or not, and what is none."""
    s3.fresh("crowd")
    weights = FIXTURES / "weights" / "k213_attention"
    files = dict.fromkeys(FLAT + BELOW, model) | {
        PAIR[1]: model,
        "0007.h5": model[:1500], "readme.txt": b"no model",
        "x.weights.h5": weights.with_suffix(".weights.h5").read_bytes(),
        "y.json": weights.with_suffix(".json").read_bytes(),
    }

    def put(item):
        s3.client.put_object(Bucket="crowd", Key=f"in/{item[0]}", Body=item[1])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, files.items()))
    return s3.client


@pytest.fixture
def keys(s3):
    return {
        "KFERRY_S3_ENDPOINT": s3.url, "AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": REGION,
    }


@pytest.fixture
def service(start, keys):
    return start(KFERRY_S3_READ_BUCKETS="crowd", KFERRY_S3_WRITE_BUCKETS="crowd", **keys)


def load(client, key):
    return json.loads(client.get_object(Bucket="crowd", Key=f"out/{key}")["Body"].read())


def convert(service):
    order = {"source": {"uri": "s3://crowd/in/"}, "to": "keras", "target": {"uri": "s3://crowd/out/"}}
    answer = post(service, "/v1/jobs", order)
    while True:
        job = finish(service, answer)
        if job["done"]:
            return job


def results(client):
    pages = client.get_paginator("list_objects_v2").paginate(Bucket="crowd", Prefix="out/")
    return {o["Key"].removeprefix("out/") for page in pages for o in page.get("Contents", [])}


def test_prefix_goes_in_parts(service, crowd, keys, tmp_path):
    """It stops in the second part, is gone on with, and the command line finds nothing left to do."""
    crowd.put_object(Bucket="crowd", Key="out/1005.keras", Body=b"mine")
    job = convert(service)
    assert job["error"]["code"] == "target-exists", job
    first = load(crowd, "summary-1.json")
    paths = {row["path"] for row in first["models"]}
    assert first["counts"] == {"models": PART - 1, "succeeded": PART - 2, "failed": 1}
    assert not paths & set(PAIR) and set(BELOW) <= paths
    assert "summary.json" not in results(crowd)
    crowd.delete_object(Bucket="crowd", Key="out/1005.keras")

    job = convert(service)
    assert job["state"] == "succeeded", job
    summary, second = load(crowd, "summary.json"), load(crowd, "summary-2.json")
    made = len(FLAT) + len(BELOW) + 1 - 1
    again = made - 7  # 1005.h5 to 1011.h5 are new
    assert summary["parts"] == 2
    assert summary["counts"] == {"models": made + 3, "succeeded": made, "failed": 3, "skipped": again}
    assert {row["path"] for row in summary["models"]} == {"0007.h5", "x.weights.h5", "y.json"}
    rows = {row["path"]: row for row in second["models"]}
    assert [rows[path]["artifact"] for path in PAIR] == ["0996.keras", "0996.hdf5.keras"]
    names = {f"{name.removesuffix('.h5')}.keras" for name in FLAT + BELOW} | {"0996.hdf5.keras"}
    assert {name for name in results(crowd) if name.endswith(".keras")} == names - {"0007.keras"}
    assert {f"{name}.report.json" for name in names} <= results(crowd)

    env = {k: v for k, v in os.environ.items() if not k.startswith("KFERRY")} | keys
    done = subprocess.run(
        [program(), "convert", "s3://crowd/in/", "--to", "keras", "-o", "s3://crowd/out/", "--report", "all.json"],
        cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300,
    )
    assert done.returncode == 65, done.stderr
    report = json.loads((tmp_path / "all.json").read_text())
    assert report["counts"] == summary["counts"] | {"skipped": made} and report["parts"] == 2


def test_an_archive_is_of_one_part(service, crowd):
    order = {"source": {"uri": "s3://crowd/in/"}, "to": "keras"}
    answer = post(service, "/v1/convert", order, Accept="application/x-tar")
    assert (answer.status, answer.json()["code"]) == (413, "source-too-large"), answer
    assert "a target that ends with /" in answer.json()["detail"]


def test_so_is_one_file_of_the_command_line(crowd, keys, tmp_path):
    env = {k: v for k, v in os.environ.items() if not k.startswith("KFERRY")} | keys
    done = subprocess.run([program(), "inspect", "s3://crowd/in/"], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 64 and "more than 1000 files" in done.stderr, done.stderr

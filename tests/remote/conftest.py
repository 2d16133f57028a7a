# SPDX-License-Identifier: Apache-2.0
"""Services, and what is far away from them: web servers, S3 servers, names and addresses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "http")]

from files import Files  # noqa: E402
from s3 import Proxy, Versity  # noqa: E402
from fixtures import model, settings, start  # noqa: E402, F401


@pytest.fixture(scope="session")
def dial(tmp_path_factory):
    """The library that is preloaded to see who is connected to."""
    library = tmp_path_factory.mktemp("dial") / "dial.so"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-O1", "-o", library, HERE / "dial.c", "-ldl"], check=True
    )
    return library


@pytest.fixture
def files(model):
    server = Files(model)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    program = os.environ.get("KF_S3_SERVER")
    if not program:
        if os.environ.get("CI") == "true":
            pytest.fail("KF_S3_SERVER names no S3 server")
        pytest.skip("KF_S3_SERVER names no S3 server")
    server = Versity(program, tmp_path_factory.mktemp("s3"))
    yield server
    server.stop()


@pytest.fixture
def proxy(s3):
    server = Proxy(s3.port)
    yield server
    server.stop()

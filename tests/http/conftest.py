# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a running service, and files to send it."""

import importlib.machinery
import importlib.util
import os
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from fixtures import model, service, settings, start  # noqa: E402, F401


def load(name):
    """A program of tests/tools as a module."""
    path = str(Path(__file__).resolve().parent.parent / "tools" / name)
    loader = importlib.machinery.SourceFileLoader(name, path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


with_postgres = load("with_postgres")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """A PostgreSQL server of our own."""
    if not with_postgres.binaries():
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL is not installed")
        pytest.skip("PostgreSQL is not installed")
    with tempfile.TemporaryDirectory(prefix="kferry-postgres-") as folder:
        cluster = with_postgres.Cluster(folder).start()
        yield cluster
        cluster.stop()


@pytest.fixture(scope="session")
def broken(model):
    """A file that does not: the head of a model."""
    return b"BAD" + model[100:1500]

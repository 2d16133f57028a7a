# SPDX-License-Identifier: Apache-2.0
"""Fixtures: the program, in a folder of its own, with its own or a false worker."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = Path(os.environ.get("KFERRY_FIXTURES") or ROOT / "tests" / "fixtures")

# Stands in for kferry-worker: says or does what a test wants. Its folder is the job's.
WORKER = """#!{python} -SE
import os, signal, sys, time
{body}
"""


class Program:
    """The command line, run in `folder`; every run checks that nothing is left there."""

    def __init__(self, path, folder):
        self.path = path
        self.folder = folder

    def command(self, *args):
        return [str(self.path), *map(str, args)]

    def run(self, *args, env=None):
        done = subprocess.run(
            self.command(*args), cwd=self.folder, env={**clean_environment(), **(env or {})},
            capture_output=True, text=True, timeout=120,
        )
        assert "Traceback" not in done.stderr and "runtime error" not in done.stderr
        assert not self.leftovers(), "a job's folder was left"
        return done

    def leftovers(self):
        return [p.name for p in self.folder.rglob(".kferry-*")]

    def report(self, *args, status=0):
        """Run with the report on standard output; the report."""
        done = self.run("convert", *args, "--report", "-")
        assert done.returncode == status, done.stderr
        return json.loads(done.stdout)


def clean_environment():
    kept = {k: v for k, v in os.environ.items() if not k.startswith("KFERRY_")}
    return {**kept, "TMPDIR": kept.get("TMPDIR", "/tmp")}


@pytest.fixture(scope="session")
def program_path():
    path = os.environ.get("KFERRY") or shutil.which("kferry")
    if not path:
        pytest.fail("set KFERRY to the path of the built program")
    return Path(path).resolve()


@pytest.fixture
def kferry(program_path, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return Program(program_path, tmp_path)


@pytest.fixture
def with_worker(program_path, tmp_path, monkeypatch):
    """The program beside a worker that runs `body`."""

    def make(body):
        folder = tmp_path / "bin"
        folder.mkdir()
        shutil.copy(program_path, folder / "kferry")
        if body is not None:
            worker = folder / "kferry-worker"
            worker.write_text(WORKER.format(python=os.path.realpath(sys.executable), body=body))
            worker.chmod(0o755)
        return Program(folder / "kferry", tmp_path)

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return make


@pytest.fixture
def model(tmp_path):
    """A small legacy model, called model.h5."""
    path = tmp_path / "model.h5"
    shutil.copy(FIXTURES / "zoo" / "dense_softmax.h5", path)
    return path


@pytest.fixture
def garbage(tmp_path):
    path = tmp_path / "garbage.h5"
    path.write_bytes(b"this is no model\n" * 10)
    return path


@pytest.fixture(scope="session")
def check_report():
    import jsonschema

    schema = json.loads((ROOT / "api" / "report.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    jsonschema.Draft202012Validator.check_schema(schema)
    return validator.validate

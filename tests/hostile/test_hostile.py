# SPDX-License-Identifier: Apache-2.0
"""Hostile and damaged files given to the whole program, and to the sandbox alone."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
FILES = HERE.parent / "fixtures" / "hostile"
KFERRY = Path(os.environ["KFERRY"])
EXPECT = dict(
    line.split("\t") for line in (HERE / "EXPECT.tsv").read_text().splitlines() if line and line[0] != "#"
)
# Bytes of a file of the machine's that external_storage.h5 points at.
SECRET = Path("/etc/passwd").read_bytes()[:16]


def convert(source, folder):
    report = folder / "report.json"
    done = subprocess.run(
        [KFERRY, "convert", source, "-o", folder / "out.keras", "--report", report],
        capture_output=True, text=True, timeout=120,
    )
    return done, json.loads(report.read_text())


@pytest.mark.parametrize("name", sorted(EXPECT))
def test_no_file_breaks_a_conversion(name, tmp_path):
    done, report = convert(FILES / name, tmp_path)
    codes = {problem["code"] for problem in report["problems"]}
    assert done.returncode in (0, 65), done.stderr
    assert not codes & {"worker-crashed", "worker-memory-limit", "conversion-timeout", "internal-error"}
    if done.returncode == 0:
        # Damage in what the model does not use; every byte is read by the unit test.
        assert EXPECT[name] in ("ok keras-h5", "ok keras-zip2", "corrupt-model", "bad-json")
    elif not EXPECT[name].startswith("ok"):
        # A kind that nothing reads, or not alone, is refused as that before its contents are looked at; weights
        # alone, which tell too little, before all of their attributes are.
        assert codes & {EXPECT[name], "unsupported-pair", "not-a-model", "architecture-missing", "mapping-ambiguous"}
    kept = sorted(p.name for p in tmp_path.iterdir())
    assert kept == (["out.keras", "report.json"] if done.returncode == 0 else ["report.json"])


def test_the_check_keeps_a_file_from_reading_the_machine(tmp_path):
    done, report = convert(FILES / "external_storage.h5", tmp_path)
    assert done.returncode == 65
    assert report["problems"][0]["code"] == "unsafe-model"
    assert SECRET.decode() not in json.dumps(report)


def naive(mode, folder):
    shutil.copy(FILES / "external_storage.h5", folder)
    return subprocess.run(
        [KFERRY.parent / "naive_reader", mode, "external_storage.h5", dataset()], cwd=folder,
        capture_output=True, timeout=60,
    )


def dataset():
    """The dataset whose bytes stand in another file."""
    import h5py

    found = []
    with h5py.File(FILES / "external_storage.h5") as file:
        file.visititems(lambda path, item: found.append(path) if getattr(item, "external", None) else None)
    return found[0]


def test_without_check_and_sandbox_the_file_reads_the_machine(tmp_path):
    done = naive("off", tmp_path)
    assert done.returncode == 0
    assert done.stdout[:8] == SECRET[:8]


def test_the_sandbox_alone_keeps_it_from_that(tmp_path):
    done = naive("prefer", tmp_path)
    if b"landlock" not in done.stderr or b"sanitizers" in done.stderr:
        pytest.skip("this kernel or build has no full Landlock")
    assert done.returncode != 0
    assert SECRET[:8] not in done.stdout

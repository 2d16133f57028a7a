# SPDX-License-Identifier: Apache-2.0
"""What code that took over a worker can do: each thing tried from inside (escape.def), on kernels with and without Landlock."""

import os
import re
import subprocess
from pathlib import Path

import pytest

BUILD = Path(os.environ["KFERRY"]).parent
ATTEMPTS = re.findall(r"^KF_ESCAPE\((\w+),", (Path(__file__).parent / "escape.def").read_text(), re.M)
KERNELS = {
    "landlock": ([], "landlock-"),
    "no-landlock": ([BUILD / "without", "landlock"], "chroot+seccomp"),
    "nothing": ([BUILD / "without", "root"], "seccomp"),
}
# What only Landlock or a root of its own keeps from it; KFERRY_SANDBOX=require does not work without Landlock.
PATHS = {name for name in ATTEMPTS if name.startswith(("read_", "write_", "rename_", "remove_", "list_"))}
PATHS |= {"memory_file", "environment_file"}


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    """{kernel: {attempt: how it ended}}, run once for each kernel."""
    return {kernel: escape(before, level, tmp_path_factory.mktemp(kernel)) for kernel, (before, level) in KERNELS.items()}


def escape(before, level, folder):
    job = folder / "job"
    job.mkdir()
    (folder / "other").mkdir()
    (folder / "secret").write_text("a secret")
    (job / "mine").write_text("of the job")
    (job / "link_out").symlink_to("../secret")
    done = subprocess.run([*before, BUILD / "escape"], cwd=job, capture_output=True, text=True, timeout=120)
    if done.returncode == 77:
        return {"level": "none can be taken away here"}
    assert done.returncode == 0, "the process outside did not survive"
    said, *lines = done.stdout.splitlines()
    ends = dict(line.split(" ", 1) for line in lines)
    ends["level"] = said if said.startswith(level) else f"{said} instead of {level}"
    return ends


def test_every_attempt_is_made(tried):
    assert len(ATTEMPTS) > 70
    assert set(tried["landlock"]) - {"level"} == set(ATTEMPTS)


@pytest.mark.parametrize("kernel", ["landlock", "no-landlock"])
@pytest.mark.parametrize("name", ATTEMPTS)
def test_nothing_gets_out(tried, kernel, name):
    ends = tried[kernel]
    if "instead" in ends["level"] or "sanitizers" in ends["level"]:
        pytest.skip(f"this kernel or build gives {ends['level']}")
    assert re.fullmatch(r"killed|denied E\w+", ends[name])


@pytest.mark.parametrize("name", sorted(set(ATTEMPTS) - PATHS))
def test_seccomp_alone_keeps_all_but_paths(tried, name):
    ends = tried["nothing"]
    if ends["level"] != "seccomp":
        pytest.skip(f"this kernel or build gives {ends['level']}")
    assert re.fullmatch(r"killed|denied E\w+", ends[name])


def test_a_conversion_needs_no_landlock(tmp_path):
    kferry = BUILD / "kferry"
    model = Path(__file__).resolve().parents[1] / "golden" / "dense" / "in.h5"
    for kernel, (before, _) in KERNELS.items():
        out = tmp_path / f"{kernel}.keras"
        done = subprocess.run([*before, kferry, "convert", model, "-o", out], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (kernel, done.stderr)
    assert len({path.read_bytes() for path in tmp_path.glob("*.keras")}) == 1

# SPDX-License-Identifier: Apache-2.0
"""What deploy/dist builds, installed and used as people would."""

import json
import os
import pathlib
import pwd
import re
import subprocess
import sys
import tarfile

import pytest

ROOT = pathlib.Path(__file__).parents[2]
SAMPLE = ROOT / "deploy" / "sample.h5"
# Nothing of this machine's but what every program has.
BARE = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"}
# Parts of the C library.
LIBC = re.compile(r"linux-vdso|ld-linux|lib(c|m|resolv|dl|pthread|rt)\.so")


def run(*words, status=0, **keys):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, env=BARE, **keys)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """All three, built once; KF_DIST_BUILT names a folder that has them already."""
    built = os.environ.get("KF_DIST_BUILT")
    if built:
        return pathlib.Path(built)
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([ROOT / "deploy" / "dist"], check=True, env={**os.environ, "KF_DIST": str(folder)})
    return folder


def only(folder, pattern):
    found, = folder.glob(pattern)
    return found


@pytest.fixture(scope="module")
def python(dist, tmp_path_factory):
    """The Python of an environment with the wheel in it and nothing else."""
    env = tmp_path_factory.mktemp("env")
    subprocess.run([sys.executable, "-m", "venv", env], check=True)
    subprocess.run([env / "bin" / "pip", "install", "-q", "--no-index", only(dist, "*.whl")], check=True)
    return env / "bin" / "python"


def foreign_libraries(program):
    """The libraries that a program finds outside the folder it was installed to, the C library aside."""
    home = program.parents[1].resolve().parent
    lines = run("ldd", program).splitlines()
    assert lines and not any("not found" in line for line in lines), lines
    return [line for line in lines if not LIBC.search(line) and str(home) not in str(pathlib.Path(line.split()[2]).resolve())]


def test_wheel_brings_its_libraries(python):
    package = pathlib.Path(run(python, "-c", "import kferry; print(kferry.program())").strip()).parent
    for name in ("kferry", "kferry-worker"):
        assert foreign_libraries(package / name) == []


def test_wheel_has_the_licences_of_its_libraries(python):
    home = only(python.parents[1], "lib/python*/site-packages")
    told = {path.name for path in (only(home, "kferry-*.dist-info") / "licenses" / "libraries").iterdir()}
    assert {"libhdf5", "libseccomp", "libmicrohttpd12", "libexpat1"} <= told
    assert (only(home, "kferry-*.dist-info") / "licenses" / "LICENSE").is_file()


def test_wheel_gives_the_command(python, tmp_path):
    run(python.with_name("kferry"), "convert", SAMPLE, "-o", tmp_path / "m.keras")
    assert (tmp_path / "m.keras").read_bytes()[:2] == b"PK"
    assert run(python, "-m", "kferry", "--version").startswith("kferry ")


def test_convert_gives_a_typed_report(python, tmp_path):
    told = run(python, "-c", """
import kferry, pathlib, sys
report = kferry.convert(pathlib.Path(sys.argv[1]), sys.argv[2], keras="3.4")
assert report.verdict in ("exact", "adapted"), report
assert report.counts.tensors == len(report.tensors) > 0
assert report.tensors[0].checksum["before"] and report.renamed_tensors[0].before
assert report.json["target"]["keras_version"].startswith("3.4.")
assert "<details>" in report._repr_html_()
print(report.summary[0])""", SAMPLE, tmp_path / "m.keras")
    assert told.startswith(("exact", "adapted"))
    assert (tmp_path / "m.keras").is_file()


def test_refusal_is_an_exception_with_its_report(python, tmp_path):
    (tmp_path / "no.h5").write_bytes(b"no model")
    run(python, "-c", """
import kferry, sys
try:
    kferry.convert("no.h5", "m.keras")
    sys.exit("nothing was raised")
except kferry.Refused as refused:
    assert refused.report.problems[0].code == "not-a-model", refused.report
    assert str(refused)
assert kferry.plan("no.h5", to="keras").verdict == "refused"
for source, target, status in (("gone.h5", "m.keras", 66), ("no.h5", "m.unknown", 64)):
    try:
        kferry.convert(source, target)
        sys.exit("nothing was raised")
    except kferry.Failed as failed:
        assert failed.status == status and not isinstance(failed, kferry.Refused), failed""", cwd=tmp_path)
    assert not (tmp_path / "m.keras").exists()


def test_inspection_has_layers_targets_and_a_picture(python):
    run(python, "-c", """
import kferry, sys
found = kferry.inspect(sys.argv[1])
assert found.format == "keras-h5" and found.parameters > 0
assert found.layers[1].inbound == (found.layers[0].path,)
assert {target.to: target.verdict for target in found.targets}["keras"] != "refused"
picture = found._repr_html_()
assert picture.count("<rect") == len(found.layers) and "<svg" in picture""", SAMPLE)


def test_picture_shows_models_in_models_and_no_markup_of_theirs(python):
    run(python, "-c", """
from kferry import Node
from kferry._picture import draw
inner = Node("m/d", "d", "Dense", 2, (), (None, 3))
nodes = (Node("a", "<b>a</b>", "InputLayer", 0, (), (None, 4)), Node("m", "m", "Functional", 2, ("a",), None, (inner,)),
         Node("z", "z", "Add", 0, ("a", "m"), (None, 3)))
picture = draw(nodes)
assert picture.count("<rect") == 4 and picture.count("<details>") == 1
assert "<b>" not in picture and "&lt;b&gt;a" in picture
assert draw(nodes * 200) == "" == draw(())""")


def test_tarball_runs_where_it_is_unpacked(dist, tmp_path):
    with tarfile.open(only(dist, "*.tar.gz")) as tar:
        tar.extractall(tmp_path, filter="data")
    program = only(tmp_path, "kferry-*") / "bin" / "kferry"
    assert foreign_libraries(program) == [] == foreign_libraries(program.with_name("kferry-worker"))
    report = json.loads(run(program, "convert", "-q", SAMPLE, "-o", tmp_path / "m.keras", "--report", "-"))
    assert report["verdict"] in ("exact", "adapted")


def test_deb_says_what_it_needs(dist):
    told = run("dpkg-deb", "--info", only(dist, "*.deb"))
    for name in ("libmicrohttpd12", "libcurl4", "libprotobuf-c1", r"libzip\d"):
        assert re.search(rf"^ Depends: .*{name}", told, re.M), told


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs packages")
def test_deb_is_installed_used_and_removed(dist, tmp_path):
    run("dpkg", "-i", only(dist, "*.deb"))
    try:
        run("/usr/bin/kferry", "convert", SAMPLE, "-o", tmp_path / "m.keras")
        listed = run("dpkg", "-L", "kferry").split()
        for name in ("/usr/libexec/kferry/kferry-worker", "/usr/share/man/man1/kferry.1",
                     "/usr/share/bash-completion/completions/kferry", "/usr/lib/systemd/system/kferry.socket"):
            assert name in listed
        assert pwd.getpwnam("kferry").pw_uid < 1000
    finally:
        run("dpkg", "-r", "kferry")
    assert not pathlib.Path("/usr/bin/kferry").exists()

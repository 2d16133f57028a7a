# SPDX-License-Identifier: Apache-2.0
"""file:// below roots of a shared volume: links that stay inside work, and nothing leads out."""

import json
import os
import tarfile
import threading
import zipfile

import pytest
from kferry_service import FIXTURES
from orders import finish, post


@pytest.fixture
def volume(tmp_path, model):
    for name in ("in", "out", "secret"):
        (tmp_path / name).mkdir()
    (tmp_path / "in" / "m.h5").write_bytes(model)
    (tmp_path / "secret" / "m.h5").write_bytes(model)
    return tmp_path


@pytest.fixture
def service(start, volume):
    return start(KFERRY_FILE_ROOTS=f"{volume}/in:ro,{volume}/out:rw", KFERRY_URLS="off")


def convert(service, source, target=None, path="/v1/convert", **more):
    order = {"source": {"uri": f"file://{source}"}, "to": "keras"} | more
    if target:
        order["target"] = {"uri": f"file://{target}"}
    return post(service, path, order)


def test_file_to_file(service, volume):
    answer = convert(service, volume / "in/m.h5", volume / "out/a/b/m.keras")
    assert answer.status == 200, answer
    result = volume / "out/a/b/m.keras"
    assert result.read_bytes()[:2] == b"PK"
    assert json.loads((volume / "out/a/b/m.keras.report.json").read_text())["verdict"] == "adapted"
    assert sorted(os.listdir(volume / "out/a/b")) == ["m.keras", "m.keras.report.json"]
    umask = os.umask(0)
    os.umask(umask)
    assert result.stat().st_mode & 0o777 == 0o666 & ~umask


def test_job_from_file_to_folder(service, volume):
    job = finish(service, convert(service, volume / "in/m.h5", f"{volume}/out/", path="/v1/jobs"))
    assert job["state"] == "succeeded", job
    assert job["result"]["uri"] == f"file://{volume}/out/m.keras"


def test_the_target_says_how_a_folder_is_packed(service, volume):
    for archive in ("tar", "zip"):
        answer = convert(service, volume / "in/m.h5", volume / f"out/m.{archive}", to="savedmodel")
        assert answer.status == 200, answer
    with zipfile.ZipFile(volume / "out/m.zip") as zipped, tarfile.open(volume / "out/m.tar") as tar:
        assert zipped.namelist() == tar.getnames() and "saved_model/saved_model.pb" in zipped.namelist()
    job = finish(service, convert(service, volume / "in/m.h5", f"{volume}/out/served/1/", path="/v1/jobs", to="savedmodel"))
    assert job["state"] == "succeeded" and job["result"]["uri"] == f"file://{volume}/out/served/1/", job
    made = {path.relative_to(volume / "out/served").as_posix(): path.read_bytes() for path in (volume / "out/served").rglob("*") if path.is_file()}
    report = json.loads(made.pop("1.report.json"))
    with zipfile.ZipFile(volume / "out/m.zip") as zipped:
        assert report["verdict"] == "adapted" and made == {name.replace("saved_model", "1", 1): zipped.read(name) for name in zipped.namelist()}
    job = finish(service, convert(service, volume / "in/m.h5", f"{volume}/out/below/", path="/v1/jobs", to="savedmodel", archive="zip"))
    assert job["state"] == "succeeded", job
    assert (volume / "out/below/m.zip").read_bytes() == (volume / "out/m.zip").read_bytes()


def test_target_that_exists_stays(service, volume):
    (volume / "out/m.keras").write_bytes(b"mine")
    answer = convert(service, volume / "in/m.h5", volume / "out/m.keras")
    assert (answer.status, answer.json()["code"]) == (409, "target-exists"), answer
    assert (volume / "out/m.keras").read_bytes() == b"mine"
    assert os.listdir(volume / "out") == ["m.keras"]
    order = {
        "source": {"uri": f"file://{volume}/in/m.h5"},
        "target": {"uri": f"file://{volume}/out/m.keras", "if_exists": "replace"},
    }
    assert post(service, "/v1/convert", order).status == 200
    assert (volume / "out/m.keras").read_bytes()[:2] == b"PK"
    # The same result once more is no other one: so a job that was interrupted can go on.
    assert convert(service, volume / "in/m.h5", volume / "out/m.keras").status == 200


def test_escapes_in_names(service, volume, model):
    (volume / "in" / "a b%ü.h5").write_bytes(model)
    answer = convert(service, f"{volume}/in/a%20b%25%C3%BC.h5", f"{volume}/out/x%20y.keras")
    assert answer.status == 200, answer
    assert (volume / "out" / "x y.keras").exists()


def test_links_that_stay_inside_work(service, volume, model):
    (volume / "in" / "blobs").mkdir()
    (volume / "in" / "blobs" / "1234").write_bytes(model)
    (volume / "in" / "snapshot").mkdir()
    (volume / "in" / "snapshot" / "m.h5").symlink_to("../blobs/1234")
    (volume / "in" / "..data").symlink_to("snapshot")
    (volume / "in" / "config.h5").symlink_to("..data/m.h5")
    assert convert(service, volume / "in/snapshot/m.h5").status == 200
    assert convert(service, volume / "in/config.h5").status == 200


def test_nothing_leads_out(service, volume):
    inside = volume / "in"
    (inside / "absolute.h5").symlink_to(volume / "secret" / "m.h5")
    (inside / "relative.h5").symlink_to("../secret/m.h5")
    (inside / "folder").symlink_to("../secret")
    (inside / "proc.h5").symlink_to("/proc/self/environ")
    (inside / "loop.h5").symlink_to("loop.h5")
    (volume / "out" / "away").symlink_to("../secret")
    for name in ("absolute.h5", "relative.h5", "folder/m.h5", "proc.h5", "loop.h5", "../secret/m.h5",
                 "%2e%2e/secret/m.h5", "..%2fsecret/m.h5"):
        answer = convert(service, f"{inside}/{name}")
        assert (answer.status, answer.json()["code"]) == (403, "path-not-allowed"), (name, answer)
    for path in (volume / "secret/m.h5", f"{inside}x/m.h5", "/etc/passwd", "/proc/self/environ", "/"):
        answer = convert(service, path)
        assert (answer.status, answer.json()["code"]) == (403, "path-not-allowed"), (path, answer)
        assert "KFERRY_FILE_ROOTS" in answer.json()["detail"]
    for target in (f"{volume}/out/away/m.keras", f"{volume}/out/../secret/m.keras", f"{inside}/m.keras"):
        answer = convert(service, inside / "m.h5", target)
        assert (answer.status, answer.json()["code"]) == (403, "path-not-allowed"), (target, answer)
    assert os.listdir(volume / "secret") == ["m.h5"]


def test_what_is_no_file(service, volume):
    os.mkfifo(volume / "in" / "pipe.h5")
    (volume / "in" / "sub").mkdir()
    for name, words in (("pipe.h5", "not a file"), ("sub", "ends with /"), ("none.h5", "no such file")):
        answer = convert(service, volume / "in" / name)
        assert (answer.status, answer.json()["code"]) == (422, "source-unavailable"), (name, answer)
        assert words in answer.json()["detail"]
    answer = post(service, "/v1/convert", {"source": {"uri": "file://otherhost/m.h5"}, "to": "keras"})
    assert answer.status == 400, answer


def test_file_that_changes_is_noticed(service, volume, model):
    growing = volume / "in" / "growing.h5"
    stop = threading.Event()

    def write():
        with open(growing, "wb") as f:
            f.write(model + b"\0" * (64 << 20))
            while not stop.is_set():
                f.write(b"\0")
                f.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while not growing.exists() or growing.stat().st_size < 64 << 20:
            pass
        answer = convert(service, growing)
    finally:
        stop.set()
        writer.join()
    assert (answer.status, answer.json()["code"]) == (409, "source-changed"), answer


def unzipped(folder, data):
    with zipfile.ZipFile(data) as archive:
        archive.extractall(folder)


def test_folder_is_one_input(service, volume):
    answer = convert(service, volume / "in/m.h5", volume / "out/m.keras")
    assert answer.status == 200
    unzipped(volume / "in" / "unzipped", volume / "out" / "m.keras")
    answer = convert(service, f"{volume}/in/unzipped/", keras="3.4")
    assert answer.status == 200 and answer.body[:2] == b"PK", answer
    assert 'filename="unzipped' in answer.headers["content-disposition"]


def test_savedmodel_is_one_input(service, volume):
    """Also below links, as a cache of a hub has its files."""
    packed = FIXTURES / "savedmodel" / "saved_dense.tar"
    with tarfile.open(packed) as archive:
        archive.extractall(volume / "in")
    folder = volume / "in" / "saved_dense"
    (volume / "in" / "blob").write_bytes((folder / "saved_model.pb").read_bytes())
    (folder / "saved_model.pb").unlink()
    (folder / "saved_model.pb").symlink_to("../blob")
    answer = convert(service, f"{folder}/", volume / "out/s.keras")
    assert answer.status == 200, answer
    whole = service.put("/v1/convert/keras/saved_dense.tar", packed.read_bytes())
    assert (volume / "out" / "s.keras").read_bytes() == whole.body


def test_tensorflow_js_is_one_input(service, volume):
    packed = FIXTURES / "tfjs" / "activations.tar"
    with tarfile.open(packed) as archive:
        archive.extractall(volume / "in")
    answer = convert(service, f"{volume}/in/activations/", volume / "out/t.keras")
    assert answer.status == 200, answer
    whole = service.put("/v1/convert/keras/activations.tar", packed.read_bytes())
    assert (volume / "out" / "t.keras").read_bytes() == whole.body


def test_file_of_a_folder_that_changes(service, volume, model):
    """One of several files is written to while they are read."""
    folder = volume / "in" / "busy"
    folder.mkdir()
    (folder / "a.h5").write_bytes(model)
    stop = threading.Event()

    def write():
        with open(folder / "b.h5", "wb") as f:
            f.write(model + b"\0" * (64 << 20))
            while not stop.is_set():
                f.write(b"\0")
                f.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while not (folder / "b.h5").exists() or (folder / "b.h5").stat().st_size < 64 << 20:
            pass
        answer = convert(service, f"{folder}/", f"{volume}/out/")
    finally:
        stop.set()
        writer.join()
    assert (answer.status, answer.json()["code"]) == (409, "source-changed"), answer
    assert not list((volume / "out").iterdir())


def test_folder_with_a_link_that_leads_out(service, volume):
    (volume / "in" / "bad").mkdir()
    (volume / "in" / "bad" / "m.h5").symlink_to("../../secret/m.h5")
    answer = convert(service, f"{volume}/in/bad/")
    assert (answer.status, answer.json()["code"]) == (403, "path-not-allowed"), answer


def test_roots_that_are_none_stop_the_start(tmp_path):
    from kferry_service import Service

    for i, roots in enumerate((f"{tmp_path}", f"{tmp_path}/none:ro", "relative:rw")):
        folder = tmp_path / str(i)
        folder.mkdir()
        assert Service(folder, KFERRY_FILE_ROOTS=roots).process.wait(10) == 78


def test_without_roots_there_are_no_files(start, volume):
    answer = convert(start(), volume / "in/m.h5")
    assert (answer.status, answer.json()["code"]) == (403, "path-not-allowed"), answer


def test_second_call_does_what_is_new(service, volume, model):
    (volume / "in" / "sub").mkdir()
    (volume / "in" / "sub" / "o.h5").write_bytes(model)
    for new, counts in (
        ("first.h5", {"models": 3, "succeeded": 3, "failed": 0}),
        ("second.h5", {"models": 4, "succeeded": 4, "failed": 0, "skipped": 3}),
    ):
        (volume / "in" / new).write_bytes(model)
        assert convert(service, f"{volume}/in/", f"{volume}/out/").status == 200
        assert json.loads((volume / "out" / "summary.json").read_text())["counts"] == counts
    os.utime(volume / "in" / "m.h5", (1, 1))  # another file than before
    assert convert(service, f"{volume}/in/", f"{volume}/out/").status == 200
    assert json.loads((volume / "out" / "summary.json").read_text())["counts"]["skipped"] == 3

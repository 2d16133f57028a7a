# SPDX-License-Identifier: Apache-2.0
"""One model in something: compressed, in an archive, in a folder of an archive, in several files."""

import json
import tarfile
import zipfile
from pathlib import Path

import pytest
from archives import gz, header, special, tar, zip_


ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "tests" / "golden" / "weights_two_dense"


@pytest.fixture
def whole(model):
    return model.read_bytes()


@pytest.fixture
def weights():
    return (WEIGHTS / "in.h5").read_bytes(), (WEIGHTS / "architecture.json").read_bytes()


def convert(kferry, name, to="keras", status=0):
    report = kferry.report(name, "--to", to, "-o", "out." + to, status=status)
    assert {p.name for p in kferry.folder.glob("unpacked*")} == set()
    return report


@pytest.mark.parametrize("pack", [
    lambda f, data: gz(f / "m.h5.gz", data),
    lambda f, data: tar(f / "m.tar", {"a/m.h5": data, "a/readme.txt": b"hello"}),
    lambda f, data: tar(f / "m.tgz", {"./m.h5": data}, "w:gz", tarfile.PAX_FORMAT),
    lambda f, data: tar(f / "m.tar.gz", {"long/" * 60 + "m.h5": data}, "w:gz"),
    lambda f, data: tar(f / "pax.tar", {"ü/" * 90 + "m.h5": data}, format=tarfile.PAX_FORMAT),
    lambda f, data: tar(f / "ustar.tar", {"d" * 99 + "/m.h5": data}, format=tarfile.USTAR_FORMAT),
    lambda f, data: zip_(f / "m.zip", {"m.h5": data, "notes/": b"", "x.bin": b"\0" * 9999}),
    lambda f, data: zip_(f / "stored.zip", {"m.h5": data}, zipfile.ZIP_STORED),
    lambda f, data: zip_(f / "n.zip", {"n.tgz": tar(f / "n.tgz", {"m.h5": data}, "w:gz").read_bytes()}),
    lambda f, data: tar(f / "l.tar", {"m.h5": data, "l": special("l", tarfile.SYMTYPE, "/etc/passwd")}),
    lambda f, data: tar(f / "mlflow.tar", {"MLmodel": b"flavors:\n", "conda.yaml": b"name: x\n",
                                           "data/model.h5": data, "data/save_format.txt": b"h5"}),
    lambda f, data: tar(f / "mac.tar", {"m.h5": data, "._m.h5": b"\0\5\x16\7" + b"\0" * 100}),
    lambda f, data: gz(f / "padded.h5.gz", data).write_bytes(
        (f / "padded.h5.gz").read_bytes() + b"\0" * 100) and f / "padded.h5.gz",
])
def test_one_model_is_answered_as_itself(kferry, whole, check_report, pack):
    packed = pack(kferry.folder, whole)
    report = convert(kferry, packed.name)
    check_report(report)
    assert report["verdict"] in ("exact", "adapted")
    assert report["source"]["format"] == "keras-h5"
    assert report["source"]["size"] == len(whole)
    assert report["source"].get("member", "m.h5").endswith(".h5")
    assert kferry.run("convert", "model.h5", "-o", "plain.keras").returncode == 0
    plain = (kferry.folder / "plain.keras").read_bytes()
    assert (kferry.folder / "out.keras").read_bytes() == plain


def test_where_it_was_found_is_told(kferry, whole, check_report):
    tar(kferry.folder / "m.tar.gz", {"a/b/m.h5": whole}, "w:gz")
    report = convert(kferry, "m.tar.gz")
    check_report(report)
    assert report["source"]["member"] == "a/b/m.h5"
    assert "found at a/b/m.h5" in report["source"]["evidence"]


def test_result_is_named_after_the_archive(kferry, whole):
    tar(kferry.folder / "best.tar.gz", {"m.h5": whole}, "w:gz")
    (kferry.folder / "out").mkdir()
    assert kferry.run("convert", "best.tar.gz", "--to", "keras", "-o", "out").returncode == 0
    assert (kferry.folder / "out" / "best.keras").exists()


@pytest.mark.parametrize("names", [("m.h5", "m.json"), ("m.weights.h5", "m.json"),
                                   ("m_weights.h5", "m.json"), ("x.h5", "y.json"),
                                   ("d/w.h5", "d/architecture.json")])
def test_architecture_beside_weights_is_theirs(kferry, weights, names):
    zip_(kferry.folder / "two.zip", dict(zip(names, weights)))
    report = convert(kferry, "two.zip")
    assert report["verdict"] in ("exact", "adapted")
    assert report["source"]["member"] == names[0]


def test_files_of_one_model_in_any_order(kferry, weights):
    (kferry.folder / "w.h5").write_bytes(weights[0])
    (kferry.folder / "a.json").write_bytes(weights[1])
    for args in (["w.h5", "a.json"], ["a.json", "w.h5"], ["w.h5", "--architecture", "a.json"]):
        done = kferry.run("convert", *args, "-o", "out.keras")
        assert done.returncode == 0, done.stderr


def test_architecture_of_another_folder_is_not_taken(kferry, weights):
    zip_(kferry.folder / "two.zip", {"a/m.h5": weights[0], "b/m.json": weights[1]})
    report = convert(kferry, "two.zip", status=65)
    assert report["problems"][0]["code"] == "several-models"


def test_given_architecture_is_for_the_weights_in_an_archive(kferry, weights):
    (kferry.folder / "a.json").write_bytes(weights[1])
    gz(kferry.folder / "w.h5.gz", weights[0])
    done = kferry.run("convert", "w.h5.gz", "--architecture", "a.json", "-o", "out.keras")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("make, name", [(tar, "f.tar"), (zip_, "f.zip")])
@pytest.mark.parametrize("folder", ["m/", ""])
def test_unzipped_keras_folder_is_the_zip_it_was(kferry, whole, make, name, folder):
    assert kferry.run("convert", "model.h5", "-o", "m.keras").returncode == 0
    with zipfile.ZipFile(kferry.folder / "m.keras") as packed:
        files = {folder + member: packed.read(member) for member in packed.namelist()}
    files[folder + "assets/_layer/vocabulary.txt"] = b"a\nb\n"
    files[folder + "more.txt"] = b"no part of it"
    make(kferry.folder / name, files)
    report = convert(kferry, name)
    assert report["source"]["format"] == "keras-zip3"
    if make is tar:
        assert report["source"]["member"] == (folder.rstrip("/") or ".")
    assert kferry.run("diff", "model.h5", name).returncode == 0


def test_shards_with_their_list_and_architecture(kferry, check_report):
    """As one archive, as a folder, and as files in any order."""
    case = ROOT / "tests" / "golden" / "shards_two"
    files = {path.name: path.read_bytes() for path in case.iterdir()
             if path.suffix == ".h5" or path.name in ("in.weights.json", "architecture.json")}
    files = {("in.json" if n == "architecture.json" else n): data for n, data in files.items()}
    tar(kferry.folder / "s.tar.gz", {"s/" + n: data for n, data in files.items()}, "w:gz")
    report = convert(kferry, "s.tar.gz")
    check_report(report)
    assert report["source"]["member"] == "s/in.weights.json"
    (kferry.folder / "s").mkdir()
    for n, data in files.items():
        (kferry.folder / "s" / n).write_bytes(data)
    names = ["s/" + n for n in files]
    for args in (["s"], names, sorted(names, reverse=True)):
        done = kferry.run("convert", *args, "-o", "x.keras")
        assert done.returncode == 0, done.stderr
    (kferry.folder / "s" / "shard_1.weights.h5").unlink()
    done = kferry.run("convert", "s", "-o", "y.keras")
    assert done.returncode == 65 and "shards-missing" in done.stderr


@pytest.mark.parametrize("files, code, said", [
    ({"m/saved_model.pb": b"\x08\x01\x12\x04\x0a\x02\x08\x01", "m/variables/variables.index": b"x" * 60},
     "architecture-missing", "a SavedModel of TensorFlow 1"),
    ({"ck/3/_CHECKPOINT_METADATA": b"{}", "ck/3/pytree/manifest.ocdbt": b"x", "ck/3/pytree/d/1": b"y"},
     "unsupported-pair", "Orbax"),
    ({"c.index": b"\0" * 60 + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb", "c.data-00000-of-00001": b"x" * 9,
      "checkpoint": b'model_checkpoint_path: "c"\n'}, "corrupt-model", "c.index is damaged"),
    ({"m.tflite": b"\0\0\0\0TFL3" + b"\0" * 50}, "unsupported-pair", "TensorFlow Lite"),
    ({"a.txt": b"hello", "b.png": b"\x89PNG\r\n\x1a\n" + b"\0" * 99}, "not-a-model", "a.txt is plain text"),
    ({"a": b""}, "not-a-model", "no Keras model in it"),
    ({"m.h5": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"},
     "not-a-model", "Git LFS"),
    ({"m.h5": b"\x89HDF\r\n\x1a\n" + b"\1" * 100}, "corrupt-model", ""),
])
def test_what_is_not_read_is_named(kferry, check_report, files, code, said):
    tar(kferry.folder / "f.tar", files)
    report = convert(kferry, "f.tar", status=65)
    check_report(report)
    assert report["problems"][0]["code"] == code, report["problems"]
    assert said in report["problems"][0]["reason"]


def test_inspect_lists_what_is_in_an_archive(kferry, whole):
    zip_(kferry.folder / "z.zip", {"b/2.h5": whole, "a/1.h5": whole, "a/notes.txt": b"x"})
    done = kferry.run("inspect", "--json", "z.zip")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert [(row["path"], row["format"]) for row in facts["models"]] == [
        ("a/1.h5", "keras-h5"), ("b/2.h5", "keras-h5")]
    assert [row["path"] for row in facts["others"]] == ["a/notes.txt"]
    said = kferry.run("inspect", "z.zip").stdout
    assert "a/1.h5" in said and "a whole model of Keras 2" in said


@pytest.mark.parametrize("data, said", [
    (b"hello\n", "plain text"), (b"<!DOCTYPE html><html></html>", "a web page"), (b"<?xml version='1.0'?><Error/>", "XML"),
    (b"", "empty"), (bytes(range(128, 256)) * 9, ""),
])
def test_what_is_named_like_a_model_is_not_passed_over(kferry, whole, data, said):
    """A page, or a server's error message, that was saved under the model's name."""
    zip_(kferry.folder / "z.zip", {"a/1.h5": whole, "a/2.h5": data, "a/notes.txt": b"x"})
    done = kferry.run("convert", "z.zip", "--to", "keras", "-o", "out/")
    assert done.returncode == 65 and "1 of 2 models converted" in done.stderr, done.stderr
    assert said in done.stderr


@pytest.fixture
def check_summary():
    import jsonschema

    schema = json.loads((ROOT / "api" / "summary.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema).validate


def files_below(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_batch_keeps_what_succeeded(kferry, whole, check_summary, check_report):
    zip_(kferry.folder / "z.zip", {"a/1.h5": whole, "a/1.hdf5": whole, "b/2.h5": whole[:2000],
                                   "3.h5": whole, "notes.txt": b"x"})
    done = kferry.run("convert", "z.zip", "--to", "keras", "-o", "out/", "--report", "r.json")
    assert done.returncode == 65
    assert files_below(kferry.folder / "out") == ["3.keras", "a/1-2.keras", "a/1.keras"]
    assert "3 of 4 models converted" in done.stderr
    assert "b/2.h5" in done.stderr and "refused" in done.stderr
    summary = json.loads((kferry.folder / "r.json").read_text())
    check_summary(summary)
    assert summary["counts"] == {"models": 4, "succeeded": 3, "failed": 1}
    for row in summary["models"]:
        check_report(row["report"])
        assert (row["artifact"] is None) == (row["verdict"] == "refused")
    refused = [row for row in summary["models"] if row["verdict"] == "refused"]
    assert [(row["path"], row["code"]) for row in refused] == [("b/2.h5", "corrupt-model")]
    assert kferry.run("convert", "model.h5", "-o", "plain.keras").returncode == 0
    plain = (kferry.folder / "plain.keras").read_bytes()
    assert all(p.read_bytes() == plain for p in (kferry.folder / "out").rglob("*.keras"))


@pytest.mark.parametrize("pack", [
    lambda p, files: tar(p, files), lambda p, files: tar(p, files, "w:gz"),
    lambda p, files: zip_(p, files, zipfile.ZIP_STORED)])
def test_batch_that_succeeds_exits_0(kferry, whole, pack):
    pack(kferry.folder / "many", {f"m{i}/{i}.h5": whole for i in range(5)})
    done = kferry.run("convert", "many", "--to", "keras", "-o", "out/", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(files_below(kferry.folder / "out")) == 5


def test_names_of_results_lead_nowhere(kferry, whole):
    zip_(kferry.folder / "z.zip", {"aa:b/c\\d/ .. /x.h5": whole, "con\x1btrol/y.h5": whole})
    done = kferry.run("convert", "z.zip", "--to", "keras", "-o", "out/")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stderr
    assert all("\x1b" not in name and ":" not in name for name in files_below(kferry.folder / "out"))


def test_folder_gives_every_model_below_it(kferry, whole, weights):
    root = kferry.folder / "models"
    (root / "deep" / "er").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / "deep" / "er" / "m.h5").write_bytes(whole)
    (root / ".git" / "x.h5").write_bytes(whole)
    (root / "w.h5").write_bytes(weights[0])
    (root / "w.json").write_bytes(weights[1])
    (root / "link.h5").symlink_to(root / "deep" / "er" / "m.h5")
    gz(root / "packed.h5.gz", whole)
    for _ in range(2):  # the second time the results lie in the folder
        done = kferry.run("convert", "models/", "--to", "keras", "-o", "models/out/")
        assert done.returncode == 0, done.stderr
        assert files_below(root / "out") == ["deep/er/m.keras", "link.keras", "packed.keras",
                                             "w.keras"]


def test_folder_with_one_model_may_go_to_a_file(kferry, whole):
    (kferry.folder / "one").mkdir()
    (kferry.folder / "one" / "m.h5").write_bytes(whole)
    assert kferry.run("convert", "one", "-o", "x.keras").returncode == 0
    done = kferry.run("convert", "one", "--to", "keras", "-o", "out/")
    assert done.returncode == 0, done.stderr
    assert files_below(kferry.folder / "out") == ["m.keras"]


def test_several_files_into_a_folder(kferry, whole):
    for name in ("a.h5", "b.h5"):
        (kferry.folder / name).write_bytes(whole)
    done = kferry.run("convert", "a.h5", "b.h5", "--to", "keras", "-o", "out/")
    assert done.returncode == 0, done.stderr
    assert files_below(kferry.folder / "out") == ["a.keras", "b.keras"]
    done = kferry.run("convert", "a.h5", "b.h5", "-o", "x.keras")
    assert done.returncode == 65 and "several-models" in done.stderr


def test_dry_run_of_a_batch_writes_nothing(kferry, whole, check_summary):
    zip_(kferry.folder / "z.zip", {"1.h5": whole, "2.h5": whole})
    done = kferry.run("convert", "z.zip", "--to", "keras", "--dry-run", "--report", "-")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    check_summary(summary)
    assert [row["verdict"] for row in summary["models"]] == ["adapted"] * 2
    assert "2 of 2 models can be converted" in done.stderr
    assert files_below(kferry.folder) == ["model.h5", "z.zip"]


def test_hundreds_of_files_are_given_at_once(kferry, whole):
    root = kferry.folder / "many"
    root.mkdir()
    for i in range(300):
        (root / f"{i}.json").write_text("{}")
    (root / "m.h5").write_bytes(whole)
    done = kferry.run("convert", "many", "--to", "keras", "-o", "out/")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("models", [
    [], {}, "x", [1], [{"path": "a", "inputs": []}],
    [{"path": "a", "inputs": [{"role": "file", "name": "a", "from": 1}]}],
    [{"path": "a", "inputs": [{"role": "file", "name": "a", "from": -1}]}],
    [{"path": "a", "inputs": [{"role": "file", "name": "a", "from": -2}]}],
    [{"inputs": [{"role": "file", "name": "a", "from": 0}]}],
    [{"path": "a", "inputs": [{"name": "a", "from": 0}]}],
])
def test_list_of_a_turned_worker_is_not_believed(with_worker, model, models):
    kferry = with_worker(f"open('models.json', 'w').write({json.dumps(models)!r})\n"
                         "open('report.json', 'w').write('{}')\nos._exit(65)")
    done = kferry.run("convert", "model.h5", "--to", "keras", "-o", "out/")
    assert done.returncode == 70, done.stderr
    assert "cannot be read" in done.stderr and files_below(kferry.folder / "out") == []


def sparse(path, data):
    path.write_bytes(header(b"m.h5", 0, b"S") + b"\0" * 1024)
    return path


def global_pax(path, data):
    record = b"22 GNU.sparse.major=1\n"
    path.write_bytes(header(b"x", len(record), b"x") + record.ljust(512, b"\0") +
                     header(b"m.h5", len(data)) + data.ljust((len(data) + 511) // 512 * 512, b"\0"))
    return path


def flipped(path, data):
    """A bit of the last weight is another than when the zip was made."""
    packed = bytearray(zip_(path, {"m.h5": data}, zipfile.ZIP_STORED).read_bytes())
    packed[packed.index(data) + len(data) - 1] ^= 1
    path.write_bytes(packed)


@pytest.mark.parametrize("make, code", [
    (lambda p, data: tar(p, {"../m.h5": data}), "unsafe-model"),
    (lambda p, data: tar(p, {"/etc/m.h5": data}), "unsafe-model"),
    (lambda p, data: tar(p, {"a/../../m.h5": data}), "unsafe-model"),
    (lambda p, data: tar(p, {"m.h5": data, "d": special("d", tarfile.CHRTYPE)}), "unsafe-model"),
    (lambda p, data: tar(p, {"m.h5": data, "d": special("d", tarfile.FIFOTYPE)}), "unsafe-model"),
    (sparse, "unsafe-model"),
    (global_pax, "unsafe-model"),
    (lambda p, data: p.write_bytes(header(b"m.h5", 10**9) + data) and p, "corrupt-model"),
    (lambda p, data: p.write_bytes(header(b"m.h5", 2**60) + data) and p, "corrupt-model"),
    (lambda p, data: p.write_bytes(header(b"a", 2**62, b"L") + data) and p, "corrupt-model"),
    (lambda p, data: p.write_bytes(header(b"a", 0) + b"garbage".ljust(512)) and p, "corrupt-model"),
    (lambda p, data: p.write_bytes(header(b"x", 512, b"x") + b"9999999999 path=a\n".ljust(512)) and p,
     "corrupt-model"),
    (lambda p, data: p.write_bytes(header(b"x", 12, b"x") + b"12 size=-1\n\n".ljust(512) +
                                   header(b"m.h5", 0)) and p, "corrupt-model"),
    (lambda p, data: p.write_bytes(header(b"f", 0) * 100001) and p, "limit-exceeded"),
    (lambda p, data: p.write_bytes(header(b"x", 60000, b"x") + b"30 comment=" + b"a" * 60000) and p,
     "corrupt-model"),
    (lambda p, data: tar(p, {f"{i}.json": b'{"class_name": "A", "config": {}}' for i in range(6000)}),
     "limit-exceeded"),
    (lambda p, data: zip_(p, {"../m.h5": data}), "unsafe-model"),
    (flipped, "corrupt-model"),
    (lambda p, data: gz(p, data).write_bytes(p.read_bytes()[:-20]) and p, "corrupt-model"),
    (lambda p, data: gz(p, data).write_bytes(p.read_bytes() + b"more") and p, "corrupt-model"),
    (lambda p, data: gz(p, gz(p, gz(p, data).read_bytes()).read_bytes()), "not-a-model"),
])
def test_hostile_archives_are_refused(kferry, whole, check_report, make, code):
    make(kferry.folder / "bad", whole)
    report = convert(kferry, "bad", status=65)
    check_report(report)
    assert report["problems"][0]["code"] == code, report["problems"]


def test_gzip_bomb_ends_at_its_ceiling(kferry, tmp_path):
    """The ceiling is 4 GiB; a limit on the size of files shows that nothing is written for ever."""
    import resource
    import subprocess
    import zlib

    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    with open(tmp_path / "bomb.gz", "wb") as out:
        for _ in range(64):
            out.write(packer.compress(b"\0" * (1 << 20)))
        out.write(packer.flush())
    done = subprocess.run(
        kferry.command("convert", "bomb.gz", "-o", "out.keras"), cwd=tmp_path, capture_output=True,
        text=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20,) * 2))
    assert done.returncode == 73, done.stderr
    assert not kferry.leftovers()


def test_names_are_never_paths(kferry, whole):
    """What an archive calls its files shows up nowhere on the disk."""
    before = set(Path(kferry.folder).rglob("*"))
    zip_(kferry.folder / "z.zip", {"unpacked": whole, "artifact": b"x", "report.json": b"{}"})
    report = convert(kferry, "z.zip")
    assert report["source"]["member"] == "unpacked"
    assert {p.name for p in set(Path(kferry.folder).rglob("*")) - before} == {"z.zip", "out.keras"}

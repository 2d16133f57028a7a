# SPDX-License-Identifier: Apache-2.0
"""SavedModels and checkpoints: whole, in parts, damaged and mended, out of the folders that tf.keras 2.15 made."""

import io
import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from archives import tar, zip_

FAMILY = Path(__file__).resolve().parents[1] / "fixtures" / "savedmodel"
INDEX, DATA = "variables/variables.index", "variables/variables.data-00000-of-00001"


def member(group, name):
    with zipfile.ZipFile(FAMILY / f"{group}.zip") as archive:
        return archive.read(name)


def files_of(group, id):
    """{name: bytes} of a folder."""
    with tarfile.open(fileobj=io.BytesIO(member(group, f"{id}.tar"))) as archive:
        return {m.name.split("/", 1)[1]: archive.extractfile(m).read() for m in archive if m.isfile()}


@pytest.fixture
def saved():
    return files_of("trained", "trained_legacy_adam")


def convert(kferry, *files, to="keras", status=0, told=(), out=None):
    return kferry.report(*files, "--to", to, "-o", out or "out." + to, *told, status=status)


def read_folder(path):
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


def put(folder, files):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def lines(report):
    return "\n".join(report["summary"]["lines"])


def test_folder_tar_and_zip_are_one_model(kferry, saved, check_report):
    put(kferry.folder / "m", saved)
    tar(kferry.folder / "m.tar", saved)
    zip_(kferry.folder / "m.zip", {f"a/b/{name}": data for name, data in saved.items()})
    made = []
    for source in ("m", "m.tar", "m.zip"):
        report = convert(kferry, source)
        check_report(report)
        assert report["verdict"] == "adapted" and report["training"] == "adapted"
        assert report["source"]["format"] == "saved-model-folder" and report["source"]["keras_version"] == "2.15.0"
        made.append((kferry.folder / "out.keras").read_bytes())
    assert made[0] == made[1] == made[2]


def test_it_can_be_inspected(kferry, saved):
    tar(kferry.folder / "m.tar", saved)
    done = kferry.run("inspect", "--json", "m.tar")
    facts = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert facts["model"]["optimizer_state"] and facts["model"]["compiled"]
    assert {t["name"] for t in facts["tensors"]} >= {"dense/kernel", "dense/bias"}
    loads = {row["keras"]: row["loads"] for row in facts["loads_in"]}
    assert loads["3.10-3.15"] == "no" and loads["2.15"] == "yes"


def test_an_architecture_among_the_assets_is_taken(kferry, check_report):
    """As export_saved_model() of TensorFlow 1.13 to 2.4 lays it out."""
    files = {name: data for name, data in files_of("refused", "first_graph").items() if not name.startswith("variables/")}
    for name, data in files_of("weights", "weights_dense").items():
        if name != "checkpoint":
            files["variables/" + name.replace("weights.ckpt", "variables")] = data
    put(kferry.folder / "m", files)
    assert "architecture-missing" in lines(convert(kferry, "m", status=65))
    files["assets/saved_model.json"] = member("weights", "weights_dense.json")
    tar(kferry.folder / "m.tar", files)
    report = convert(kferry, "m.tar")
    check_report(report)
    assert "saved_model.json has the config" in "".join(report["source"]["evidence"])


def test_no_keras_is_sure_to_load_what_has_no_layers(kferry, saved):
    del saved["keras_metadata.pb"]
    tar(kferry.folder / "m.tar", saved)
    done = kferry.run("inspect", "--json", "m.tar")
    facts = json.loads(done.stdout)
    loads = {row["keras"]: row["loads"] for row in facts["loads_in"]}
    assert loads["2.15"] == "unsure" and loads["3.10-3.15"] == "no"


@pytest.mark.parametrize("change, code, said", [
    (lambda f: f.pop(DATA), "variables-missing", "variables.data-00000-of-00001 is missing"),
    (lambda f: [f.pop(DATA), f.pop(INDEX)], "variables-missing", "variables.index is missing"),
    (lambda f: f.update({DATA: f[DATA][:-9]}), "corrupt-model", "bytes of"),
    (lambda f: f.update({DATA: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"}), "corrupt-model", "git lfs pull"),
    (lambda f: f.update({DATA: bytes([f[DATA][0] ^ 1]) + f[DATA][1:]}), "corrupt-model", "checksum"),
    (lambda f: f.update({DATA: bytes(b ^ 1 for b in f[DATA])}), "corrupt-model", "_CHECKPOINTABLE_OBJECT_GRAPH"),
    (lambda f: f.update({INDEX: f[INDEX][:-9]}), "corrupt-model", "variables.index is damaged"),
    (lambda f: f.update({INDEX: f[INDEX][:20] + b"!" + f[INDEX][21:]}), "corrupt-model", "variables.index is damaged"),
    (lambda f: f.update({"keras_metadata.pb": f["keras_metadata.pb"].replace(b"\n", b"\r\n")}), "corrupt-model", "keras_metadata.pb is damaged"),
    (lambda f: f.pop("keras_metadata.pb"), "architecture-missing", "no Keras metadata"),
])
def test_what_is_wrong_with_it_is_said(kferry, saved, check_report, change, code, said):
    change(saved)
    put(kferry.folder / "m", saved)
    report = convert(kferry, "m", status=65)
    check_report(report)
    codes = {entry["code"] for kind in ("problems", "needs", "layer_mismatches") for entry in report[kind]}
    assert code in codes
    assert said in lines(report)
    if code == "variables-missing":
        assert "the model needs" in lines(report) and "dense/kernel" in lines(report) and "found are" in lines(report)


def test_the_architecture_needs_no_variables(kferry, saved, check_report):
    whole = convert(kferry, put(kferry.folder / "m", saved).name, to="json")
    made = (kferry.folder / "out.json").read_bytes()
    del saved[DATA]
    report = convert(kferry, put(kferry.folder / "less", saved).name, to="json")
    check_report(report)
    assert (kferry.folder / "out.json").read_bytes() == made and whole["verdict"] == report["verdict"]
    assert any("variables are missing" in finding["reason"] for finding in report["findings"])


@pytest.mark.parametrize("lose", [
    lambda graph: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
    lambda graph: graph[:5000],
    lambda graph: b"",
])
def test_it_may_have_lost_its_graph(kferry, saved, check_report, lose):
    convert(kferry, put(kferry.folder / "m", saved).name)
    made = (kferry.folder / "out.keras").read_bytes()
    saved["saved_model.pb"] = lose(saved["saved_model.pb"])
    report = convert(kferry, put(kferry.folder / "less", saved).name)
    check_report(report)
    assert (kferry.folder / "out.keras").read_bytes() == made
    assert any("saved_model.pb is missing" in text for text in report["source"]["evidence"])
    convert(kferry, "less", to="savedmodel-repaired", status=65)


def test_weights_come_with_an_architecture(kferry, check_report):
    files, architecture = files_of("weights", "weights_dense"), member("weights", "weights_dense.json")
    put(kferry.folder, {**files, "architecture.json": architecture})
    index = next(name for name in files if name.endswith(".index"))
    rest = [name for name in files if name != index and name != "checkpoint"]
    report = convert(kferry, index, *rest, status=65)
    assert "architecture-missing" in {need["code"] for need in report["needs"]}
    check_report(convert(kferry, index, *rest, to="weights.h5", told=("--keras", "2.15")))
    report = convert(kferry, index, *rest, told=("--architecture", "architecture.json"))
    check_report(report)
    assert report["source"]["format"] == "checkpoint"
    made = (kferry.folder / "out.keras").read_bytes()
    for name in (index, index.removesuffix(".index")):  # stands for all its files
        convert(kferry, name, told=("--architecture", "architecture.json"))
        assert (kferry.folder / "out.keras").read_bytes() == made
    put(kferry.folder / "alone", {index: files[index]})
    report = convert(kferry, f"alone/{index}", told=("--architecture", "architecture.json"), status=65)
    assert "variables-missing" in {need["code"] for need in report["needs"]}
    tar(kferry.folder / "m.tar", {**files, index.replace(".index", ".json"): architecture})
    assert convert(kferry, "m.tar")["source"]["format"] == "checkpoint"


def checkpoints(latest):
    """Two trainings' checkpoints in one folder with their architecture, and the list that names the latest."""
    files = {"model.json": member("weights", "weights_dense.json")}
    for name, data in files_of("weights", "weights_dense").items():
        for n in (1, 2):
            if name != "checkpoint":
                files[name.replace("weights.ckpt", f"ckpt-{n}")] = data
    if latest:
        files["checkpoint"] = f'model_checkpoint_path: "{latest}"\nall_model_checkpoint_paths: "ckpt-1"\n'.encode()
    return files


@pytest.mark.parametrize("latest, packed", [
    ("ckpt-2", None), ("ckpt-1", zipfile.ZIP_DEFLATED), ("/home/me/run/ckpt-1", zipfile.ZIP_STORED),
    (r"C:\\run\\ckpt-2", None)])
def test_the_latest_of_several_checkpoints_is_taken(kferry, check_report, latest, packed):
    files = checkpoints(latest)
    if packed is None:
        put(kferry.folder / "m", files)
    else:
        zip_(kferry.folder / "m", files, packed)
    report = convert(kferry, "m")
    check_report(report)
    assert report["source"]["member"] == latest[-6:] + ".index"
    assert "the latest of 2 checkpoints" in lines(report)


@pytest.mark.parametrize("packed", [None, zip_, tar])
def test_a_folder_of_checkpoints_can_become_a_folder_of_models(kferry, packed):
    (packed or put)(kferry.folder / "m", checkpoints("ckpt-2"))
    planned = kferry.run("convert", "m", "--to", "keras", "--dry-run", "-o", "all/", "--report", "plan.json")
    assert planned.returncode == 0 and "2 of 2 models can be converted" in planned.stderr, planned.stderr
    assert not (kferry.folder / "all").exists()
    done = kferry.run("convert", "m", "--to", "keras", "-o", "all/", "--report", "report.json")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (kferry.folder / "all").iterdir()} == {"ckpt-1.keras", "ckpt-2.keras"}
    plan, report = (json.loads((kferry.folder / f"{name}.json").read_text()) for name in ("plan", "report"))
    assert [(row["path"], row["verdict"]) for row in plan["models"]] == [(row["path"], row["verdict"]) for row in report["models"]]


@pytest.mark.parametrize("packed", [None, zip_])
def test_a_folder_may_get_the_latest_alone(kferry, packed):
    (packed or put)(kferry.folder / "m.ckpts", checkpoints("ckpt-1"))
    report = convert(kferry, "m.ckpts", out="all/", told=("--checkpoints", "latest"))
    assert report["source"]["member"].endswith("ckpt-1.index")
    assert len(list((kferry.folder / "all").iterdir())) == 1
    report = convert(kferry, "m.ckpts", told=("--checkpoints", "all"), status=65)
    assert report["problems"][0]["code"] == "several-models"


def test_the_latest_of_several_checkpoints_is_marked(kferry):
    zip_(kferry.folder / "m.zip", checkpoints("ckpt-2"))
    models = json.loads(kferry.run("inspect", "m.zip", "--json").stdout)["models"]
    assert [row["latest"] for row in models] == [False, True]
    assert "latest" in kferry.run("inspect", "m.zip").stdout
    zip_(kferry.folder / "m.zip", checkpoints(None))
    models = json.loads(kferry.run("inspect", "m.zip", "--json").stdout)["models"]
    assert not any("latest" in row for row in models)


@pytest.mark.parametrize("latest", [None, "ckpt-3", "ckpt", "ckpt-"])
def test_several_checkpoints_without_a_latest_are_several(kferry, latest):
    put(kferry.folder / "m", checkpoints(latest))
    report = convert(kferry, "m", status=65)
    assert report["problems"][0]["code"] == "several-models"


@pytest.mark.parametrize("id, names", [
    ("module", {"w"}),
    ("export", {"first/kernel", "first/bias", "last/kernel", "last/bias"}),
    ("plain", {"first/kernel", "first/bias", "last/kernel", "last/bias"}),
    ("first_graph", {"W"}),
    ("subclassed", {"own/dense/kernel", "own/dense/bias", "own/dense_1/kernel", "own/dense_1/bias"}),
])
def test_without_layers_tensors_have_names(kferry, check_report, id, names):
    (kferry.folder / "m.tar").write_bytes(member("refused", f"{id}.tar"))
    check_report(convert(kferry, "m.tar", to="npz"))
    check_report(convert(kferry, "m.tar", to="safetensors"))
    with np.load(kferry.folder / "out.npz") as arrays:
        assert set(arrays.files) == names
        assert all(arrays[name].size and np.isfinite(arrays[name]).all() for name in names)
    report = convert(kferry, "m.tar", to="weights.h5", status=65)
    assert "can be had as npz" in lines(report) or id in ("export", "plain")


def test_checkpoints_keep_what_their_optimizer_leads_to(kferry, check_report):
    (kferry.folder / "m.tar").write_bytes(member("keras3", "keras3_functional.tar"))
    (kferry.folder / "a.json").write_bytes(member("keras3", "keras3_functional.json"))
    check_report(convert(kferry, "m.tar", to="npz"))
    check_report(convert(kferry, "m.tar", to="npz", out="whole.npz", told=("--architecture", "a.json")))
    with np.load(kferry.folder / "out.npz") as alone, np.load(kferry.folder / "whole.npz") as whole:
        assert len(alone.files) == len(whole.files) == 10
        assert sorted(alone[name].tobytes() for name in alone.files) == sorted(whole[name].tobytes() for name in whole.files)


def test_an_export_of_keras_3_has_each_variable_twice(kferry, check_report):
    (kferry.folder / "m.tar").write_bytes(member("keras3", "keras3_export.tar"))
    (kferry.folder / "a.json").write_bytes(member("keras3", "keras3_export.json"))
    check_report(convert(kferry, "m.tar", to="npz"))
    with np.load(kferry.folder / "out.npz") as arrays:
        assert set(arrays.files) == {f"{layer}/{name}" for layer in ("dense", "dense_1") for name in ("kernel", "bias")} | {
            f"lstm/lstm_cell/{name}" for name in ("kernel", "recurrent_kernel", "bias")}
    report = convert(kferry, "m.tar", told=("--architecture", "a.json"))
    check_report(report)
    assert report["verdict"] == "exact"


def test_what_optimizers_broke_is_mended(kferry, saved, check_report):
    put(kferry.folder / "m", saved)
    verdicts = {t["to"]: t["verdict"] for t in json.loads(kferry.run("inspect", "m", "--json").stdout)["targets"]}
    assert verdicts["savedmodel-repaired"] != "refused"
    report = convert(kferry, "m", to="savedmodel-repaired")
    check_report(report)
    assert report["training"] == "dropped" and "slot variables" in report["config_changes"][0]["reason"]
    made = read_folder(kferry.folder / "out.savedmodel-repaired")
    graph = made.pop("saved_model.pb")
    assert made == {name: data for name, data in saved.items() if name != "saved_model.pb"}
    assert len(graph) < len(saved["saved_model.pb"])
    put(kferry.folder / "again", {**made, "saved_model.pb": graph})
    report = convert(kferry, "again", to="savedmodel-repaired")
    assert "nothing to mend" in lines(report)
    convert(kferry, "m", to="savedmodel-repaired", told=("--require", "training"), status=65)
    del saved[DATA]
    put(kferry.folder / "less", saved)
    report = convert(kferry, "less", to="savedmodel-repaired", status=65)
    assert "variables-missing" in {need["code"] for need in report["needs"]}


def test_a_model_becomes_one_that_serves(kferry, saved, check_report):
    put(kferry.folder / "m", saved)
    report = convert(kferry, "m", to="savedmodel", out="served.tar")
    check_report(report)
    with tarfile.open(kferry.folder / "served.tar") as archive:
        made = {m.name: archive.extractfile(m).read() for m in archive}
    assert set(made) == {f"saved_model/{name}" for name in ("saved_model.pb", DATA, "variables/variables.index")}
    graph = made["saved_model/saved_model.pb"]
    assert b"serving_default" in graph and b"tensorflow/serving/predict" in graph
    for tensor in report["tensors"]:
        assert tensor["target"].encode() in graph and tensor["target"].encode() in made["saved_model/variables/variables.index"]
    # It holds no layers: as an input it is a SavedModel that serves.
    report = convert(kferry, "served.tar", status=65)
    assert report["source"]["format"] == "saved-model-folder"
    assert "architecture-missing" in {need["code"] for need in report["needs"]}
    convert(kferry, "served.tar", to="savedmodel-repaired")


def test_it_is_written_as_folder_tar_and_zip(kferry, saved, check_report):
    tar(kferry.folder / "m.tar", saved)
    for to in ("savedmodel", "savedmodel-repaired"):
        for out in ("made", "made.tar", "made.zip"):
            check_report(convert(kferry, "m.tar", to=to, out=out))
            convert(kferry, "m.tar", to=to, out=out)  # it takes the place of the one before
        folder = read_folder(kferry.folder / "made")
        assert {"saved_model.pb", DATA, INDEX} <= set(folder)
        with tarfile.open(kferry.folder / "made.tar") as archive:
            assert {m.name.split("/", 1)[1]: archive.extractfile(m).read() for m in archive} == folder
        with zipfile.ZipFile(kferry.folder / "made.zip") as archive:
            assert archive.testzip() is None
            assert {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()} == folder
    assert {path.name for path in kferry.folder.iterdir()} - {"m.tar", "report.json"} == {"made", "made.tar", "made.zip"}


def test_a_folder_is_replaced_only_where_nothing_else_is_lost(kferry, saved):
    tar(kferry.folder / "m.tar", saved)
    put(kferry.folder / "mine", {"saved_model.pb": b"old", "notes.txt": b"keep"})
    done = kferry.run("convert", "m.tar", "--to", "savedmodel", "-o", "mine/")
    assert done.returncode == 73 and "other things" in done.stderr
    assert read_folder(kferry.folder / "mine") == {"saved_model.pb": b"old", "notes.txt": b"keep"}
    (kferry.folder / "mine" / "notes.txt").unlink()
    convert(kferry, "m.tar", to="savedmodel", out="mine/")
    assert DATA in read_folder(kferry.folder / "mine")
    (kferry.folder / "empty").mkdir()
    convert(kferry, "m.tar", to="savedmodel", out="empty")
    assert DATA in read_folder(kferry.folder / "empty")
    put(kferry.folder / "m", saved)  # in its own place
    convert(kferry, "m", to="savedmodel-repaired", out="m")
    now = read_folder(kferry.folder / "m")
    assert set(now) == set(saved) and len(now["saved_model.pb"]) < len(saved["saved_model.pb"])


def test_several_become_a_folder_each(kferry, saved):
    for name in ("a", "b"):
        put(kferry.folder / "two" / name, saved)
    for _ in range(2):
        done = kferry.run("convert", "two", "--to", "savedmodel", "-o", "out/")
        assert done.returncode == 0 and "2 of 2" in done.stderr
        assert {path.name for path in (kferry.folder / "out").iterdir()} == {"a", "b"}
        assert DATA in read_folder(kferry.folder / "out" / "a")
    done = kferry.run("convert", "two", "--to", "savedmodel", "-o", "out")
    assert done.returncode == 65 and "several-models" in done.stderr
    done = kferry.run("convert", "two", "--to", "savedmodel", "--archive", "zip", "-o", "packed/")
    assert done.returncode == 0
    assert {path.name for path in (kferry.folder / "packed").iterdir()} == {"a.zip", "b.zip"}


def test_what_is_no_folder_is_not_packed(kferry, saved):
    tar(kferry.folder / "m.tar", saved)
    done = kferry.run("convert", "m.tar", "--archive", "zip", "-o", "out.keras")
    assert done.returncode == 64 and "leave archive out" in done.stderr


def test_a_folder_of_two_is_noticed(kferry, saved):
    put(kferry.folder / "m", {**saved, "fingerprint.pb": saved["fingerprint.pb"][:-6] + bytes([saved["fingerprint.pb"][-6] ^ 1]) + saved["fingerprint.pb"][-5:]})
    assert any("fingerprint.pb" in f["reason"] for f in convert(kferry, "m")["findings"])
    put(kferry.folder / "m", saved)
    assert not any("fingerprint.pb" in f["reason"] for f in convert(kferry, "m")["findings"])


def test_operations_that_reach_out_are_named(kferry):
    tar(kferry.folder / "m.tar", files_of("refused", "reading"))
    report = convert(kferry, "m.tar", status=65)
    assert any(f["code"] == "carries-code" and "ReadFile" in f["reason"] for f in report["findings"])
    report = convert(kferry, "m.tar", to="savedmodel-repaired")
    assert any(f["code"] == "carries-code" and "ReadFile" in f["reason"] for f in report["findings"])

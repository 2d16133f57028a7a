# SPDX-License-Identifier: Apache-2.0
"""Layers models of TensorFlow.js: the folder in the zip, its shards, and what is refused by name."""

import hashlib
import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture
def zoo(kferry):
    def put(id):
        shutil.copy(TESTS / "fixtures" / "zoo" / f"{id}.h5", kferry.folder / "m.h5")

    return put


def convert(kferry, status=0, *told):
    return kferry.report("m.h5", "--to", "tfjs", "-o", "m.zip", *told, status=status)


def folder_of(path):
    """model.json, and {name: array} of its weights."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        document = json.loads(archive.read("model.json"))
        (group,) = document["weightsManifest"]
        data = b"".join(archive.read(name) for name in group["paths"])
        assert sorted(archive.namelist()) == sorted(["model.json", *group["paths"]])
        assert all(len(archive.read(name)) == 4 << 20 for name in group["paths"][:-1])
    at, weights = 0, {}
    for one in group["weights"]:
        size = int(np.prod(one["shape"], dtype=int)) * 4
        weights[one["name"]] = np.frombuffer(data[at:at + size], one["dtype"]).reshape(one["shape"])
        at += size
    assert at == len(data)
    return document, weights


def test_a_folder_with_its_weights(kferry, zoo, check_report):
    zoo("dense_softmax")
    report = convert(kferry)
    check_report(report)
    assert report["target"]["format"] == "tfjs"
    document, weights = folder_of(kferry.folder / "m.zip")
    assert document["format"] == "layers-model"
    with h5py.File(kferry.folder / "m.h5") as file:
        for row in report["tensors"]:
            layer, name = row["target"].split("/")
            assert np.array_equal(weights[row["target"]], file[f"model_weights/{layer}/{layer}/{name}:0"][()])
    config = document["modelTopology"]["model_config"]
    assert config["class_name"] in ("Sequential", "Functional")
    assert "module" not in json.dumps(config)


def test_shards_are_cut_every_four_megabytes(kferry):
    """Weights as large as two shards and a half, in a kernel that spans all of them."""
    rows, columns = 640, 4096
    kernel = np.arange(rows * columns, dtype="float32").reshape(rows, columns)
    layers = [{"class_name": "InputLayer", "config": {"batch_input_shape": [None, rows], "dtype": "float32", "sparse": False, "ragged": False, "name": "in"}},
              {"class_name": "Dense", "config": {"name": "d", "trainable": True, "dtype": "float32", "units": columns, "activation": "linear", "use_bias": True}}]
    (kferry.folder / "a.json").write_text(json.dumps({"class_name": "Sequential", "keras_version": "2.15.0", "config": {"name": "m", "layers": layers}}))
    np.savez(kferry.folder / "w.npz", kernel, np.ones(columns, "float32"))
    assert kferry.run("convert", "w.npz", "--architecture", "a.json", "--to", "tfjs", "-o", "m.zip").returncode == 0
    document, weights = folder_of(kferry.folder / "m.zip")
    assert document["weightsManifest"][0]["paths"] == [f"group1-shard{i}of3.bin" for i in (1, 2, 3)]
    assert np.array_equal(weights["d/kernel"], kernel) and weights["d/bias"].sum() == columns


def test_a_model_without_weights_has_no_shards(kferry, zoo):
    zoo("max_pooling2d")
    convert(kferry)
    document, _ = folder_of(kferry.folder / "m.zip")
    assert document["weightsManifest"] == [{"paths": [], "weights": []}]


@pytest.mark.parametrize("id, said", [
    ("mha_causal", "MultiHeadAttention: TensorFlow.js has no such layer"),
    ("gru_masked", "reset_after=true"),
    ("conv2d_groups", "groups=2"),
    ("float64_dense", "computes in float32"),
    ("functional_dict_outputs", "in a list"),
    ("nested_same_layer_names", "names of the layers alone"),
    ("batch_norm_two_axes", "another axis than the last"),
])
def test_what_it_lacks_is_refused_by_name(kferry, zoo, id, said):
    zoo(id)
    report = convert(kferry, status=65)
    assert said in json.dumps(report["layer_mismatches"])
    assert not (kferry.folder / "m.zip").exists()


@pytest.mark.parametrize("id, classes", [
    ("gru_sequences", "InputLayer Dense Reshape LSTM Reshape Dense"),
    ("first_conv2d", "InputLayer Permute Conv2D Permute"),
    ("conv1d_causal", "InputLayer Reshape ZeroPadding2D Reshape Conv1D"),
    ("subtract_two", "InputLayer InputLayer Rescaling Add"),
    ("normalization_adapted", "InputLayer BatchNormalization"),
    ("mha_one_head", "InputLayer Dense Dense Dense Dot Rescaling Activation Dot Dense"),
])
def test_what_it_lacks_is_made_of_what_it_has(kferry, zoo, check_report, id, classes):
    zoo(id)
    report = convert(kferry)
    check_report(report)
    assert "class-replaced" in json.dumps(report)
    document, _ = folder_of(kferry.folder / "m.zip")
    made = [layer["class_name"] for layer in document["modelTopology"]["model_config"]["config"]["layers"]]
    assert sorted(made) == sorted(classes.split())


def test_what_only_training_needs_is_left_out_and_named(kferry, zoo):
    zoo("constraint_non_neg")
    report = convert(kferry)
    assert "NonNeg" in json.dumps(report["lost"])
    document, _ = folder_of(kferry.folder / "m.zip")
    assert "NonNeg" not in json.dumps(document)


def unpacked(kferry):
    """m.zip as the files that stand in it."""
    with zipfile.ZipFile(kferry.folder / "m.zip") as archive:
        archive.extractall(kferry.folder)
        return sorted(archive.namelist(), key=lambda name: name != "model.json")


def tensors(kferry, path):
    return {row["target"]: row["checksum"]["after"]["value"] for row in kferry.report(path, "--to", "keras", "-o", "back.keras")["tensors"]}


@pytest.mark.parametrize("id", ["dense_softmax", "lstm", "bidirectional_gru_before", "nested_functional", "batch_norm", "spatial_dropout2d"])
def test_what_was_written_is_read_back(kferry, zoo, id):
    zoo(id)
    convert(kferry)
    assert tensors(kferry, "m.zip") == tensors(kferry, "m.h5")


def test_a_zip_of_its_own_making_a_tar_and_single_files(kferry, zoo):
    """Compressed, in a folder, and as several inputs: one model each time."""
    zoo("dense_softmax")
    convert(kferry)
    names, wanted = unpacked(kferry), tensors(kferry, "m.h5")
    with zipfile.ZipFile(kferry.folder / "deflated.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.write(kferry.folder / name, f"web/{name}")
    assert tensors(kferry, "deflated.zip") == wanted
    with tarfile.open(kferry.folder / "m.tar.gz", "w:gz") as archive:
        for name in names:
            archive.add(kferry.folder / name, f"web/{name}")
    assert tensors(kferry, "m.tar.gz") == wanted
    assert kferry.run("convert", *names, "--to", "keras", "-o", "several.keras").returncode == 0


def test_shards_may_look_like_anything(kferry, zoo):
    """Numbers whose first bytes are those of gzip are no archive."""
    zoo("dense_softmax")
    convert(kferry)
    names = unpacked(kferry)
    shard = kferry.folder / names[1]
    shard.write_bytes(b"\x1f\x8b" + shard.read_bytes()[2:])
    with zipfile.ZipFile(kferry.folder / "m.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.write(kferry.folder / name, name)
    assert kferry.run("convert", "m.zip", "--to", "keras", "-o", "back.keras").returncode == 0


def test_what_cannot_be_read_says_so(kferry, zoo):
    zoo("dense_softmax")
    convert(kferry)
    unpacked(kferry)
    assert "shards-missing" in json.dumps(kferry.report("model.json", "--to", "keras", "-o", "x.keras", status=65))
    (kferry.folder / "graph.json").write_text(json.dumps({"format": "graph-model", "modelTopology": {"node": []}}))
    assert "convert the model that it was made from" in json.dumps(kferry.report("graph.json", "--to", "keras", "-o", "x.keras", status=65))


def quantized(data, dtype):
    """As TensorFlow.js' converter does it: the numbers, and min and scale. Source: tensorflowjs/quantization.py (4.22.0)"""
    if dtype == "float16":
        return data.astype("float16"), {}
    least, most, last = float(data.min()), float(data.max()), np.iinfo(dtype).max
    if least == most:
        return np.zeros_like(data, dtype), {"min": least, "scale": 1.0}
    scale = (most - least) / last
    if least <= 0 <= most:
        least = -np.round(-least / scale) * scale
        most = last * scale + least
    return np.round((data.astype("float64").clip(least, most) - least) / scale).astype(dtype), {"min": least, "scale": scale}


def read_quantized(path):
    """{name: (numbers, quantization)} of a zip."""
    with zipfile.ZipFile(path) as archive:
        (group,) = json.loads(archive.read("model.json"))["weightsManifest"]
        data = b"".join(archive.read(name) for name in group["paths"])
    at, weights = 0, {}
    for one in group["weights"]:
        how = one["quantization"]
        assert one["dtype"] == how["original_dtype"] == "float32"
        values = np.frombuffer(data, how["dtype"], int(np.prod(one["shape"], dtype=int)), at)
        at += values.nbytes
        weights[one["name"]] = values.reshape(one["shape"]), how
    assert at == len(data)
    return weights


@pytest.mark.parametrize("dtype", ["float16", "uint8", "uint16"])
@pytest.mark.parametrize("id", ["dense_softmax", "lstm", "batch_norm"])
def test_weights_are_quantized_as_the_converter_does(kferry, zoo, id, dtype):
    zoo(id)
    convert(kferry)
    _, whole = folder_of(kferry.folder / "m.zip")
    report = kferry.report("m.h5", "--to", "tfjs", "-o", "q.zip", "--quantize", dtype, "--allow", "lossy", "--checksum", "sha256")
    assert report["verdict"] == "lossy" and len([c for c in report["config_changes"] if c["code"] == "quantized"]) == len(whole)
    bounds = {row["target"]: float(row["done"].split("within ")[1].split()[0]) for row in report["tensors"]}
    sums = {row["target"]: row["checksum"] for row in report["tensors"]}
    back = {}
    for name, (values, how) in read_quantized(kferry.folder / "q.zip").items():
        wanted, numbers = quantized(whole[name], dtype)
        assert np.array_equal(values, wanted) and {key: how[key] for key in numbers} == numbers
        back[name] = (values * how["scale"] + how["min"]).astype("float32") if numbers else values.astype("float32")
        assert np.abs(back[name].astype("float64") - whole[name]).max() <= bounds[name] * 1.001
        assert sums[name]["before"]["value"] == hashlib.sha256(whole[name].tobytes()).hexdigest()
        assert sums[name]["after"]["value"] == hashlib.sha256(values.tobytes()).hexdigest()
    read = kferry.report("q.zip", "--to", "npz", "-o", "back.npz")
    with np.load(kferry.folder / "back.npz") as arrays:
        for row in read["tensors"]:
            assert np.array_equal(arrays[row["target"]], back[row["source"]])


def test_quantizing_is_lossy_and_of_this_target_alone(kferry, zoo):
    zoo("dense_softmax")
    assert "allow=adapted" in json.dumps(kferry.report("m.h5", "--to", "tfjs", "-o", "q.zip", "--quantize", "uint8", status=65))
    done = kferry.run("convert", "m.h5", "-o", "m.keras", "--quantize", "uint8")
    assert done.returncode == 64 and "leave quantize out" in done.stderr


@pytest.mark.parametrize("dtype, value, said", [("uint8", np.nan, "is no number"), ("float16", 7e4, "infinite in float16")])
def test_what_no_number_stands_for_is_refused(kferry, dtype, value, said):
    layers = [{"class_name": "InputLayer", "config": {"batch_input_shape": [None, 2], "dtype": "float32", "sparse": False, "ragged": False, "name": "in"}},
              {"class_name": "Dense", "config": {"name": "d", "trainable": True, "dtype": "float32", "units": 1, "activation": "linear", "use_bias": False}}]
    (kferry.folder / "a.json").write_text(json.dumps({"class_name": "Sequential", "keras_version": "2.15.0", "config": {"name": "m", "layers": layers}}))
    np.savez(kferry.folder / "w.npz", np.array([[1], [value]], "float32"))
    report = kferry.report("w.npz", "--architecture", "a.json", "--to", "tfjs", "-o", "m.zip", "--quantize", dtype, "--allow", "lossy", status=65)
    assert said in json.dumps(report)

# SPDX-License-Identifier: Apache-2.0
"""kferry diff: do two files hold the same model, and where not."""

import json
import os
import shutil
from pathlib import Path

import h5py
import jsonschema
import pytest
from archives import zip_

ROOT = Path(__file__).resolve().parents[2]
ZOO = Path(os.environ.get("KFERRY_FIXTURES") or ROOT / "tests" / "fixtures") / "zoo"
SCHEMA = json.loads((ROOT / "api" / "diff.schema.json").read_text())


def diff(kferry, a, b, *flags, status=0):
    done = kferry.run("diff", a, b, "--json", *flags)
    assert done.returncode == status, (done.stdout, done.stderr)
    facts = json.loads(done.stdout)
    jsonschema.Draft202012Validator(SCHEMA).validate(facts)
    assert facts["verdict"] == ("different" if status else "same")
    return facts


def config_of(path):
    with h5py.File(path) as f:
        return json.loads(f.attrs["model_config"])


def write_config(path, config):
    with h5py.File(path, "r+") as f:
        f.attrs["model_config"] = json.dumps(config)


@pytest.fixture
def copy(kferry, model):
    """A second file of the same model."""
    path = kferry.folder / "copy.h5"
    shutil.copy(model, path)
    return path


@pytest.mark.parametrize("name", ["dense", "lstm_relu", "bidirectional_lstm", "nested_twice",
                                  "hard_sigmoid_lstm", "batch_normalization", "mha_self",
                                  "conv2d_same", "shared_twice", "dense_softmax"])
def test_model_and_what_it_was_converted_to_are_the_same(kferry, name):
    path = ZOO / f"{name}.h5"
    if not path.exists():
        path = sorted(ZOO.glob(name.split("_")[0] + "*.h5"))[0]
    assert kferry.run("convert", path, "-o", "out.keras").returncode == 0
    for pair in ((path, "out.keras"), ("out.keras", path)):
        facts = diff(kferry, *pair)
        assert facts["compared_as"] == "keras3" and facts["layers"] > 0


def test_releases_of_keras_3_are_the_same(kferry, model):
    for release in ("3.0", "3.15"):
        kferry.run("convert", "model.h5", "-o", f"{release}.keras", "--keras", release)
    diff(kferry, "3.0.keras", "3.15.keras")


def test_changed_weight_is_named(kferry, copy):
    with h5py.File(copy, "r+") as f:
        names = []
        f["model_weights"].visititems(
            lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        kernel = f["model_weights"][[n for n in names if "kernel" in n][0]]
        kernel[1, 2] += 0.25
        place = kernel.shape[1] + 2
    facts = diff(kferry, "model.h5", "copy.h5", status=1)
    row, = facts["differences"]
    assert (row["what"], row["key"], row["n_different"]) == ("values", "kernel", 1)
    assert row["max_difference"] == pytest.approx(0.25, rel=1e-5)
    assert row["first"] == place
    done = kferry.run("diff", "model.h5", "copy.h5")
    assert done.returncode == 1
    assert done.stdout.startswith("different\n")
    assert row["where"] + ": values of kernel: 1 of" in done.stdout
    assert kferry.run("diff", "-q", "model.h5", "copy.h5").stdout == ""


def test_changed_config_is_named(kferry, copy):
    config = config_of(copy)
    layer = config["config"]["layers"][-1]
    layer["config"]["activation"] = "tanh"
    write_config(copy, config)
    row, = diff(kferry, "model.h5", "copy.h5", status=1)["differences"]
    assert (row["what"], row["key"], row["b"]) == ("config", "activation", "tanh")
    assert row["where"] == layer["config"]["name"]


def test_key_left_out_is_its_default(kferry, copy):
    config = config_of(copy)
    for layer in config["config"]["layers"]:
        for key in ("use_bias", "bias_regularizer", "trainable"):
            layer["config"].pop(key, None)
    write_config(copy, config)
    diff(kferry, "model.h5", "copy.h5")


def test_layer_of_another_class_or_none_is_named(kferry, copy):
    config = config_of(copy)
    config["config"]["layers"].append({"class_name": "Dropout", "config": {
        "name": "extra", "trainable": True, "dtype": "float32", "rate": 0.5}})
    write_config(copy, config)
    facts = diff(kferry, "model.h5", "copy.h5", status=1)
    assert [(row["where"], row["what"], row["b"]) for row in facts["differences"]] == [
        ("extra", "layer-missing", "Dropout")]


def test_names_make_no_difference_and_are_told(kferry):
    shutil.copy(ZOO / "dense_softmax.h5", kferry.folder / "a.h5")
    assert kferry.run("convert", "a.h5", "-o", "a.json").returncode == 0
    config = json.loads((kferry.folder / "a.json").read_text())
    text = json.dumps(config)
    for layer in config["config"]["layers"]:
        text = text.replace(f'"{layer["config"]["name"]}"', f'"x_{layer["config"]["name"]}"')
    (kferry.folder / "b.json").write_text(text)
    facts = diff(kferry, "a.json", "b.json")
    assert facts["renamed"] and all(row["b"].startswith("x_") for row in facts["renamed"])


def test_architecture_is_compared_without_weights(kferry, model):
    assert kferry.run("convert", "model.h5", "-o", "m.json").returncode == 0
    facts = diff(kferry, "model.h5", "m.json")
    assert facts["not_compared"] == ["weights"]
    assert facts["a"]["weights"] and not facts["b"]["weights"]


WEIGHTS = ["o.weights.h5", "o.weights-only.h5", "o.npz"]


def make_weights(kferry):
    for to, name in zip(("weights.h5", "h5-weights", "npz"), WEIGHTS):
        assert kferry.run("convert", "model.h5", "--to", to, "-o", name).returncode == 0


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_alone_are_those_of_the_other_model(kferry, model, name):
    make_weights(kferry)
    assert kferry.run("convert", "model.h5", "-o", "out.keras").returncode == 0
    for pair in (("model.h5", name), (name, "model.h5"), (name, "out.keras")):
        assert diff(kferry, *pair)["not_compared"] == []


def test_two_weights_alone_need_an_architecture(kferry, model):
    make_weights(kferry)
    done = kferry.run("diff", *WEIGHTS[:2])
    assert done.returncode == 65 and "architecture-missing: both files hold weights alone" in done.stderr
    diff(kferry, *WEIGHTS[:2], "--architecture", "model.h5")


def test_changed_weight_of_weights_alone_is_named(kferry, copy):
    with h5py.File(copy, "r+") as f:
        bias = f["model_weights/dense/dense/bias:0"]
        bias[0] += 0.25
    assert kferry.run("convert", "copy.h5", "-o", "o.weights.h5").returncode == 0
    row, = diff(kferry, "model.h5", "o.weights.h5", status=1)["differences"]
    assert (row["what"], row["key"], row["n_different"]) == ("values", "bias", 1)


def test_archives_are_looked_into(kferry, model):
    for name in ("a.zip", "b.zip"):
        zip_(kferry.folder / name, {"x/m.h5": model.read_bytes()})
    facts = diff(kferry, "a.zip", "b.zip")
    assert facts["a"]["member"] == facts["b"]["member"] == "x/m.h5"


@pytest.mark.parametrize("bad, code", [("garbage.h5", "not-a-model"), ("two.zip", "several-models")])
def test_what_cannot_be_said_exits_65(kferry, model, garbage, bad, code):
    zip_(kferry.folder / "two.zip", {"1.h5": model.read_bytes(), "2.h5": model.read_bytes()})
    for args, name in (((bad, "model.h5"), "a"), (("model.h5", bad), "b")):
        done = kferry.run("diff", *args)
        assert done.returncode == 65
        assert f"{code}: {name}: " in done.stderr and done.stdout == ""


@pytest.mark.parametrize("args, said", [
    (["model.h5"], "two files are compared, and 1 are given"),
    (["model.h5"] * 3, "two files are compared, and 3 are given"),
    (["model.h5", "model.h5", "-o", "x"], "there is no flag"),
])
def test_wrong_command_lines(kferry, model, args, said):
    done = kferry.run("diff", *args)
    assert done.returncode == 64 and said in done.stderr

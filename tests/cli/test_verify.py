# SPDX-License-Identifier: Apache-2.0
"""--verify script: the script beside the result, with the report in it. Real Keras runs it in conformance."""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture
def model(kferry):
    shutil.copy(TESTS / "fixtures" / "zoo" / "dense_softmax.h5", kferry.folder / "m.h5")


def load(path):
    spec = importlib.util.spec_from_file_location("script", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_script_has_the_report(kferry, model):
    report = kferry.report("m.h5", "-o", "m.keras", "--verify", "script")
    script = load(kferry.folder / "m.keras.verify.py")
    assert script.REPORT["tensors"] == report["tensors"]
    assert sorted(path.name for path in kferry.folder.iterdir() if path.suffix == ".py") == ["m.keras.verify.py"]


def test_names_that_python_and_json_write_otherwise(kferry, model):
    """A report with quotes, backslashes and characters beyond 16 bits is a text in the script."""
    config = {"class_name": "Sequential", "keras_version": "2.15.0", "config": {"name": "m", "layers": [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 2], "dtype": "float32", "sparse": False, "ragged": False, "name": "in"}},
        {"class_name": "Activation", "config": {"name": "\"quoted\" \\\\ ''' \U0001f600", "trainable": True, "dtype": "float32", "activation": "relu"}}]}}
    (kferry.folder / "a.json").write_text(json.dumps(config))
    report = kferry.report("a.json", "--to", "json", "--keras", "3.15", "-o", "b.json", "--verify", "script")
    assert load(kferry.folder / "b.json.verify.py").REPORT["config_changes"] == report["config_changes"]


def test_it_comes_with_what_is_converted_alone(kferry, model):
    assert kferry.run("convert", "m.h5", "-o", "m.keras").returncode == 0
    assert kferry.run("convert", "m.h5", "--to", "keras", "--dry-run", "--verify", "script").returncode == 0
    assert not (kferry.folder / "m.keras.verify.py").exists()


def test_each_of_several_results_has_its_own(kferry, model):
    shutil.copy(kferry.folder / "m.h5", kferry.folder / "n.h5")
    assert kferry.run("convert", "m.h5", "n.h5", "--to", "keras", "-o", "out/", "--verify", "script").returncode == 0
    assert sorted(path.name for path in (kferry.folder / "out").iterdir()) == ["m.keras", "m.keras.verify.py", "n.keras", "n.keras.verify.py"]


class Taker:
    """A model of one input."""
    names, specs, limit = ["x"], [([None, 4], "float32")], 0

    def tensors(self):
        return None

    def predict(self, inputs):
        return [value * 2 for value in inputs]


@pytest.mark.parametrize("shape, status", [((3, 4), 0), ((3, 5), 2), ((3, 4, 1), 2)])
def test_inputs_that_the_model_does_not_take(kferry, model, monkeypatch, capsys, shape, status):
    """What was recorded of a model with other inputs is told, not fed."""
    assert kferry.run("convert", "m.h5", "-o", "m.keras", "--verify", "script").returncode == 0
    script = load(kferry.folder / "m.keras.verify.py")
    values = script.np.ones(shape, "float32")
    script.np.savez(kferry.folder / "r.npz", names=["x"], in0=values, out0=values * 2)
    monkeypatch.setattr(script, "open_model", lambda path, architecture: Taker())
    monkeypatch.setattr("sys.argv", ["verify.py", "compare", "m.keras", "--record", str(kferry.folder / "r.npz")])
    assert script.main() == status
    assert status == 0 or "takes inputs of the shapes [(None, 4)]" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["m.tfjs.zip", "packed.tar", "folder", "folder/model.json"])
def test_a_model_of_tensorflow_js_is_found_where_it_is_packed(kferry, model, monkeypatch, path):
    assert kferry.run("convert", "m.h5", "-o", "m.tfjs.zip", "--to", "tfjs", "--verify", "script").returncode == 0
    script = load(kferry.folder / "m.tfjs.zip.verify.py")
    shutil.unpack_archive(kferry.folder / "m.tfjs.zip", kferry.folder / "folder")
    shutil.make_archive(kferry.folder / "packed", "tar", kferry.folder / "folder")
    monkeypatch.setattr(script, "TensorFlowJs", lambda path, architecture: path)
    found = Path(script.open_model(str(kferry.folder / path), None))
    assert found.read_bytes() == (kferry.folder / "folder" / "model.json").read_bytes()


def test_a_file_that_is_not_there_is_told(kferry, model, monkeypatch, capsys):
    assert kferry.run("convert", "m.h5", "-o", "m.keras", "--verify", "script").returncode == 0
    script = load(kferry.folder / "m.keras.verify.py")
    monkeypatch.setattr("sys.argv", ["verify.py", "record", str(kferry.folder / "other.h5")])
    assert script.main() == 2
    assert "there is no " in capsys.readouterr().err


@pytest.mark.parametrize("texts, gap", [(["one", b"two"], 0), (["one", "three"], 1)])
def test_texts_are_the_same_or_not(kferry, model, texts, gap):
    assert kferry.run("convert", "m.h5", "-o", "m.keras", "--verify", "script").returncode == 0
    script = load(kferry.folder / "m.keras.verify.py")
    assert script.gap_of(script.np.array(texts, "O"), script.np.array(["one", "two"])) == (gap, 1.0)


@pytest.mark.parametrize("args, said", [
    (["-o", "m.keras", "--verify", "full"], "it may be: no script"),
    (["-o", "s3://bucket/m.keras", "--verify", "script"], "beside a file"),
])
def test_what_it_cannot_be(kferry, model, args, said):
    done = kferry.run("convert", "m.h5", *args)
    assert done.returncode == 64 and said in done.stderr


@pytest.mark.parametrize("name", ["m.safetensors", "m.npz"])
def test_tensors_alone_are_held_against_the_report(kferry, model, monkeypatch, capsys, name):
    assert kferry.run("convert", "m.h5", "-o", name, "--verify", "script", "--checksum", "sha256").returncode == 0
    script = load(kferry.folder / f"{name}.verify.py")
    monkeypatch.setattr("sys.argv", ["verify.py", "compare", str(kferry.folder / name)])
    assert script.main() == 0
    said = capsys.readouterr().out
    assert "4 of 4 are those of the report" in said and "holds tensors alone" in said
    script.REPORT["tensors"][0]["checksum"]["after"]["value"] = "0" * 64
    assert script.main() == 1
    monkeypatch.setattr("sys.argv", ["verify.py", "record", str(kferry.folder / name)])
    assert script.main() == 2

# SPDX-License-Identifier: Apache-2.0
"""Models as named tensors: what NumPy and the safetensors library read in what is written, and back."""

import io
import json
import shutil
import struct
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import safetensors
from safetensors.numpy import load_file, save_file

TESTS = Path(__file__).resolve().parents[1]
SAVED = TESTS / "fixtures" / "savedmodel"


@pytest.fixture
def zoo(kferry):
    """A function that puts a model of the zoo of Keras 2 into the folder, under another name."""

    def put(id, name="model.h5"):
        shutil.copy(TESTS / "fixtures" / "zoo" / f"{id}.h5", kferry.folder / name)

    return put


def weights_of(path):
    """{name without ":0": array} of a legacy .h5."""
    with h5py.File(path) as file:
        found = {}
        for group in file["model_weights"].values():
            for name in group.attrs["weight_names"]:
                name = name.decode() if isinstance(name, bytes) else name
                found[name[: -len(":0")]] = group[name][()]
        return found


def test_libraries_read_what_is_written(kferry, zoo, check_report):
    zoo("dense_softmax")
    for to in ("npz", "safetensors"):
        report = kferry.report("model.h5", "-o", f"m.{to}")
        check_report(report)
        assert report["verdict"] == "exact" and report["target"] == {"format": to, "keras_version": "2.15.0"}
    wanted = weights_of(kferry.folder / "model.h5")
    arrays, tensors = np.load(kferry.folder / "m.npz"), load_file(kferry.folder / "m.safetensors")
    assert sorted(arrays) == sorted(tensors) == sorted(wanted)
    for name, value in wanted.items():
        for other in (arrays[name], tensors[name]):
            assert other.dtype == value.dtype and other.tobytes() == value.tobytes()
    with safetensors.safe_open(kferry.folder / "m.safetensors", "np") as file:
        metadata = file.metadata()
    assert metadata["keras_version"] == "2.15.0"
    assert json.loads(metadata["keras_config"])["config"]["layers"][0]["class_name"] == "InputLayer"


def test_a_config_is_written_for_the_release_that_is_asked_for(kferry, zoo):
    zoo("dense_softmax")
    assert kferry.report("model.h5", "-o", "m.safetensors", "--keras", "3.15")["target"]["keras_version"] == "3.15.1"
    with safetensors.safe_open(kferry.folder / "m.safetensors", "np") as file:
        assert json.loads(file.metadata()["keras_config"])["config"]["layers"][1]["module"] == "keras.layers"


def test_what_the_library_writes_is_read_with_an_architecture(kferry, zoo):
    zoo("dense_softmax")
    wanted = weights_of(kferry.folder / "model.h5")
    save_file(wanted, kferry.folder / "w.safetensors")
    np.savez_compressed(kferry.folder / "w.npz", **wanted)
    assert kferry.run("convert", "model.h5", "--to", "json", "-o", "a.json").returncode == 0
    for name in ("w.safetensors", "w.npz"):
        assert kferry.run("convert", name, "--architecture", "a.json", "-o", "back.h5").returncode == 0
        back = weights_of(kferry.folder / "back.h5")
        assert back.keys() == wanted.keys() and all(np.array_equal(back[k], wanted[k]) for k in wanted)
        assert kferry.run("convert", name, "-o", "back.h5").returncode == 65


@pytest.mark.parametrize("case", ["alone_legacy_named_refused", "alone_legacy_of_1_refused"])
def test_weights_come_by_their_names_where_no_layers_can_be_made_of_them(kferry, case):
    source = TESTS / "golden" / case / "in.h5"
    with h5py.File(source) as file:
        wanted = {name.decode().removesuffix(":0"): group[name][()] for group in file.values() for name in group.attrs["weight_names"]}
    report = kferry.report(source, "-o", "w.npz")
    assert report["verdict"] == "exact" and bool(report["findings"]) == ("of_1" in case)
    arrays = np.load(kferry.folder / "w.npz")
    assert list(arrays) == list(wanted) and all(arrays[name].tobytes() == wanted[name].tobytes() for name in wanted)
    assert kferry.run("convert", source, "-o", "w.keras").returncode == 65


def test_weights_from_before_1_0_are_called_by_where_they_stand(kferry):
    source = TESTS / "golden" / "alone_old_refused" / "in.h5"
    with h5py.File(source) as file:
        wanted = {f"{layer}/{name}": array[()] for layer, group in file.items() for name, array in group.items()}
    assert kferry.report(source, "-o", "w.npz")["verdict"] == "exact"
    arrays = np.load(kferry.folder / "w.npz")
    assert list(arrays) == list(wanted) and all(arrays[name].tobytes() == wanted[name].tobytes() for name in wanted)


def test_a_model_that_python_code_defines_gives_its_weights_by_their_groups(kferry):
    source = TESTS / "golden" / "coded_model_weights" / "in.keras"
    with zipfile.ZipFile(source) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        wanted = {}
        file.visititems(lambda path, item: wanted.update({path: item[()]} if isinstance(item, h5py.Dataset) else {}))
    report = kferry.report(source, "-o", "w.safetensors")
    assert report["verdict"] == "exact" and report["training"] == "dropped"
    tensors = load_file(kferry.folder / "w.safetensors")
    assert sorted(tensors) == sorted(path for path in wanted if not path.startswith("optimizer"))
    assert all(np.array_equal(array, wanted[path]) for path, array in tensors.items())


def test_every_dtype_goes_there_and_back(kferry, zoo):
    """As named tensors alone, where no layer says what they must be."""
    arrays = {name: np.arange(6).reshape(2, 3).astype(name)
              for name in ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool")}
    arrays["scalar"] = np.float32(2.5)
    np.savez(kferry.folder / "a.npz", **arrays)
    assert kferry.run("convert", "a.npz", "-o", "a.safetensors").returncode == 0
    assert kferry.run("convert", "a.safetensors", "-o", "b.npz").returncode == 0
    there, back = load_file(kferry.folder / "a.safetensors"), np.load(kferry.folder / "b.npz")
    assert sorted(there) == sorted(arrays)
    for name, value in arrays.items():
        for other in (there[name], back[name]):
            assert other.dtype == value.dtype and other.shape == value.shape and other.tobytes() == value.tobytes()


def test_bfloat16_keeps_its_bits(kferry):
    bits = np.array([0x3F80, 0xC000, 0x7F80], "<u2").tobytes()
    header = json.dumps({"w": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]}}).encode()
    (kferry.folder / "a.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bits)
    report = kferry.report("a.safetensors", "-o", "a.npz")
    assert "ml_dtypes" in report["findings"][0]["reason"]
    array = np.load(kferry.folder / "a.npz")["w"]
    assert array.dtype == np.dtype("V2") and array.tobytes() == bits
    assert kferry.run("convert", "a.npz", "-o", "b.safetensors").returncode == 0
    data = (kferry.folder / "b.safetensors").read_bytes()
    assert data.endswith(bits) and b'"dtype":"BF16"' in data


def test_a_checkpoint_alone_gives_its_variables_by_name(kferry):
    with zipfile.ZipFile(SAVED / "weights.zip") as archive:
        for name, suffix in (("c.tar", ".tar"), ("a.json", ".json")):
            (kferry.folder / name).write_bytes(archive.read("weights_conv1d_no_bias" + suffix))
    assert kferry.run("convert", "c.tar", "-o", "c.npz").returncode == 0
    assert kferry.run("convert", "c.tar", "--architecture", "a.json", "-o", "c.h5").returncode == 0
    arrays, wanted = np.load(kferry.folder / "c.npz"), weights_of(kferry.folder / "c.h5")
    assert sorted(arrays) == sorted(wanted)
    assert all(np.array_equal(arrays[name], wanted[name]) for name in wanted)


def damage(header=None, length=None, data=b"\0" * 8):
    text = json.dumps(header if header is not None else {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


@pytest.mark.parametrize("name, file, said", [
    ("length", damage(length=1 << 62), "not known"),
    ("negative", damage({"w": {"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]}}), "offsets are none"),
    ("backwards", damage({"w": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}}), "offsets are none"),
    ("list", struct.pack("<Q", 16) + b'{"w": [1, 2, 3]}', "offsets are none"),
    ("deep", struct.pack("<Q", 6 * 600 + 2) + b'{"a":' * 600 + b"{}" + b"}" * 600, "deep"),
    ("twice", struct.pack("<Q", 56) + b'{"w": {"dtype":"F32"}, "w": {"shape": [2], "dtype": 1}} ', "duplicate"),
], ids=lambda value: value if isinstance(value, str) and len(value) < 12 else "")
def test_hostile_headers_are_refused(kferry, name, file, said):
    (kferry.folder / "h.safetensors").write_bytes(file)
    done = kferry.run("convert", "h.safetensors", "-o", "h.npz")
    assert done.returncode == 65 and said in done.stderr, done.stderr
    assert not (kferry.folder / "h.npz").exists()


def test_a_header_has_a_ceiling(kferry):
    with (kferry.folder / "h.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", 1 << 27) + b'{"w": ')
        file.truncate((1 << 27) + 8)
    done = kferry.run("convert", "h.safetensors", "-o", "h.npz")
    assert done.returncode == 65 and "a header of 134217728 bytes" in done.stderr


def test_names_that_climb_are_not_written(kferry):
    header = {"../w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    (kferry.folder / "h.safetensors").write_bytes(damage(header))
    done = kferry.run("convert", "h.safetensors", "-o", "h.npz")
    assert done.returncode == 65 and "out of the folder" in done.stderr


def test_arrays_are_the_same_bytes_every_time(kferry, zoo):
    zoo("lstm_sequences")
    for to in ("npz", "safetensors"):
        made = []
        for out in ("a", "b"):
            assert kferry.run("convert", "model.h5", "-o", f"{out}.{to}").returncode == 0
            made.append((kferry.folder / f"{out}.{to}").read_bytes())
        assert made[0] == made[1]
    with zipfile.ZipFile(io.BytesIO((kferry.folder / "a.npz").read_bytes())) as archive:
        assert archive.testzip() is None and all(one.compress_type == zipfile.ZIP_STORED for one in archive.infolist())

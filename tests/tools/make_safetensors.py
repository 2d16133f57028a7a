#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the safetensors files of tests/golden and tests/fuzz/corpora/safetensors; needs nothing but Python.

    tests/tools/make_safetensors.py
"""
import json
import pathlib
import struct

TESTS = pathlib.Path(__file__).resolve().parents[1]
GOLDEN, CORPUS = TESTS / "golden", TESTS / "fuzz" / "corpora" / "safetensors"

DENSE = {
    "class_name": "Sequential", "keras_version": "2.15.0", "backend": "tensorflow",
    "config": {"name": "m", "layers": [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 3], "dtype": "float32", "sparse": False, "ragged": False, "name": "in"}},
        {"class_name": "Dense", "config": {"name": "dense", "trainable": True, "dtype": "float32", "units": 2, "activation": "hard_sigmoid", "use_bias": True}},
        {"class_name": "Activation", "config": {"name": "end", "trainable": True, "dtype": "float32", "activation": "relu"}}]}}
WEIGHTS = {"dense/kernel": ("F32", [3, 2], struct.pack("<6f", 0.5, -1, 2, 0.25, -0.75, 3)), "dense/bias": ("F32", [2], struct.pack("<2f", 0.125, -2))}
WHOLE = {"keras_version": "2.15.0", "keras_config": json.dumps(DENSE)}


def pack(tensors, metadata=None, change=lambda header: None, behind=b"", length=None):
    """A file of {name: (dtype, shape, bytes)}; `change` does what is wrong with the header."""
    header, at = {}, 0
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    change(header)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text) if length is None else length) + text + b"".join(data for *_, data in tensors.values()) + behind


def offsets(name, begin, end):
    return lambda header: header[name].update(data_offsets=[begin, end])


REFUSED = {
    "behind": pack(WEIGHTS, WHOLE, behind=b"\0\0\0\0"),
    "hole": pack({**WEIGHTS, "x": ("F32", [1], b"\0\0\0\0")}, WHOLE, lambda header: header.pop("dense/bias")),
    "overlap": pack(WEIGHTS, WHOLE, offsets("dense/bias", 20, 28)),
    "outside": pack(WEIGHTS, WHOLE)[:-4],
    "shape": pack(WEIGHTS, WHOLE, lambda header: header["dense/bias"].update(shape=[3])),
    "overflow": pack(WEIGHTS, WHOLE, lambda header: header["dense/bias"].update(shape=[1 << 62, 1 << 62])),
    "dtype": pack(WEIGHTS, WHOLE, lambda header: header["dense/bias"].update(dtype="F8_E4M3")),
    "unknown_name": pack({"other/kernel": WEIGHTS["dense/kernel"], "dense/bias": WEIGHTS["dense/bias"]}, WHOLE),
    "config": pack(WEIGHTS, {"keras_config": "{\"class_name\": "}),
}


def write(case, files, options=None):
    folder = GOLDEN / case
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    if options:
        (folder / "options.json").write_text(json.dumps(options, indent=1) + "\n")


def main():
    architecture = json.dumps(DENSE).encode()
    named = {f"{name}:0": value for name, value in WEIGHTS.items()}
    write("safetensors_whole", {"in.safetensors": pack(WEIGHTS, WHOLE)})
    write("safetensors_whole_to_h5", {"in.safetensors": pack(WEIGHTS, WHOLE)}, {"to": "h5"})
    write("safetensors_named", {"in.safetensors": pack(named), "architecture.json": architecture})
    write("safetensors_alone_refused", {"in.safetensors": pack(named)})
    for name, data in REFUSED.items():
        write(f"safetensors_{name}_refused", {"in.safetensors": data})
    CORPUS.mkdir(parents=True, exist_ok=True)
    for name, data in {"whole": pack(WEIGHTS, WHOLE), "named": pack(named), **REFUSED}.items():
        (CORPUS / name).write_bytes(data)
    (CORPUS / "deep").write_bytes(struct.pack("<Q", 80000) + b"{\"a\":" * 13333 + b"{}" + b"}" * 13333)
    (CORPUS / "length").write_bytes(pack(WEIGHTS, WHOLE, length=(1 << 64) - 1))


if __name__ == "__main__":
    main()

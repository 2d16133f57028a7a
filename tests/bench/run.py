#!/usr/bin/env python3
"""One table: converting a large legacy .h5 by kferry, beside `cp` and real Keras 3's load and save.

    run.py --kferry build/kferry --python PYTHON-WITH-KERAS-3 [--mib 1024] [--runs 3] [--folder DIR]

The model is made here with h5py, dense random float32 in 16 Dense layers. Each line gives the
median wall time, its spread, the ratio to `cp` in the same run and the largest process's memory.
Needs numpy and h5py in the Python that runs it, or runs itself in PYTHON.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

LAYERS = 16
KERAS = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
keras.models.load_model(sys.argv[1], compile=False).save(sys.argv[2])
"""


def make(path, mib):
    """A Sequential of 16 Dense layers, `mib` MiB of weights in all."""
    import h5py
    import numpy
    width = int((mib * 2**20 / 4 / LAYERS) ** 0.5)
    names = [f"dense_{i}" for i in range(LAYERS)]
    layers = [{"class_name": "InputLayer", "config": {"batch_input_shape": [None, width], "dtype": "float32",
                                                      "sparse": False, "ragged": False, "name": "x"}}]
    layers += [{"class_name": "Dense", "config": {"name": name, "trainable": True, "dtype": "float32", "units": width,
                                                  "activation": "linear", "use_bias": True}} for name in names]
    config = {"class_name": "Sequential", "config": {"name": "large", "layers": layers}}
    random = numpy.random.default_rng(7)
    with h5py.File(path, "w") as file:
        file.attrs.update(keras_version="2.15.0", backend="tensorflow", model_config=json.dumps(config).encode())
        weights = file.create_group("model_weights")
        weights.attrs.update(layer_names=[n.encode() for n in names], backend=b"tensorflow", keras_version=b"2.15.0")
        for name in names:
            group = weights.create_group(name)
            group.attrs["weight_names"] = [f"{name}/kernel:0".encode(), f"{name}/bias:0".encode()]
            group[f"{name}/kernel:0"] = random.standard_normal((width, width), dtype="f4") / width**0.5
            group[f"{name}/bias:0"] = random.standard_normal(width, dtype="f4")


def measure(command):
    """Seconds until the result is on the disk, and MiB of the largest process."""
    os.sync()
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    os.sync()
    if status:
        raise SystemExit(f"{command[0]} failed: {error.decode()[-400:]}")
    return time.monotonic() - start, usage.ru_maxrss / 1024



def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kferry", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        source = os.path.join(folder, "large.h5")
        subprocess.run([options.python, __file__, "--make", source, str(options.mib)], check=True)
        out = os.path.join(folder, "out.keras")
        commands = {
            "cp": ["cp", "--sparse=never", "--reflink=never", source, out],
            "kferry": [options.kferry, "convert", source, "-o", out],
            "kferry, no checksums": [options.kferry, "convert", source, "-o", out, "--checksum", "none"],
            "Keras 3 load and save": [options.python, "-c", KERAS, source, out],
        }
        seconds, memory = {name: [] for name in commands}, {name: 0 for name in commands}
        for run in range(options.runs):
            for name in (commands if run % 2 == 0 else reversed(commands)):
                took, mib = measure(commands[name])
                seconds[name].append(took)
                memory[name] = max(memory[name], mib)
                os.unlink(out)
        print(f"{options.mib} MiB legacy .h5 to .keras, {options.runs} runs\n")
        print(f"{'':24}{'median s':>10}{'min':>8}{'max':>8}{'x cp':>8}{'MiB':>8}")
        copy = statistics.median(seconds["cp"])
        for name, took in seconds.items():
            middle = statistics.median(took)
            print(f"{name:24}{middle:10.2f}{min(took):8.2f}{max(took):8.2f}{middle / copy:8.2f}{memory[name]:8.0f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        make(sys.argv[2], int(sys.argv[3]))
    else:
        main()

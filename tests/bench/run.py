#!/usr/bin/env python3
"""One table: converting large models by kferry, beside `cp` of the same file and real Keras doing the same.

    run.py --kferry build/kferry --python PYTHON-WITH-KERAS-3 [--python2 PYTHON-WITH-TF-2.15]
           [--mib 1024] [--runs 3] [--folder DIR]
    run.py --kferry build/kferry --python PYTHON-WITH-H5PY --flat 20 [--folder DIR]

The models are made here with h5py, dense random float32: 16 large Dense layers, CuDNN kernels that
must be turned round, gates that must be scaled, the variables of a SavedModel, and 2,500 layers. Each line gives the median wall
time until the result is on the disk, its spread, the ratio to `cp` in the same run, order
alternated, the seconds of processors, and the largest process's memory.

--flat converts models of 1 GiB and of so many GiB, once each, and compares the memory. Their sources
are holes in a file, read as zeros like any bytes; the results take their whole size on the disk.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

LAYERS, MANY = 16, 2500
KERAS = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
from {module} import load_model
load_model(sys.argv[1], compile=False).save{what}(sys.argv[2])
"""
# (what, source, suffix of the result, further arguments, of which Keras real Keras is)
WORKS = (
    ("legacy .h5 to .keras", "large.h5", ".keras", (), 3),
    ("  without checksums", "large.h5", ".keras", ("--checksum", "none"), None),
    ("  with the source's SHA-256", "large.h5", ".keras", ("--sha256",), None),
    (".keras to legacy .h5", "large.keras", ".h5", (), None),
    (".keras to .weights.h5", "large.keras", ".weights.h5", (), 3),
    (".keras of 3.15 to 3.4", "large.keras", ".keras", ("--keras", "3.4"), None),
    ("legacy .h5 to .keras of 2.15", "large.h5", ".keras", ("--keras", "2.15"), 2),
    ("gates scaled", "scaled.h5", ".keras", (), None),
    ("CuDNN kernels turned", "turned.h5", ".keras", (), None),
    ("SavedModel's variables to .keras", "saved_model", ".keras", ("--architecture", "large.json"), None),
    ("2,500 layers", "many.h5", ".keras", (), None),  # real Keras takes minutes to build it
)


def sequential(name, width, layers):
    inputs = {"class_name": "InputLayer", "config": {"batch_input_shape": width, "dtype": "float32",
                                                     "sparse": False, "ragged": False, "name": "x"}}
    return {"class_name": "Sequential", "config": {"name": name, "layers": [inputs, *layers]}}


def put_random(random, group, name, shape):
    group[name] = random.standard_normal(shape, dtype="f4") / shape[0]**0.5


def put_hole(_random, group, name, shape):
    """Room that is never written."""
    import h5py
    creation, link = h5py.h5p.create(h5py.h5p.DATASET_CREATE), h5py.h5p.create(h5py.h5p.LINK_CREATE)
    creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    creation.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    link.set_create_intermediate_group(True)
    dataset = h5py.h5d.create(group.id, None, h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple(shape), creation)
    h5py.h5o.link(dataset, group.id, name.encode(), lcpl=link)


def write(path, config, weights, version="2.15.0", put=put_random):
    """A legacy .h5; `weights` gives each layer its variables' names and shapes."""
    import h5py
    import numpy
    random = numpy.random.default_rng(7)
    with h5py.File(path, "w") as file:
        file.attrs.update(keras_version=version, backend="tensorflow")
        file.attrs["model_config"] = json.dumps(config)
        group = file.create_group("model_weights")
        group.attrs.update(backend=b"tensorflow", keras_version=version.encode())
        names = numpy.array([name.encode() for name in weights])
        parts = numpy.array_split(names, 1 + names.nbytes // 60000)
        for i, part in enumerate(parts):
            group.attrs["layer_names" + (str(i) if len(parts) > 1 else "")] = part
        for name, variables in weights.items():
            layer = group.create_group(name)
            layer.attrs["weight_names"] = [f"{name}/{variable}:0".encode() for variable in variables]
            for variable, shape in variables.items():
                put(random, layer, f"{name}/{variable}:0", shape)


def make_dense(path, layers, width, put=put_random):
    names = [f"dense_{i}" for i in range(layers)]
    config = [{"class_name": "Dense", "config": {"name": name, "trainable": True, "dtype": "float32", "units": width,
                                                 "activation": "linear", "use_bias": True}} for name in names]
    write(path, sequential("large", [None, width], config),
          {name: {"kernel": (width, width), "bias": (width,)} for name in names}, put=put)


def make_recurrent(path, class_name, units, kernel, bias, version, put=put_random, **config):
    config = {"name": "rnn", "trainable": True, "dtype": "float32", "units": units, **config}
    write(path, sequential("large", [None, 5, units], [{"class_name": class_name, "config": config}]),
          {"rnn": {"kernel": (units, kernel * units), "recurrent_kernel": (units, kernel * units),
                   "bias": (bias * units,)}}, version, put)


def make(folder, mib):
    """All sources but those of make_by()."""
    floats = mib * 2**18
    make_dense(f"{folder}/large.h5", LAYERS, int((floats / LAYERS)**0.5))
    make_dense(f"{folder}/many.h5", MANY, int((floats / 2 / MANY)**0.5))
    make_recurrent(f"{folder}/scaled.h5", "LSTM", int((floats / 8)**0.5), 4, 4, "2.15.0",
                   recurrent_activation="hard_sigmoid")
    make_recurrent(f"{folder}/turned.h5", "CuDNNGRU", int((floats / 6)**0.5), 3, 6, "2.2.4")


def make_holes(folder, gib):
    for n in (1, gib):
        make_dense(f"{folder}/copied-{n}.h5", LAYERS, int((n * 2**28 / LAYERS)**0.5), put_hole)
        make_recurrent(f"{folder}/turned-{n}.h5", "CuDNNGRU", int((n * 2**28 / 6)**0.5), 3, 6, "2.2.4", put_hole)


def make_by(kferry, folder):
    """The sources that kferry makes of large.h5."""
    def convert(source, *arguments):
        subprocess.run([kferry, "convert", f"{folder}/{source}", *arguments], check=True, capture_output=True)

    convert("large.h5", "-o", f"{folder}/large.keras")
    convert("large.h5", "-o", f"{folder}/large.json")
    convert("large.keras", "--to", "savedmodel", "-o", f"{folder}/saved_model.tar")
    subprocess.run(["tar", "-xf", f"{folder}/saved_model.tar", "-C", folder], check=True)
    os.unlink(f"{folder}/saved_model.tar")


def measure(command):
    """Seconds until the result is on the disk, those of processors, and MiB of the largest process."""
    os.sync()
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    os.sync()
    if status:
        raise SystemExit(f"{command[0]} failed: {error.decode()[-400:]}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def lines(options, folder):
    """(title, command, source) of each line of the table; "cp" for a source stands in front of its first."""
    out, pythons, seen = f"{folder}/out", {3: options.python, 2: options.python2}, set()
    for what, source, suffix, arguments, keras in WORKS:
        path = f"{folder}/{source}"
        if source not in seen:
            yield f"cp {source}", ["cp", "-r", "--sparse=never", "--reflink=never", path, out], source
            seen.add(source)
        files = [f"{folder}/{word}" if word.startswith("large.") else word for word in arguments]
        yield what, [options.kferry, "convert", path, "-o", out + suffix, *files], source
        if pythons.get(keras):
            code = KERAS.format(module="keras.models" if keras == 3 else "tensorflow.keras.models",
                                what="_weights" if suffix == ".weights.h5" else "")
            yield f"  real Keras {keras}", [pythons[keras], "-c", code, path, out + suffix], source


def run_flat(options, folder):
    subprocess.run([options.python, __file__, "--make-holes", folder, str(options.flat)], check=True)
    os.environ["KFERRY_JOB_TIMEOUT"] = "3600"  # what a disk takes is no matter here
    print(f"{'':32}{'GiB':>10}{'s':>8}{'MiB':>8}")
    for what in ("copied", "turned"):
        for gib in (1, options.flat):
            source, out = pathlib.Path(folder, f"{what}-{gib}.h5"), pathlib.Path(folder, "out.keras")
            took, _, mib = measure([options.kferry, "convert", source, "-o", out])
            if out.stat().st_size < gib * 2**30 * 0.99:
                raise SystemExit(f"the result has {out.stat().st_size} bytes")
            print(f"{'.h5 to .keras, ' + what:32}{gib:10}{took:8.1f}{mib:8.0f}", flush=True)
            out.unlink()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kferry", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--python2", default=None)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", default=None)
    parser.add_argument("--flat", type=int, metavar="GIB", default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        if options.flat:
            return run_flat(options, folder)
        subprocess.run([options.python, __file__, "--make", folder, str(options.mib)], check=True)
        make_by(options.kferry, folder)
        table = list(lines(options, folder))
        seconds, work, memory = [[] for _ in table], [[] for _ in table], [0.0 for _ in table]
        for run in range(options.runs):
            order = range(len(table)) if run % 2 == 0 else reversed(range(len(table)))
            for i in order:
                took, used, mib = measure(table[i][1])
                seconds[i].append(took)
                work[i].append(used)
                memory[i] = max(memory[i], mib)
                for made in pathlib.Path(folder).glob("out*"):
                    shutil.rmtree(made) if made.is_dir() else made.unlink()
    print(f"{options.mib} MiB of weights (half for 2,500 layers), {options.runs} runs\n")
    print(f"{'':32}{'median s':>10}{'min':>8}{'max':>8}{'x cp':>8}{'processors s':>14}{'MiB':>8}")
    copies = {source: statistics.median(took) for (title, _, source), took in zip(table, seconds)
              if title.startswith("cp ")}
    for (title, _, source), took, used, mib in zip(table, seconds, work, memory):
        middle, spread = statistics.median(took), f"{min(took):8.2f}{max(took):8.2f}"
        ratio = middle / copies[source]
        print(f"{title:32}{middle:10.2f}{spread}{ratio:8.2f}{statistics.median(used):14.2f}{mib:8.0f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        make(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1:2] == ["--make-holes"]:
        make_holes(sys.argv[2], int(sys.argv[3]))
    else:
        main()

"""Builds the zoo of Keras 3: many small models, made, saved and run by real Keras 3.15.

    zoo3.py OUT_DIR [NAME-FILTER]       NAME-FILTER: a regular expression on `group/id`

For every case of cases3/: OUT_DIR/<id>.keras, <id>.h5, <id>.npz (see samples.py) and a line of OUT_DIR/MANIFEST.tsv. Weights and
inputs are seeded. A model is kept only if Keras reads its own .keras back and predicts the same, and if its outputs differ between
the rows of the batch; the cases say where something else is meant. Whether Keras reads its own .h5 back is noted and is no condition.

Two backends made them. Those of the groups operation, operation_graph, dtype, quantized, initializer, regularizer,
compiled and refused but lora_words were made with KERAS_BACKEND=numpy, so were rms_normalization_axis and stft_spectrogram_phase; all others with
TensorFlow. The attribute `backend` of each .h5 says which.
"""
import json
import os
import pathlib
import re
import sys
import traceback
import warnings
import zipfile
import zlib

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import keras as K
import numpy as np
from absl import logging

import cases3
import judge
import samples

warnings.simplefilter("ignore")
logging.set_verbosity("error")
COLUMNS = ["id", "group", "classes", "expect", "note", "tolerance", "h5"]
DEFAULTS = {"GlorotUniform", "Zeros", "Ones", "Orthogonal", "RandomUniform", "DTypePolicy", "__keras_tensor__", "__slice__", "__ellipsis__",
            "__numpy__", "__tensor__", "InputLayer"}
RELOAD = 1e-6


def nonzero(rng, shape, low, high):
    return rng.choice([-1.0, 1.0], size=shape) * rng.uniform(low, high, size=shape)


def values(rng, name, shape):
    """Values for one variable: never zero, positive where it must be, kernels scaled by their fan-in."""
    if re.search("variance|stddev|gamma|scale", name):
        return rng.uniform(0.5, 1.5, size=shape)
    if "alpha" in name:
        return rng.uniform(0.1, 0.9, size=shape)
    if re.search("bias|beta|mean", name) or len(shape) < 2:
        return nonzero(rng, shape, 0.1, 0.5)
    if "embeddings" in name:
        return nonzero(rng, shape, 0.1, 1.0)
    return nonzero(rng, shape, 0.1, 1.0) * 1.5 / np.sqrt(np.prod(shape[:-1]))


def adapted(model):
    """Variables that an adapted layer has for its own."""
    return {id(w) for layer in judge.all_layers(model) if type(layer).__name__ in ("Normalization",) for w in layer.weights}


def fill(model, rng):
    """Gives every weight but adapted statistics a seeded value."""
    seen = adapted(model)
    for variable in model.weights:
        if id(variable) in seen or "float" not in str(variable.dtype):
            continue
        seen.add(id(variable))
        variable.assign(values(rng, variable.name, tuple(variable.shape)).astype("float32"))


def class_names(node):
    """All class names in a config, nested objects included."""
    if isinstance(node, dict):
        if isinstance(node.get("class_name"), str):
            yield node["class_name"]
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from class_names(part)


class Dropped(Exception):
    """A case that does not hold what it promises."""


def reload(path, inputs, names):
    K.backend.clear_session()
    return judge.predict(judge.load(K, path), inputs, names)


def differs(again, outputs, case):
    worst, scale = samples.difference(again, [samples.small(o) for o in outputs])
    return None if samples.equal(worst, scale, max(RELOAD, case.tolerance / 10)) else f"reloaded by itself it differs by {worst:.3g} of {scale:.3g}"


def check(case, path, inputs, outputs, names):
    if not all(np.isfinite(o.astype("float32")).all() for o in map(samples.small, outputs) if o.dtype.kind == "f"):
        raise Dropped("outputs are not finite")
    if samples.weak(outputs) and not case.weak:
        raise Dropped("an output is the same for all rows")
    if case.reloads:
        why = differs(reload(path, inputs, names), outputs, case)
        if why:
            raise Dropped(why)


def own_h5(case, path, inputs, outputs, names):
    """What Keras makes of its own .h5: right, wrong, fails, or unwritten."""
    if not path.exists():
        return "unwritten"
    try:
        return "wrong" if differs(reload(path, inputs, names), outputs, case) else "right"
    except Exception:
        return "fails"


def save_h5(model, path):
    try:
        model.save(path)
    except Exception:
        path.unlink(missing_ok=True)


def make(case, directory):
    """Builds, saves and runs one case; returns its line of the manifest."""
    K.backend.clear_session()
    seed = zlib.crc32(case.id.encode())
    K.utils.set_random_seed(seed)
    model = case.build()
    if not case.keep:
        fill(model, np.random.default_rng(seed))
    path, h5 = directory / f"{case.id}.keras", directory / f"{case.id}.h5"
    model.save(path)
    names = judge.names_of(model)
    specs = [(list(t.shape), judge.dtype_of(t)) for t in model.inputs]
    inputs = samples.make_inputs(specs, seed=seed, **case.inputs)
    outputs = judge.predict(model, inputs, names)
    save_h5(model, h5)
    check(case, path, inputs, outputs, names)
    samples.write(directory / f"{case.id}.npz", inputs, outputs, names)
    with zipfile.ZipFile(path) as archive:
        classes = sorted(set(class_names(json.loads(archive.read("config.json")))) - DEFAULTS)
    return [case.id, case.group, ",".join(classes), case.expect, case.note, f"{case.tolerance:g}", own_h5(case, h5, inputs, outputs, names)]


def read_manifest(path):
    if not path.exists():
        return {}
    return {line.split("\t")[0]: line.split("\t") for line in path.read_text().splitlines()[1:]}


def write_manifest(path, rows, order):
    known = sorted(rows, key=lambda id: (order.get(id, len(order)), id))
    path.write_text("\n".join("\t".join(row) for row in [COLUMNS] + [rows[id] for id in known]) + "\n")


def main(out, pattern=""):
    directory = pathlib.Path(out)
    directory.mkdir(parents=True, exist_ok=True)
    manifest, table = directory / "MANIFEST.tsv", cases3.load_all()
    rows, order = read_manifest(manifest), {id: i for i, id in enumerate(table)}
    dropped = []
    for case in table.values():
        if not re.search(pattern, f"{case.group}/{case.id}"):
            continue
        try:
            rows[case.id] = make(case, directory)
        except Exception as error:
            if os.environ.get("ZOO_TRACE"):
                traceback.print_exc()
            rows.pop(case.id, None)
            for suffix in (".keras", ".h5", ".npz"):
                (directory / (case.id + suffix)).unlink(missing_ok=True)
            dropped.append(case.id)
            print(f"DROPPED {case.group}/{case.id}: {type(error).__name__}: {str(error).strip()[:300]}", flush=True)
        write_manifest(manifest, rows, order)
    print(f"{len(rows)} models, {len(dropped)} dropped")


if __name__ == "__main__":
    main(*sys.argv[1:3])

"""Builds the zoo: many small models, made, saved and run by real tf.keras 2.15.

    zoo.py OUT_DIR [NAME-FILTER]        NAME-FILTER: a regular expression on `group/id`

For every case of cases/: OUT_DIR/<id>.h5, OUT_DIR/<id>.npz (see samples.py) and a line of OUT_DIR/MANIFEST.tsv. Weights and
inputs are seeded, so the same tf.keras makes the same files. A model is kept only if 2.15 reads its own file back and predicts
the same, and if its outputs differ between the rows of the batch; the cases say where something else is meant.
"""
import json
import os
import pathlib
import re
import sys
import traceback
import warnings
import zlib

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import h5py
import numpy as np
import tensorflow as tf

import cases
import samples

tf.get_logger().setLevel("ERROR")
warnings.simplefilter("ignore")
K = tf.keras
COLUMNS = ["id", "group", "classes", "expect", "note", "tolerance", "keras"]
DEFAULTS = {"GlorotUniform", "Zeros", "Ones", "Orthogonal", "RandomUniform", "TensorShape", "function", "__tensor__", "__ellipsis__"}
RELOAD = 1e-6


def nonzero(rng, shape, low, high):
    return rng.choice([-1.0, 1.0], size=shape) * rng.uniform(low, high, size=shape)


def values(rng, variable):
    """Values for one variable: never zero, positive where it must be, kernels scaled by their fan-in."""
    name, shape = variable.name.rsplit("/", 1)[-1], tuple(variable.shape)
    if re.search("variance|stddev|gamma|scale", name):
        return rng.uniform(0.5, 1.5, size=shape)
    if "alpha" in name:
        return rng.uniform(0.1, 0.9, size=shape)
    if re.search("bias|beta|mean", name) or len(shape) < 2:
        return nonzero(rng, shape, 0.1, 0.5)
    if "embeddings" in name:
        return nonzero(rng, shape, 0.1, 1.0)
    return nonzero(rng, shape, 0.1, 1.0) * 1.5 / np.sqrt(np.prod(shape[:-1]))


def fill(model, rng):
    """Gives every weight but adapted statistics a seeded value."""
    adapted = {id(w) for layer in model._flatten_layers() if isinstance(layer, K.layers.Normalization) for w in layer.weights}
    seen = set()
    for variable in model.weights:
        if id(variable) in seen | adapted or not variable.dtype.is_floating:
            continue
        seen.add(id(variable))
        variable.assign(tf.cast(values(rng, variable), variable.dtype))


def input_names(model):
    """Names of the flattened inputs: keys of a dictionary, else names of the input layers."""
    nested = getattr(model, "_nested_inputs", None)
    return sorted(nested) if isinstance(nested, dict) else list(model.input_names)


def predict(model, inputs, names):
    nested = getattr(model, "_nested_inputs", None)
    if any(a.dtype.kind == "U" for a in inputs):
        packed = samples.pack(nested, [tf.constant(a) for a in inputs], names)
        return samples.flat(tf.nest.map_structure(lambda t: t.numpy(), model(packed, training=False)))
    return samples.flat(model.predict(samples.pack(nested, inputs, names), batch_size=len(inputs[0]), verbose=0))


def class_names(node):
    """All class names in a config, nested objects included."""
    if isinstance(node, dict):
        if isinstance(node.get("class_name"), str):
            yield node["class_name"]
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from class_names(part)


def described(path):
    """(class names, Keras version) as the file has them."""
    with h5py.File(path, "r") as file:
        found = set(class_names(json.loads(file.attrs["model_config"])))
        return sorted(found - DEFAULTS), file.attrs["keras_version"]


class Dropped(Exception):
    """A case that does not hold what it promises."""


def check(case, model, path, inputs, outputs, names):
    if not all(np.isfinite(o).all() for o in outputs if o.dtype.kind == "f"):
        raise Dropped("outputs are not finite")
    if samples.weak(outputs) and not case.weak:
        raise Dropped("an output is the same for all rows")
    if case.twin or not case.reloads:
        return
    K.backend.clear_session()
    again = predict(K.models.load_model(path, compile=False), inputs, names)
    worst, scale = samples.difference(again, outputs)
    if not samples.equal(worst, scale, RELOAD if case.tolerance < 1e-3 else 1e-3):
        raise Dropped(f"reloaded by itself it differs by {worst:.3g} of {scale:.3g}")


def make(case, directory):
    """Builds, saves and runs one case; returns its line of the manifest."""
    K.backend.clear_session()
    seed = zlib.crc32(case.id.encode())
    K.utils.set_random_seed(seed)
    model = case.build()
    if not case.keep:
        fill(model, np.random.default_rng(seed))
    path = directory / f"{case.id}.h5"
    model.save(path, save_format="h5", include_optimizer=case.optimizer)
    names = input_names(model)
    specs = [(list(t.shape), t.dtype.name) for t in model.inputs]
    inputs = samples.make_inputs(specs, seed=seed, **case.inputs)
    runs = model
    if case.twin:
        runs = case.twin()
        runs.load_weights(path)
    runs.reset_states()
    outputs = predict(runs, inputs, names)
    check(case, model, path, inputs, outputs, names)
    samples.write(directory / f"{case.id}.npz", inputs, outputs, names)
    classes, version = described(path)
    return [case.id, case.group, ",".join(classes), case.expect, case.note, f"{case.tolerance:g}", version]


def read_manifest(path):
    if not path.exists():
        return {}
    lines = path.read_text().splitlines()[1:]
    return {line.split("\t")[0]: line.split("\t") for line in lines}


def write_manifest(path, rows, order):
    known = sorted(rows, key=lambda id: (order.get(id, len(order)), id))
    path.write_text("\n".join("\t".join(row) for row in [COLUMNS] + [rows[id] for id in known]) + "\n")


def main(out, pattern=""):
    directory = pathlib.Path(out)
    directory.mkdir(parents=True, exist_ok=True)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    manifest, table = directory / "MANIFEST.tsv", cases.load_all()
    rows, order = read_manifest(manifest), {id: i for i, id in enumerate(table)}
    dropped = []
    for case in table.values():
        if case.archive or not re.search(pattern, f"{case.group}/{case.id}"):
            continue
        try:
            rows[case.id] = make(case, directory)
        except Exception as error:
            if os.environ.get("ZOO_TRACE"):
                traceback.print_exc()
            rows.pop(case.id, None)
            for suffix in (".h5", ".npz"):
                (directory / (case.id + suffix)).unlink(missing_ok=True)
            dropped.append(case.id)
            print(f"DROPPED {case.group}/{case.id}: {type(error).__name__}: {str(error).strip()[:300]}", flush=True)
        write_manifest(manifest, rows, order)
    print(f"{len(rows)} models, {len(dropped)} dropped")


if __name__ == "__main__":
    main(*sys.argv[1:3])

"""TensorFlow as the judge of SavedModels that kferry wrote: loads each, runs its signature, compares with the kept outputs.

    serving_judge.py LIST REFS RESULTS    lines of LIST: id <TAB> tar <TAB> tolerance <TAB> the model it was made of

REFS holds <id>.npz (see samples.py). A SavedModel is right when tf.saved_model.load() gives a signature whose inputs and outputs are
called as tf.keras calls those of the model, and it computes what is kept; and when the C API, which loads as TensorFlow Serving does,
gives the same for one row of the batch alone where the first axis is free. RESULTS gets a JSON line a file, as judge.py writes it.
"""
import itertools
import json
import os
import pathlib
import sys
import tarfile
import tempfile
import zipfile

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")

import numpy as np
import tensorflow as tf

import samples
import tf_session


def config_of(path):
    """The config of a model file, or None where it has none that is JSON, or is a folder."""
    if os.path.isdir(path):
        return None
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json"))
    import h5py
    with h5py.File(path) as file:
        text = file.attrs.get("model_config")
    return text is not None and json.loads(text)


def layers_of(outputs):
    """Names of layers in a structure of [layer, call, output], in the order in which Keras flattens it."""
    if isinstance(outputs, dict):
        if "keras_history" in outputs.get("config", {}):
            return [outputs["config"]["keras_history"][0]]
        return [name for key in sorted(outputs) for name in layers_of(outputs[key])]
    if len(outputs) in (3, 4) and isinstance(outputs[0], str):
        return [outputs[0]]
    return [name for one in outputs for name in layers_of(one)]


def names_of(path):
    """What tf.keras calls the inputs and outputs of a functional model: after their layers, each output once; None where that is not known."""
    config = config_of(path)
    if not config or config["class_name"] == "Sequential":
        return None, None
    names = []
    for layer in layers_of(config["config"]["output_layers"]):
        layer = layer.replace("/", "_")  # which names of Keras 3 do not have; the report says so
        name, count = layer, 1
        while name in names:
            name, count = f"{layer}_{count}", count + 1
        names.append(name)
    return [layer.replace("/", "_") for layer in layers_of(config["config"]["input_layers"])], names


def orders(specs, inputs, names, known):
    """{name: input} as they may belong together: one way where names are known, else all."""
    if sorted(names) == sorted(specs):
        return [dict(zip(names, inputs))]
    if known:
        raise AssertionError(f"inputs {sorted(specs)} instead of {sorted(names)}")
    return [dict(zip(specs, order)) for order in itertools.permutations(inputs)]


def fed(value, spec):
    """An input of the shape that is asked for: Keras itself drops an axis of 1 that is too many."""
    value = np.asarray(value).astype(spec.dtype.as_numpy_dtype)
    return value[..., 0] if value.ndim == spec.shape.rank + 1 and value.shape[-1] == 1 else value


def run_python(run, kept, wanted):
    """Inputs and outputs of the signature, the latter by name in their order."""
    specs = run.structured_input_signature[1]
    feeds = {name: fed(kept[name], spec) for name, spec in specs.items()}
    outputs = run(**{name: tf.constant(value) for name, value in feeds.items()})
    wanted = wanted or sorted(outputs)
    if sorted(wanted) != sorted(outputs):
        raise AssertionError(f"outputs {sorted(outputs)} instead of {wanted}")
    return feeds, wanted, [outputs[name].numpy() for name in wanted]


def serve(folder, run, feeds, wanted, found):
    """How far the C API is from Python: with one row of the batch alone, where all first axes are free."""
    specs = [*run.structured_input_signature[1].values(), *run.structured_outputs.values()]
    free = all(one.shape.rank and one.shape[0] is None for one in specs)
    served = tf_session.run(folder, {name: value[:1] if free else value for name, value in feeds.items()}, wanted)
    return samples.difference(served, [f[:1] if free else f for f in found])


def compare(found, expected, tolerance, result):
    found = [samples.small(o) for o in found]
    if [o.shape for o in found] != [o.shape for o in expected]:
        return result.update(error=f"shapes {[o.shape for o in found]} instead of {[o.shape for o in expected]}")
    result["maxdiff"], result["scale"] = samples.difference(found, expected)
    result["ok"] = samples.equal(result["maxdiff"], result["scale"], tolerance)


def judge(path, npz, tolerance, source, result):
    inputs, expected, names = samples.read(npz)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(path) as archive:
            archive.extractall(folder)
        folder = os.path.join(folder, "saved_model")
        result["stage"] = "load"
        run = tf.saved_model.load(folder).signatures["serving_default"]
        called, wanted = names_of(source)
        for kept in orders(run.structured_input_signature[1], inputs, called or names, called is not None):
            result["stage"] = "predict"
            feeds, named, found = run_python(run, kept, wanted)
            result["stage"] = "compare"
            for output in [found] if wanted else itertools.permutations(found):
                if not result["ok"]:
                    compare(output, expected, tolerance, result)
            if result["ok"]:
                break
        result["stage"] = "serve"
        result["served"], scale = serve(folder, run, feeds, named, found)
        result["ok"] = result["ok"] and samples.equal(result["served"], scale, tolerance)
    result["stage"] = "done"


def main(listing, refs, results):
    with open(results, "w") as log:
        for line in open(listing):
            id, path, tolerance, source = line.rstrip("\n").split("\t")
            result = {"id": id, "ok": False}
            try:
                judge(path, pathlib.Path(refs, id + ".npz"), float(tolerance), source, result)
            except Exception as error:
                result["ok"] = False
                result["error"] = f"{type(error).__name__}: {str(error).strip()}"[:400]
            log.write(json.dumps(result) + "\n")
            log.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

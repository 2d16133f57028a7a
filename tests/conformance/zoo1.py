"""Builds the zoo of Keras 1: many small models, made, saved and run by real Keras 1.2.2 on TensorFlow and on Theano.

    zoo1.py OUT_DIR [NAME-FILTER]       NAME-FILTER: a regular expression on the id

For every case of cases1/: OUT_DIR/<id>.h5, OUT_DIR/<id>.npz (see samples.py) and a line of OUT_DIR/MANIFEST.tsv. Weights and
inputs are seeded. A model is kept only if Keras 1.2.2 reads its own file back and predicts the same, and if its outputs differ
between the rows of the batch; the cases say where something else is meant. Runs under Python 3.6, a process a backend.
"""
import importlib
import os
import pathlib
import re
import subprocess
import sys
import traceback
import warnings
import zlib

HERE = pathlib.Path(__file__).resolve().parent
COLUMNS = ["id", "group", "classes", "expect", "note", "tolerance", "keras"]
BACKENDS = ("tensorflow", "theano")
RELOAD = 1e-6


def nonzero(rng, shape, low, high):
    return rng.choice([-1.0, 1.0], size=shape) * rng.uniform(low, high, size=shape)


def values(rng, name, shape):
    """Values for one weight: never zero, positive where it must be, kernels scaled by their size."""
    name = name.split(":")[0]
    if re.search("std|gamma", name):
        return rng.uniform(0.5, 1.5, size=shape)
    if "alpha" in name:
        return rng.uniform(0.1, 0.9, size=shape)
    if len(shape) < 2:
        return nonzero(rng, shape, 0.1, 0.5)
    return nonzero(rng, shape, 0.1, 1.0) * 1.5 / (shape[0] if len(shape) == 2 else float(max(shape[:2]) * 4)) ** 0.5


def fill(model, rng):
    """Gives every weight a seeded value."""
    from keras import backend as K
    for weight in model.weights:
        shape = K.get_value(weight).shape
        K.set_value(weight, values(rng, weight.name or "", shape).astype("float32"))


def predict(model, inputs):
    import samples
    return samples.flat(model.predict(inputs if len(inputs) > 1 else inputs[0], batch_size=len(inputs[0]), verbose=0))


def specs_of(model):
    return [([None if d is None else int(d) for d in t._keras_shape],
             (getattr(t.dtype, "name", None) or str(t.dtype)).replace("_ref", "")) for t in model.inputs]


def classes_of(path):
    import h5py
    with h5py.File(str(path), "r") as file:
        text = file.attrs["model_config"]
    return ",".join(sorted(set(re.findall(r'"class_name": "(\w+)"', text if isinstance(text, str) else text.decode()))))


def reads_back(case, model, path, inputs, outputs):
    """Keras 1.2.2 must read its own file and predict the same."""
    import judge
    import keras
    import samples
    again = predict(judge.load_keras1(keras, str(path)), inputs)
    worst, scale = samples.difference(again, outputs)
    if not samples.equal(worst, scale, RELOAD):
        raise ValueError("reads back otherwise: %g of %g" % (worst, scale))


def build(case, id, out):
    import numpy as np
    from keras import backend as K
    import samples
    seed = zlib.crc32(id.encode())
    K.set_image_dim_ordering(case.ordering)
    np.random.seed(seed % 2 ** 31)
    model = case.build()
    fill(model, np.random.RandomState(seed % 2 ** 31))
    inputs = samples.make_inputs(specs_of(model), seed=seed, **case.inputs)
    if case.train:
        case.train(model, inputs)
    path = out / (id + ".h5")
    model.save(str(path))
    if hasattr(model, "reset_states") and case.stateful:
        model.reset_states()
    outputs = predict(model, inputs)
    if not case.weak and samples.weak(outputs):
        raise ValueError("the outputs are the same for every row")
    if not all(np.isfinite(o).all() for o in outputs):
        raise ValueError("the outputs are not finite")
    if case.reloads:
        reads_back(case, model, path, inputs, outputs)
    if case.edit:
        import h5py
        with h5py.File(str(path), "r+") as file:
            case.edit(file)
    samples.write(str(out / (id + ".npz")), inputs, outputs, ["in%d" % i for i in range(len(inputs))])
    return [id, case.group, classes_of(path), case.expect, case.note, "%g" % case.tolerance, "1.2.2"]


def work(out, pattern, backend):
    """All cases of one backend, in this process; their lines go to a file of their own."""
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(HERE))
    from keras import backend as K
    from cases1 import CASES
    failed, lines = 0, []
    for case in CASES:
        if backend not in case.backends:
            continue
        id = case.id if backend == "tensorflow" else "theano_" + case.id
        if not re.search(pattern, id):
            continue
        if hasattr(K, "clear_session"):
            K.clear_session()
        try:
            lines.append("\t".join(build(case, id, out)))
        except Exception as error:
            failed += 1
            print("%s: %s: %s" % (id, type(error).__name__, str(error)[:300]))
            if os.environ.get("ZOO_TRACE"):
                traceback.print_exc()
    (out / ("lines." + backend)).write_text("".join(line + "\n" for line in lines))
    print("%s: %d models, %d failed" % (backend, len(lines), failed))
    return failed


def main(arguments):
    out, pattern = pathlib.Path(arguments[0]), arguments[1] if len(arguments) > 1 else "."
    if len(arguments) > 2:
        return work(out, pattern, arguments[2])
    sys.path.insert(0, str(HERE))
    environment = dict(importlib.import_module("judge").ENVIRONMENT, **os.environ)
    out.mkdir(parents=True, exist_ok=True)
    failed = 0
    for backend in BACKENDS:
        failed += subprocess.call([sys.executable, __file__, str(out), pattern, backend],
                                  env=dict(environment, KERAS_BACKEND=backend)) != 0
    lines = "".join((out / ("lines." + backend)).read_text() for backend in BACKENDS)
    (out / "MANIFEST.tsv").write_text("\t".join(COLUMNS) + "\n" + lines)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

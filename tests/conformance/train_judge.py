"""Real Keras as the judge of training: loads compiled models, makes two steps, compares losses and weights.

    train_judge.py LIST REFS RESULTS          lines of LIST: id <TAB> path [<TAB> "loads"]

REFS holds <id>.npz (see train_samples.py). RESULTS gets a JSON line a file: id, ok, stage (load, state, step, compare, done), error,
maxdiff, and warnings of the loading. With "loads" the file must load and, where it is compiled, make a step of a finite loss, nothing more. Runs
under every Keras 3 and tf.keras 2.15.
"""
import json
import os
import pathlib
import sys
import warnings

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))


def step(model, x, y):
    import numpy as np
    model.reset_metrics()  # the oldest Keras 3 gives the mean of all steps otherwise
    return float(np.ravel(model.train_on_batch(x, y if len(y) > 1 else y[0]))[0])


def skipped(caught):
    """What Keras says when it passes over the optimizer's state."""
    return [str(w.message)[:300] for w in caught if "optimizer" in str(w.message).lower()]


def compare(model, npz, result):
    import numpy as np
    import train_samples as samples
    x, y, losses, steps = samples.read(npz)
    gaps = []
    for loss, weights in zip(losses, steps):
        result["stage"] = "step"
        found = step(model, x, y)
        result["stage"] = "compare"
        gaps += [abs(found - loss) / max(1.0, abs(loss)), samples.worst(samples.weights_of(model), weights)]
        result["gaps"] = gaps
    result["maxdiff"] = float(np.max(gaps))
    result["ok"] = bool(result["maxdiff"] <= samples.TOLERANCE)
    result["stage"] = "done"


def try_step(model, npz, result):
    import numpy as np
    import train_samples as samples
    x, y, _, _ = samples.read(npz)
    result["stage"], result["ok"] = "step", True
    if not model.compiled:
        return
    result["ok"] = bool(np.isfinite(step(model, x, y)))
    result["stage"] = "done"


def one(keras, row, refs, result):
    keras.backend.clear_session()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = keras.models.load_model(row[1], compile=True)
    result["warnings"] = skipped(caught)
    model.run_eagerly = True
    npz = os.path.join(refs, row[0].rsplit(".", 1)[0] + ".npz")
    if row[2:] == ["loads"]:
        return try_step(model, npz, result)
    result["stage"] = "state"
    if result["warnings"]:
        raise ValueError(result["warnings"][0])
    compare(model, npz, result)


def main(listing, refs, results):
    from judge import import_keras
    keras = import_keras()
    for line in open(listing):
        row = line.rstrip("\n").split("\t")
        result = {"id": row[0], "ok": False, "stage": "load"}
        try:
            one(keras, row, refs, result)
        except Exception as error:
            result["error"] = f"{type(error).__name__}: {str(error).strip()}"[:600]
        with open(results, "a") as log:
            log.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:4])

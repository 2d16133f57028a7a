"""Real Keras as the judge: loads converted models, feeds the kept inputs, compares with the kept outputs.

    judge.py LIST REFS RESULTS                lines of LIST: id <TAB> path [<TAB> tolerance [<TAB> architecture JSON <TAB> id in REFS]]
    judge.py --reference LIST REFS RESULTS    lines of LIST: id <TAB> path [<TAB> architecture JSON of a weights file, which is made
                                              with seeded weights where it is not there]
    judge.py --serve                          each line of standard input is a JSON list of such arguments, and is answered by a line
                                              when that is done

REFS holds <id>.npz (see samples.py) and may hold MANIFEST.tsv, whose tolerances then count. `--reference` makes the .npz files:
it loads each file, makes seeded inputs (free dimensions tried at several sizes, whole numbers where there is an Embedding) and
keeps inputs and outputs.

RESULTS gets a JSON line a file: id, ok, stage (load, inputs, predict, compare, done, nonfinite, crash, timeout), error, maxdiff,
scale; for a reference also weak. An id that RESULTS has already is passed over. The work is done in a fork of the process that has
imported Keras, which takes 7 s of a processor, and by another one after a crash. Runs under Keras 1.2.2 on either backend, tf.keras 2.15 and every Keras 3.
"""
import gc
import json
import os
import pathlib
import signal
import sys
import time
import traceback

SECONDS = 180  # for a model; it is Python that is interrupted then...
PREDICTED = 5  # one model of so many is always asked by predict()
STUCK = 2 * SECONDS  # ...and where something else does not end, the process is killed
FREE = (16, 32, 64, 128, 224, 299)
# Theano without a compiler: a model runs once, and compiling it takes minutes.
ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "TF_ENABLE_ONEDNN_OPTS": "0",
               "THEANO_FLAGS": "cxx=,optimizer=fast_compile,optimizer_excluding=AbstractConvCheck:local_conv2d_cpu,floatX=float32,device=cpu"}


class Timeout(BaseException):
    """A model that takes too long."""


def rows(path):
    return [line.rstrip("\n").split("\t") for line in open(path) if line.strip()]


def judged(results):
    return {json.loads(line)["id"] for line in open(results)} if os.path.exists(results) else set()


def shortened(text):
    """Where a graph fails TensorFlow says why last, behind where."""
    return text if len(text) <= 600 else f"{text[:300]} ... {text[-300:]}"


def report(results, result):
    with open(results, "a") as log:
        log.write(json.dumps(result) + "\n")


def fork(do):
    """Calls `do` in a child; its process id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        do()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def age(file):
    """Seconds since it was written; 0 when it is not there."""
    try:
        return time.time() - file.stat().st_mtime
    except FileNotFoundError:
        return 0


def wait(pid, current):
    """The exit status of a child, which is killed when it has been at the `current` model for too long."""
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        if age(current) > STUCK:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def drive(keras, arguments):
    """Has children work until one ends well; notes down the model that killed another."""
    reference = "--reference" in arguments
    listing, refs, results = [a for a in arguments if a != "--reference"]
    current = pathlib.Path(results + ".current")
    if current.exists():
        current.unlink()
    while True:
        status = wait(fork(lambda: work(keras, listing, refs, results, reference)), current)
        if status == 0 or not current.exists():
            return status
        id = current.read_text()
        current.unlink()
        if id not in judged(results):
            report(results, {"id": id, "ok": False, "stage": "crash", "error": f"wait status {status}"})


def tolerances(refs):
    manifest = pathlib.Path(refs, "MANIFEST.tsv")
    if not manifest.exists():
        return {}
    header, *lines = rows(manifest)
    return {line[0]: float(line[header.index("tolerance")]) for line in lines}


def from_config1(keras, text):
    """Layers that don't say their dim_ordering take that of those that do."""
    text = text if isinstance(text, str) else text.decode()
    keras.backend.set_image_dim_ordering("th" if '"dim_ordering": "th"' in text else "tf")
    return keras.models.model_from_config(json.loads(text))


def load_keras1(keras, path):
    """Without its training."""
    import h5py
    with h5py.File(path, "r") as file:
        model = from_config1(keras, file.attrs["model_config"])
        model.load_weights_from_hdf5_group(file["model_weights"])
    return model


def load_separate(keras, path, architecture):
    """The architecture with weights from a file; where there is none, with seeded ones that are saved there."""
    text = open(architecture).read()
    if text.startswith('"'):
        text = json.loads(text)  # as some wrote it, JSON in JSON
    model = from_config1(keras, text) if keras.__version__.startswith("1.") else keras.models.model_from_json(text)
    if os.path.exists(path):
        model.load_weights(path, **({"by_name": True} if os.environ.get("KF_BY_NAME") else {}))
        return model
    import numpy as np
    rng = np.random.RandomState(5)
    model.set_weights([w + rng.uniform(-0.1, 0.1, w.shape).astype(w.dtype) for w in model.get_weights()])
    model.save_weights(path)
    return model


def import_keras():
    """The Keras of an environment: tf_keras where it is asked for, and before 2.6 what is in TensorFlow."""
    if os.environ.get("TF_USE_LEGACY_KERAS"):
        import tf_keras as keras
    else:
        try:
            import keras
        except ImportError:
            from tensorflow import keras
    if hasattr(gc, "freeze"):  # half of a judge's time is clear_session() of Keras 3, which collects garbage
        gc.freeze()
    return keras


def trust(keras):
    """For references: a Lambda's code is run by the Keras that wrote it, with the names that Keras gave it until 2.15."""
    if hasattr(keras, "config"):
        import numpy
        import tensorflow
        from keras.src.utils import python_utils
        vars(python_utils).update(tf=tensorflow, K=keras.backend, keras=keras, ops=keras.ops, np=numpy)
        keras.config.enable_unsafe_deserialization()
    elif hasattr(keras, "__internal__"):
        try:
            keras.__internal__.enable_unsafe_deserialization()
        except AttributeError:
            pass  # before 2.13 nothing is asked


def load(keras, path, architecture=None, trusting=False):
    if architecture:
        return load_separate(keras, path, architecture)
    if keras.__version__.startswith("1."):
        return load_keras1(keras, path)
    told = {"safe_mode": not trusting} if hasattr(keras, "__version__") and tuple(map(int, keras.__version__.split(".")[:2])) > (2, 12) else {}
    return keras.models.load_model(path, compile=False, **told)


def structure(model):
    """The model's own input structure; None for a single tensor or an unknown one."""
    inner = getattr(model, "_functional", None) or model
    for name in ("_inputs_struct", "_nested_inputs"):
        found = getattr(inner, name, None)
        if isinstance(found, (dict, list, tuple)):
            return found
    return None


def names_of(model):
    found = structure(model)
    if isinstance(found, dict):
        return sorted(found)
    return [getattr(t, "name", "").split(":")[0] for t in model.inputs]


def dtype_of(tensor):
    return (getattr(tensor.dtype, "name", None) or str(tensor.dtype)).replace("_ref", "")


def shape_of(tensor):
    return [None if d is None else int(d) for d in getattr(tensor, "_keras_shape", None) or tensor.shape]


def called(model, inputs, names):
    """The outputs layer by layer, without a graph."""
    import samples
    import tensorflow as tf
    fed = [tf.constant(a) for a in inputs]
    outputs = model(samples.pack(structure(model), fed, names), training=False)
    return samples.flat(tf.nest.map_structure(lambda t: t.numpy(), outputs))


def predict(model, inputs, names):
    import samples
    if any(a.dtype.kind in "US" for a in inputs):
        return called(model, inputs, names)
    return samples.flat(model.predict(samples.pack(structure(model), inputs, names), batch_size=len(inputs[0]), verbose=0))


def all_layers(layer):
    for inner in list(getattr(layer, "layers", [])) + [getattr(layer, "layer", None)]:
        if inner is not None:
            yield inner
            yield from all_layers(inner)


def seeded(model, free):
    import samples
    sizes = [layer.input_dim for layer in all_layers(model) if type(layer).__name__ == "Embedding" and layer.input_dim]
    specs = [(shape_of(t), dtype_of(t)) for t in model.inputs]
    limit = max(2, min(sizes + [1000])) if sizes else 2
    return samples.make_inputs(specs, free=free, limit=limit, whole=bool(sizes))


def free_sizes(model):
    return FREE if any(d is None for t in model.inputs for d in shape_of(t)[1:]) else FREE[:1]


def rounding(model, inputs, outputs, names):
    """How far outputs move, of the largest, when every floating point input does by a millionth, and in Keras 3 when the layers
    are called one by one: what float32 loses in some of them."""
    import samples
    moved = [[(a * factor).astype(a.dtype) if a.dtype.kind == "f" else a for a in inputs] for factor in (1 - 1e-6, 1 + 1e-6)]
    others = [predict(model, inputs, names) for inputs in moved]
    if type(model).__module__.startswith("keras.src.models"):
        others.append(called(model, inputs, names))
    differences = [samples.difference(other, outputs) for other in others]
    return max(difference / scale if scale else 0.0 for difference, scale in differences)


def refer(model, npz, result, sensitive=False):
    """Makes the reference of one model; says, when asked, how `sensitive` it is to rounding."""
    import numpy as np
    import samples
    result["stage"] = "inputs"
    if not getattr(model, "inputs", None):
        raise ValueError("the model has no inputs (it is not built)")
    for free in free_sizes(model):
        try:
            result["stage"] = "predict"
            inputs, names = seeded(model, free), names_of(model)
            outputs, error = predict(model, inputs, names), None
            break
        except Exception as failure:
            error = failure
    if error:
        raise error
    samples.write(npz, inputs, outputs, names)
    result["weak"] = samples.weak(outputs)
    result["ok"] = all(np.isfinite(o).all() for o in outputs if o.dtype.kind == "f")
    result["stage"] = "done" if result["ok"] else "nonfinite"
    if sensitive and result["ok"]:
        result["rounding"] = rounding(model, inputs, outputs, names)


def measure(outputs, expected, result, tolerance):
    import samples
    result["stage"] = "compare"
    result["maxdiff"], result["scale"] = samples.difference([samples.small(o) for o in outputs], expected)
    result["ok"] = samples.equal(result["maxdiff"], result["scale"], tolerance)


def compare(model, npz, result, tolerance, eagerly):
    """Feeds the kept inputs and compares. Compiling a graph takes longer than all else: where layers that are called `eagerly` give
    what is kept, none is."""
    import samples
    inputs, expected, names = samples.read(npz)
    result["stage"] = "predict"
    if eagerly:
        try:
            measure(called(model, inputs, names), expected, result, tolerance)
        except Exception:
            result["stage"] = "predict"
    if not result["ok"]:
        measure(predict(model, inputs, names), expected, result, tolerance)
    result["stage"] = "done"


def calls(keras):
    """Can layers be called here without a graph?"""
    return not keras.__version__.startswith("1.") and os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow"


def one(keras, row, refs, result, reference, known, eagerly):
    npz = os.path.join(refs, (row[4] if len(row) > 4 else row[0]) + ".npz")
    if hasattr(keras.backend, "clear_session"):
        keras.backend.clear_session()
    if reference:
        refer(load(keras, *[*row[1:3], None][:2], True), npz, result, sensitive=len(row) > 2)
    else:
        tolerance = float(row[2]) if len(row) > 2 else known.get(row[0], 1e-5)
        compare(load(keras, row[1], row[3] if len(row) > 3 else None), npz, result, tolerance, eagerly)


def alarm(*_):
    raise Timeout(f"over {SECONDS} s")


def work(keras, listing, refs, results, reference):
    os.makedirs(refs, exist_ok=True)
    signal.signal(signal.SIGALRM, alarm)
    if reference:
        trust(keras)
    seen, known, current = judged(results), tolerances(refs), pathlib.Path(results + ".current")
    for number, row in enumerate(rows(listing)):
        if row[0] in seen:
            continue
        current.write_text(row[0])
        result = {"id": row[0], "ok": False, "stage": "load"}
        signal.alarm(SECONDS)
        try:
            one(keras, row, refs, result, reference, known, calls(keras) and number % PREDICTED != 0)
        except Timeout as error:
            result.update(stage="timeout", error=str(error))
        except Exception as error:
            result["error"] = shortened(f"{type(error).__name__}: {str(error).strip()}")
        signal.alarm(0)
        report(results, result)
    if current.exists():
        current.unlink()


def serve(keras):
    """Answers by a descriptor of its own: frameworks write to standard output."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for line in iter(sys.stdin.readline, ""):
        answers.write(f"{drive(keras, json.loads(line))}\n")
        answers.flush()
    return 0


def main(arguments):
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
    keras = import_keras()
    return serve(keras) if arguments == ["--serve"] else min(1, drive(keras, arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

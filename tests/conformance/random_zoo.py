"""Builds random models: whatever layers, arguments and topologies come up, made, saved and run by real Keras.

    random_zoo.py OUT_DIR SEED FIRST LAST       runs in tf.keras 2.15 or Keras 3.15

Model n of a seed is always the same. Each gives OUT_DIR/<id>.h5 and <id>.keras (in tf.keras every third, and every tenth a SavedModel
in <id>.tar), <id>.npz (see samples.py), and a line of models.tsv: id, tolerance, classes. A model is dropped that its Keras cannot run,
save and read back, whose outputs are the same for all rows, or where rounding alone moves them.
"""
import importlib
import os
import pathlib
import sys
import tarfile
import tempfile
import warnings

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import numpy as np

import judge
import random_ops
import random_tables  # noqa: F401: it fills the tables
import samples
from random_layers import K, L, THREE, Draw, any_layer, axis, kind_of, made, make

warnings.simplefilter("ignore")
zoo = importlib.import_module("zoo3" if THREE else "zoo")
HALF = {"float16", "mixed_float16", "bfloat16", "mixed_bfloat16"}
POLICIES = ["mixed_float16", "float16", "mixed_bfloat16", "float64"]
MERGES = ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot"]
# Tries for the layers of a model; every how many-th one of Keras 2 is also a .keras, and a SavedModel; how often operations come.
TRIES, ZIPPED, SAVED, OPERATIONS = 40, 3, 10, 1.5


def dtype_of(tensor):
    return judge.dtype_of(tensor)


def shape_of(tensor):
    return tuple(judge.shape_of(tensor))


def an_input(d, kind=None, batch=None):
    """A random input; `batch` where layers may keep state."""
    free = d.chance(0.15)
    kind = kind or d.choices(["flat", "sequence", "image", "volume", "whole", "words"], [2, 4, 3, 1, 2, 0.5])[0]
    size = lambda low, high: d.randint(low, high)
    shape, dtype = {"flat": ((size(3, 8),), "float32"), "sequence": ((None if free else size(4, 8), size(2, 5)), "float32"),
                    "image": ((None if free else size(5, 9), None if free else size(5, 9), size(1, 4)), "float32"),
                    "volume": ((size(3, 5), size(4, 6), size(3, 6), size(1, 3)), "float32"),
                    "whole": ((None if free else size(4, 7),), d.choice(["int32", "int64", "float32"])), "words": ((size(1, 4),), "string")}[kind]
    told = {"name": d.choice(["in_a", "data-x", "input_1x"]) + str(d.randint(0, 999))} if d.chance(0.3) else {}
    return L.Input(shape, dtype=dtype, batch_size=batch, **told), kind == "whole"


class Graph:
    """Tensors that there are so far, and how many layers have taken each."""

    def __init__(self, d, inputs, depth):
        self.d, self.depth, self.layers = d, depth, []
        self.pool = [[tensor, 0, whole] for tensor, whole in inputs]

    def add(self, made_of, outputs):
        for entry in made_of:
            entry[1] += 1
        for output in tensors_of(outputs):
            self.pool.append([output, 0, False])

    def floats(self):
        return [e for e in self.pool if kind_of(dtype_of(e[0])) == "float" and not e[2] and 1 < len(shape_of(e[0])) < 6]

    def entry(self):
        """Mostly what nothing has taken yet."""
        fresh = [e for e in self.pool if not e[1]]
        return self.d.choice(fresh if fresh and self.d.chance(0.8) else self.pool)

    def single(self):
        entry = self.entry()
        tensor, _, whole = entry
        dtype = "int32" if whole else dtype_of(tensor)
        layer = any_layer(self.d, shape_of(tensor), dtype)
        told = {}
        if type(layer).__name__ == "Normalization" and layer.input_mean is None:
            layer.adapt(np.random.default_rng(3).normal(size=[4 if s is None else s for s in shape_of(tensor)]).astype("float32"))
        if self.d.chance(0.03):
            told = {"training": False}
        self.add([entry], layer(tensor, **told))
        self.layers.append(layer)

    def again(self):
        layer, entry = self.d.choice(self.layers), self.entry()
        self.add([entry], layer(entry[0]))

    def merge(self):
        d, entries = self.d, self.floats()
        name, one = d.choice(MERGES), d.choice(entries)
        rank = len(shape_of(one[0]))
        others = [e for e in entries if len(shape_of(e[0])) == rank] if d.chance(0.9) else entries
        chosen = [one] + [d.choice(others) for _ in range(d.choice([1, 1, 2]) if name not in ("Subtract", "Dot") else 1)]
        kwargs = {"Concatenate": dict(axis=d.choice([-1, axis(d, rank)])),
                  "Dot": dict(axes=d.choice([-1, 1, (axis(d, rank), axis(d, rank))]), normalize=d.chance(0.4))}.get(name, {})
        self.add(chosen, made(d, name, kwargs)([e[0] for e in chosen]))

    def attention(self):
        d = self.d
        entries = [e for e in self.floats() if len(shape_of(e[0])) in (3, 3, 4)]
        chosen = [d.choice(entries) for _ in range(d.choice([2, 3]))]
        tensors = [e[0] for e in chosen]
        name = d.choice(["Attention", "AdditiveAttention", "MultiHeadAttention", "MultiHeadAttention", "GroupQueryAttention"])
        rank = len(shape_of(tensors[0]))
        kwargs = dict(use_scale=d.chance(0.5), score_mode=d.choice(["dot", "concat"]) if name == "Attention" else None, dropout=d.choice([0.0, 0.1]))
        call = {"use_causal_mask": True} if d.chance(0.25) and name != "AdditiveAttention" else {}
        if name == "MultiHeadAttention":
            kwargs = dict(num_heads=d.randint(1, 3), key_dim=d.randint(1, 4), value_dim=d.some(0.3, d.randint(1, 4)), use_bias=d.chance(0.7),
                          output_shape=d.some(0.3, d.randint(2, 5)), attention_axes=d.some(0.2, d.choice([1, (1,), tuple(range(1, rank - 1))])))
        if name == "GroupQueryAttention":
            kwargs = dict(head_dim=d.randint(1, 4), num_query_heads=4, num_key_value_heads=d.choice([1, 2, 4]), use_bias=d.chance(0.7))
        layer = made(d, name, {key: value for key, value in kwargs.items() if value is not None})
        if name in ("Attention", "AdditiveAttention"):
            return self.add(chosen, layer(tensors, **call))
        if d.chance(0.2):
            call["return_attention_scores"] = True
        self.add(chosen, layer(*tensors, **call))

    def states(self):
        """A recurrent layer that starts with states from elsewhere."""
        d = self.d
        entry = d.choice([e for e in self.floats() if len(shape_of(e[0])) == 3])
        flat = d.choice([e for e in self.floats() if len(shape_of(e[0])) == 2])
        layer = make(d, d.choice(["LSTM", "GRU", "SimpleRNN"]), shape_of(entry[0]))
        count = 2 if type(layer).__name__ == "LSTM" else 1
        states = [L.Dense(layer.units)(flat[0]) for _ in range(count)]
        self.add([entry, flat], layer(entry[0], initial_state=states if count > 1 or d.chance(0.5) else states[0]))

    def operation(self):
        entry = self.d.choice(self.floats())
        self.add([entry], random_ops.one(self.d, entry[0]))

    def operation_of_two(self):
        one, other = self.d.choice(self.floats()), self.d.choice(self.floats())
        self.add([one, other], random_ops.two(self.d, one[0], other[0]))

    def nested(self):
        """A model within, called once or twice."""
        d, entry = self.d, self.d.choice(self.floats())
        shape = shape_of(entry[0])
        model = (chain if d.chance(0.5) else functional)(d, [(L.Input(shape[1:], batch_size=shape[0], dtype=dtype_of(entry[0])), False)],
            self.depth + 1)
        if d.chance(0.15):
            model.trainable = False
        self.add([entry], model(entry[0]))
        if d.chance(0.3):
            same = [e for e in self.floats() if shape_of(e[0]) == shape]
            other = d.choice(same)
            self.add([other], model(other[0]))
        self.layers.append(model)

    def step(self):
        kinds = [(self.single, 10), (self.merge, 2), (self.attention, 0.8), (self.states, 0.5), (self.operation, OPERATIONS),
            (self.operation_of_two, OPERATIONS / 2)]
        kinds += [(self.again, 1)] if self.layers else []
        kinds += [(self.nested, 1)] if self.depth < 2 else []
        self.d.choices([k for k, _ in kinds], [w for _, w in kinds])[0]()



def tensors_of(outputs):
    if isinstance(outputs, dict):
        outputs = list(outputs.values())
    return [o for part in outputs for o in tensors_of(part)] if isinstance(outputs, (list, tuple)) else [outputs]


def steps(d, count, step):
    """`count` steps that Keras takes, of many tries."""
    done = 0
    for _ in range(TRIES):
        try:
            step()
            done += 1
        except Exception as error:
            if os.environ.get("ZOO_TRACE"):
                print(f"  {type(error).__name__}: {str(error)[:150]!r}")
        if done == count:
            break


def functional(d, inputs, depth=0):
    graph = Graph(d, inputs, depth)
    steps(d, d.randint(2, 8) if not depth else d.randint(1, 3), graph.step)
    left = [e[0] for e in graph.pool if not e[1]][-3:] or [graph.pool[-1][0]]
    outputs = left[-1] if depth or len(left) == 1 else left
    if not depth and len(left) > 1 and d.chance(0.15):
        outputs = {f"out_{i}": tensor for i, tensor in enumerate(left)}
    told = [tensor for tensor, _ in inputs]
    told = told[0] if len(told) == 1 else {t.name.split(":")[0]: t for t in told} if d.chance(0.1) and not depth else told
    return K.Model(told, outputs, **({"name": f"inner_{d.randint(0, 99)}"} if depth and d.chance(0.5) else {}))


def chain(d, inputs, depth=0):
    """A Sequential model of the first input."""
    (tensor, whole), model = inputs[0], K.Sequential()
    model.add(L.Input(shape_of(tensor)[1:], batch_size=shape_of(tensor)[0], dtype=dtype_of(tensor)))

    def step():
        last = model.outputs[0] if len(model.layers) or THREE and model.layers else tensor
        layer = any_layer(d, shape_of(last), "int32" if whole and not model.layers else dtype_of(last))
        if type(layer).__name__ == "Normalization" and layer.input_mean is None:
            layer.adapt(np.random.default_rng(3).normal(size=[4 if s is None else s for s in shape_of(last)]).astype("float32"))
        model.add(layer)
    steps(d, d.randint(1, 6) if not depth else d.randint(1, 3), step)
    return model


def build(d):
    batch = 4 if d.chance(0.1) else None
    inputs = [an_input(d, batch=batch) for _ in range(d.choices([1, 2, 3], [6, 2, 1])[0])]
    return chain(d, inputs) if d.chance(0.25) else functional(d, inputs)


def set_policy(name):
    (K.config.set_dtype_policy if THREE else K.mixed_precision.set_global_policy)(name)


def run(model, inputs, names):
    return judge.called(model, inputs, names)


def moved(model, inputs, outputs, names, step):
    """How far outputs move, of the largest, when the inputs do by one part in so many."""
    other = run(model, [(a * (1 + step)).astype(a.dtype) if a.dtype.kind == "f" else a for a in inputs], names)
    gap, scale = samples.difference(list(map(samples.small, other)), list(map(samples.small, outputs)))
    return gap / max(samples.SMALLEST, scale)


def checked(model, inputs, outputs, names, tolerance):
    if not all(np.isfinite(o.astype("float64")).all() for o in map(samples.small, outputs) if o.dtype.kind == "f"):
        raise zoo.Dropped("outputs are not finite")
    if all(samples.weak([o]) for o in outputs):
        raise zoo.Dropped("outputs are the same for all rows")
    stateful = any(getattr(layer, "stateful", False) for layer in judge.all_layers(model))
    if not stateful and moved(model, inputs, outputs, names, tolerance / 10) > tolerance / 2:
        raise zoo.Dropped("rounding moves the outputs")


def as_tar(model, path):
    with tempfile.TemporaryDirectory() as folder:
        model.save(folder + "/saved_model", save_format="tf")
        with tarfile.open(path, "w") as archive:
            archive.add(folder + "/saved_model", "saved_model")


def saved(model, path):
    try:
        as_tar(model, path) if path.suffix == ".tar" else model.save(path)
    except Exception:
        path.unlink(missing_ok=True)


def reads_back(path, inputs, outputs, names, tolerance):
    """Whether Keras makes the same of its own file; of what it cannot load there is no truth."""
    try:
        again = run(judge.load(K, str(path)), inputs, names)
        return samples.equal(*samples.difference(list(map(samples.small, again)), list(map(samples.small, outputs))), tolerance / 10)
    except Exception:
        return False


def classes(model):
    return sorted({type(layer).__name__ for layer in judge.all_layers(model)})


def make_one(directory, seed, n):
    id, d = f"r{3 if THREE else 2}_{seed}_{n}", Draw(f"{seed}/{n}")
    K.backend.clear_session()
    K.utils.set_random_seed(n)
    policy = d.choice(POLICIES) if d.chance(0.06) else "float32"
    set_policy(policy)
    try:
        model = build(d)
    finally:
        set_policy("float32")
    tolerance = 1e-2 if policy in HALF else 1e-5
    zoo.fill(model, np.random.default_rng(n))
    names, specs = judge.names_of(model), [(shape_of(t), dtype_of(t)) for t in model.inputs]
    whole = any(type(layer).__name__ in ("Embedding", "CategoryEncoding", "IntegerLookup") for layer in judge.all_layers(model))
    inputs = samples.make_inputs(specs, seed=n, free=d.choice([6, 5, 7]), whole=whole)
    inputs = [a * d.choice([1, 1, 5]) if a.dtype.kind == "f" and not whole else a for a in inputs]
    outputs = run(model, inputs, names)
    suffixes = (".keras", ".h5") if THREE else (".h5", *((".keras",) if n % ZIPPED == 0 else ()), *((".tar",) if n % SAVED == 0 else ()))
    paths = [directory / f"{id}{suffix}" for suffix in suffixes]
    samples.write(directory / f"{id}.npz", inputs, outputs, names)
    for path in paths:
        saved(model, path)
    try:
        checked(model, inputs, outputs, names, tolerance)
        kept = [p for p in paths if p.exists() and (p.suffix == ".tar" or THREE and p.suffix == ".h5" or reads_back(p, inputs, outputs, names,
            tolerance))]
        if not kept:
            raise zoo.Dropped("does not read back")
    except Exception:
        kept = []
        raise
    finally:
        for path in set(paths) - set(kept):
            path.unlink(missing_ok=True)
    return [id, f"{tolerance:g}", ",".join(classes(model))]


def main(out, seed, start, end):
    directory = pathlib.Path(out)
    directory.mkdir(parents=True, exist_ok=True)
    count = 0
    with open(directory / "models.tsv", "a") as listing:
        for n in range(int(start), int(end)):
            try:
                listing.write("\t".join(make_one(directory, seed, n)) + "\n")
                listing.flush()
                count += 1
            except Exception as error:
                print(f"dropped {n}: {type(error).__name__}: {' '.join(str(error).split())[:160]}", flush=True)
    print(f"{count} models")


if __name__ == "__main__":
    main(*sys.argv[1:])

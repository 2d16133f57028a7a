"""Seeded inputs, kept samples (.npz) and the rule of equality, shared by zoo.py, age.py and judge.py.

A sample file holds in0, in1, ... (the model's inputs, flattened), out0, out1, ... (its outputs, flattened,
dictionaries in the order of their keys) and `names` (the name of each input).
"""
import numpy as np

BATCH = 4
WORDS = ["sun", "moon", "star", "comet", "dust", "void"]
SMALLEST = 1e-3


def floats(rng, size):
    """Rows that differ in kind: symmetric, positive, larger, any."""
    array = rng.uniform(-1.0, 1.0, size=size)
    if size[0] > 2:
        array[1] = np.abs(array[1])
        array[2] *= 3.0
    return array


def end_in_zeros(array, index):
    """The last row ends in zeros, at another place for every input, so that masks show."""
    if array.ndim > 1 and len(array) > 3 and array.shape[1] > 1:
        array[3, max(1, array.shape[1] // 2 + 1 - index):] = 0
    return array


def holes(array, index):
    """Integer rows: a zero in the middle of one, at the end of another."""
    if array.ndim > 1 and array.shape[1] > 3:
        array[0, 1 + index % 2] = 0
        array[2, -1 - index % 2:] = 0
    return array


def make_input(rng, index, shape, dtype, limit=10, free=6, whole=False):
    """One input: `limit` bounds integers, `free` is the length of free dimensions, `whole` wants integers as floats."""
    size = [shape[0] or BATCH] + [free if d is None else d for d in shape[1:]]
    if dtype == "string":
        return rng.choice(WORDS, size=size)
    if dtype == "bool":
        return rng.integers(0, 2, size=size).astype(bool)
    if "int" in dtype or whole:
        array = holes(rng.integers(1, limit, size=size), index)
    else:
        array = floats(rng, size)
    return end_in_zeros(array, index).astype(dtype if "int" in dtype or dtype == "float64" else "float32")


def make_inputs(specs, seed=7, **options):
    """Inputs for [(shape, dtype), ...]."""
    rng = np.random.default_rng(seed)
    return [make_input(rng, i, shape, dtype, **options) for i, (shape, dtype) in enumerate(specs)]


def flat(outputs):
    """Outputs of any structure as a list of arrays; dictionaries in the order of their keys."""
    if isinstance(outputs, dict):
        return [a for key in sorted(outputs) for a in flat(outputs[key])]
    if isinstance(outputs, (list, tuple)):
        return [a for part in outputs for a in flat(part)]
    return [np.asarray(outputs)]


def pack(structure, arrays, names=()):
    """Arrays in the model's own input structure; dictionaries by name where the names are theirs."""
    if isinstance(structure, dict):
        by_name = dict(zip(names, arrays))
        if set(structure) <= set(by_name) and len(structure) == len(arrays):
            return {key: by_name[key] for key in structure}
        rest = iter(arrays)
        return _fill(structure, rest)
    if isinstance(structure, (list, tuple)):
        return _fill(structure, iter(arrays))
    return arrays[0] if len(arrays) == 1 else list(arrays)


def _fill(structure, rest):
    if isinstance(structure, dict):
        filled = {key: _fill(structure[key], rest) for key in sorted(structure)}
        return {key: filled[key] for key in structure}
    if isinstance(structure, (list, tuple)):
        return [_fill(part, rest) for part in structure]
    return next(rest)


def small(array):
    """float16 and bfloat16 as float32, bytes as text: what a plain .npz can hold."""
    array = np.asarray(array)
    if array.dtype.kind == "V" or array.dtype.name == "bfloat16":
        return array.astype("float32")
    return np.char.decode(array.astype("S")) if array.dtype.kind in "OS" else array


def write(path, inputs, outputs, names):
    arrays = {f"in{i}": small(a) for i, a in enumerate(inputs)}
    arrays.update({f"out{i}": small(a) for i, a in enumerate(outputs)})
    np.savez_compressed(path, names=np.array(list(names), dtype="U"), **arrays)


def read(path):
    """(inputs, outputs, names) of a sample file."""
    with np.load(path) as kept:
        def numbered(prefix):
            return [kept[f"{prefix}{i}"] for i in range(len(kept.files)) if f"{prefix}{i}" in kept.files]
        return numbered("in"), numbered("out"), [str(n) for n in kept["names"]] if "names" in kept.files else []


def difference(outputs, expected):
    """(largest difference, largest expected value); raises where the shapes differ."""
    shapes, wanted = [o.shape for o in outputs], [e.shape for e in expected]
    if shapes != wanted:
        raise ValueError(f"output shapes {shapes}, expected {wanted}")
    worst = scale = 0.0
    for output, wish in zip(outputs, expected):
        if wish.dtype.kind in "USO" or output.dtype.kind in "USO":
            worst = max(worst, float(not np.array_equal(small(output), small(wish))))
            scale = max(scale, 1.0)
        elif wish.size:
            output, wish = output.astype("float64"), wish.astype("float64")
            gap = np.abs(output - wish)
            if np.isnan(gap).any() and not np.array_equal(output, wish, equal_nan=True):
                raise ValueError("not-a-number in the outputs")
            worst = max(worst, float(np.nanmax(gap)) if not np.isnan(gap).all() else 0.0)
            scale = max(scale, float(np.nanmax(np.abs(wish))) if not np.isnan(wish).all() else 0.0)
    return worst, scale


def equal(worst, scale, tolerance):
    return bool(worst <= tolerance * max(SMALLEST, scale))


def weak(outputs):
    """True where an output is the same for every row of the batch: it can't show much."""
    return any(o.ndim and len(o) > 1 and all(np.array_equal(row, o[0]) for row in o[1:]) for o in outputs)

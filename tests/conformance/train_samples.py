"""Kept steps of training (.npz), shared by train_zoo.py and train_judge.py.

A file holds x, y0, y1, ... (one batch), losses (of two steps on it) and w<step>/<layer>/<n>: the weights of each layer of the
model after either step, in the layer's own order.
"""
import numpy as np

TOLERANCE = 5e-5


def leaves(model):
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from leaves(layer)
        else:
            yield layer


def weights_of(model):
    """{"layer/n": array} of all weights, those of layers in models that are layers included."""
    return {f"{layer.name}/{i}": np.asarray(w) for layer in leaves(model) for i, w in enumerate(layer.get_weights())}


def write(path, x, y, losses, weights):
    arrays = {"x": x, "losses": np.array(losses), **{f"y{i}": a for i, a in enumerate(y)}}
    arrays.update({f"w{step}/{name}": a for step, one in enumerate(weights) for name, a in one.items()})
    np.savez_compressed(path, **arrays)


def read(path):
    """(x, [y], losses, [weights after each step])"""
    with np.load(path) as kept:
        names = kept.files
        steps = [{name[3:]: kept[name] for name in names if name.startswith(f"w{step}/")} for step in range(2)]
        return kept["x"], [kept[f"y{i}"] for i in range(len(names)) if f"y{i}" in names], kept["losses"], steps


def worst(found, expected):
    """The largest difference of two {name: array}, each against the largest value of its kind where that is over 1."""
    if set(found) != set(expected):
        raise ValueError(f"other weights: {sorted(set(found) ^ set(expected))[:6]}")
    gaps = [0.0]
    for name, wish in expected.items():
        if found[name].shape != wish.shape:
            raise ValueError(f"{name} is {found[name].shape}, expected {wish.shape}")
        if wish.size:
            gaps.append(float(np.max(np.abs(found[name].astype("float64") - wish)) / max(1.0, float(np.max(np.abs(wish))))))
    return float(np.max(gaps))

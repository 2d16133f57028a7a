"""Weights without an architecture in real Keras: a model of the layers that the file shows, each with an input of its own.

    lone.py truth LIST REFS     in the Keras that wrote them: REFS/<id>.json is the layers, REFS/<id>.npz inputs and outputs
    lone.py judge LIST REFS     in the target: the same layers load each file of LIST and must give the same outputs

LIST has lines of id and file. Which class a layer is of is told by its group's name, else by the shapes of its weights, and
what no weight tells (activations, strides) is the same on both sides: this judges where each number ends up. Its answer is
lines of JSON: {"id", "ok", "maxdiff" or "error"}.
"""
import json
import os
import pathlib
import re
import sys

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")

import h5py
import keras
import numpy as np

L = keras.layers
TOLERANCE = 1e-5
KEPT = ("layers", "_layer_checkpoint_dependencies")


def camel(name):
    return re.sub(r"_\d+$", "", name)


def legacy_layers(file):
    """(name, shapes) of the layers with weights, in their order."""
    root = file["model_weights"] if "model_weights" in file else file
    for name in root.attrs["layer_names"]:
        name = name if isinstance(name, str) else name.decode()
        weights = [w if isinstance(w, str) else w.decode() for w in root[name].attrs["weight_names"]]
        if weights:
            yield "", name, [root[name][w].shape for w in weights]


def saved_shapes(group):
    """Shapes of the variables of a group and of what is below it."""
    found = []
    group.visititems(lambda path, item: found.append(item.shape) if isinstance(item, h5py.Dataset) and "vars/" in path else None)
    return found


def saved_layers(file):
    """(attribute, name, shapes): an attribute where the model's class holds the layer itself."""
    for name in file:
        if name in KEPT:
            members = sorted(file[name], key=lambda member: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", member)])
            yield from (("", member, saved_shapes(file[name][member])) for member in members if saved_shapes(file[name][member]))
        elif name not in ("vars", "optimizer", "metrics") and saved_shapes(file[name]):
            yield name, "", saved_shapes(file[name])


RECURRENT = {"lstm": ("LSTM", 4), "gru": ("GRU", 3), "simple_rnn": ("SimpleRNN", 1)}


def spec(attribute, name, shapes):
    """What makes the layer: class, config and the shape of its input."""
    kind, first = camel(name), shapes[0]
    bias = len(first) > 1 and len(shapes[-1]) == 1
    made = {"attribute": attribute, "name": name, "steps": kind == "time_distributed"}
    if kind in RECURRENT:
        cls, gates = RECURRENT[kind]
        told = {"recurrent_activation": "sigmoid"} if gates > 1 else {}
        return {**made, "class": cls, "config": {"units": first[1] // gates, "use_bias": len(shapes) > 2, **told}, "input": [4, first[0]]}
    if kind == "embedding" and len(shapes) == 1:
        return {**made, "class": "Embedding", "config": {"input_dim": first[0], "output_dim": first[1]}, "input": [3], "limit": first[0]}
    if len(shapes) == 4 and len(first) == 1:
        return {**made, "class": "BatchNormalization", "config": {}, "input": [first[0]]}
    if len(first) == 2 and len(shapes) <= 2:
        return {**made, "class": "Dense", "config": {"units": first[1], "use_bias": bias}, "input": [4] * made["steps"] + [first[0]]}
    if len(first) in (3, 4) and len(shapes) <= 2:
        rank = len(first) - 2
        config = {"filters": first[-1], "kernel_size": list(first[:rank]), "use_bias": bias}
        return {**made, "class": f"Conv{rank}D", "config": config, "input": [size + 2 for size in first[:rank]] + [first[-2]]}
    raise ValueError(f"no layer of this judge has the weights {shapes} of {name or attribute}")


def specs_of(path):
    with h5py.File(path, "r") as file:
        return [spec(*one) for one in (legacy_layers(file) if "layer_names" in file.attrs or "model_weights" in file else saved_layers(file))]


class Holder(keras.Model):
    """A model that Python code defines: some layers are found in its attributes, others in its list of layers first."""

    def call(self, inputs):
        return [layer(one) for layer, one in zip(self.order, inputs)]


def layer_of(one):
    layer = getattr(L, one["class"])(**one["config"])
    return L.TimeDistributed(layer) if one["steps"] else layer


def build(specs):
    layers = [layer_of(one) for one in specs]
    inputs = [keras.Input(one["input"], dtype="int32" if "limit" in one else "float32") for one in specs]
    if not any(one["attribute"] for one in specs):
        return keras.Model(inputs, [layer(one) for layer, one in zip(layers, inputs)])
    model = Holder()
    # Layers are numbered over the whole list, so those with attributes come where the numbers leave gaps.
    for i, (one, layer) in enumerate(zip(specs, layers)):
        setattr(model, one["attribute"] or f"x{i}", layer)
    object.__setattr__(model, "order", layers)
    return model


def samples_for(specs):
    rng = np.random.default_rng(7)
    return [rng.integers(0, one["limit"], [3, *one["input"]]).astype("int32") if "limit" in one else
            rng.normal(size=[3, *one["input"]]).astype("float32") for one in specs]


def outputs_of(specs, path):
    keras.backend.clear_session()
    model, inputs = build(specs), samples_for(specs)
    model(inputs)
    model.load_weights(path)
    return [np.asarray(one) for one in model(inputs)] if len(specs) > 1 else [np.asarray(model(inputs)).reshape(3, -1)]


def one(task, id, path, refs):
    listing, npz = refs / f"{id}.json", refs / f"{id}.npz"
    if task == "truth":
        specs = specs_of(path)
        outputs = outputs_of(specs, path)
        listing.write_text(json.dumps(specs))
        np.savez(npz, *outputs)
        return {"id": id, "ok": True, "layers": len(specs)}
    outputs = outputs_of(json.loads(listing.read_text()), path)
    with np.load(npz) as kept:
        pairs = [(kept[name].reshape(-1), output.reshape(-1)) for name, output in zip(kept.files, outputs, strict=True)]
    worst = max(float(np.abs(a - b).max() / max(np.abs(a).max(), 1e-3)) for a, b in pairs)
    return {"id": id, "ok": worst <= TOLERANCE, "maxdiff": worst}


def main(task, listing, refs):
    refs = pathlib.Path(refs)
    refs.mkdir(parents=True, exist_ok=True)
    for line in pathlib.Path(listing).read_text().splitlines():
        id, path = line.split("\t")
        try:
            result = one(task, id, path, refs)
        except Exception as error:
            result = {"id": id, "ok": False, "error": f"{type(error).__name__}: {str(error).strip()}"[:400]}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Makes the files of the scenarios that no other family of fixtures has, small, with random weights that are no defaults.

    scenarios.py OUT        in tf.keras 2.13, 2.14 and 2.15, each of which makes its own: OUT/<id>.h5 or .keras, OUT/<id>.npz, MANIFEST.tsv

pack.py packs OUT into ../fixtures/scenarios.
"""
import json
import os
import pathlib
import sys
import zlib

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import h5py
import keras
import numpy as np
import samples
import tensorflow as tf

L = keras.layers
RELEASE = ".".join(keras.__version__.split(".")[:2])
COLUMNS = ["id", "group", "keras"]


class FixedDropout(L.Dropout):
    """As the package efficientnet has it."""


def teachable_machine():
    """A convolutional base in a Sequential, and that and a head in another one."""
    image = L.Input((16, 16, 3))
    x = L.ReLU(6.0)(L.BatchNormalization()(L.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(image)))
    y = L.ReLU(6.0)(L.BatchNormalization()(L.DepthwiseConv2D(3, padding="same", use_bias=False)(x)))
    base = keras.Model(image, L.Add()([x, L.BatchNormalization()(L.Conv2D(4, 1, use_bias=False)(y))]))
    return keras.Sequential([keras.Sequential([base, L.GlobalAveragePooling2D()]),
                             keras.Sequential([L.Dense(6, activation="relu", input_shape=(4,)), L.Dense(3, activation="softmax")])])


def recurrent():
    steps = L.Input((5, 3))
    return keras.Model(steps, L.GRU(3)(L.LSTM(4, return_sequences=True)(steps)))


def plain():
    image = L.Input((4, 4))
    return keras.Model(image, L.Dense(3)(L.Dropout(0.5)(L.Flatten()(image))))


def square():
    """Sizes that hide along which axis they are joined."""
    a, b = L.Input((4, 4)), L.Input((4, 4))
    return keras.Model([a, b], L.Dense(3)(L.Flatten()(L.Concatenate(axis=1)([a, b]))))


def fixed_dropout():
    return keras.Sequential([L.Dense(5, activation="swish", input_shape=(4,)), FixedDropout(0.2, noise_shape=(None, 1)), L.Dense(3)])


def input_layer():
    return keras.Sequential([L.InputLayer((7,)), L.Dense(4), L.BatchNormalization(), L.Dense(2)])


def outside():
    x = L.Input((4,))
    return keras.Model(x, L.Dense(2)(tf.math.lgamma(L.Dense(3, activation="exponential")(x) + 1.0)))


def code():
    x = L.Input((4,))
    return keras.Model(x, L.Dense(2)(L.Lambda(lambda t: tf.map_fn(lambda row: tf.sort(row), t))(x)))


def two_convolutions():
    image = L.Input((6, 6, 3))
    return keras.Model(image, L.Flatten()(L.Conv2D(3, 3, padding="same")(L.Conv2D(3, 3, padding="same")(image))))


def bidirectional():
    steps = L.Input((5, 3))
    return keras.Model(steps, L.Dense(2)(L.Dense(4)(L.Bidirectional(L.LSTM(4))(steps))))


# What a release makes: id, suffix, model.
MODELS = {
    "2.13": [("two_convolutions", ".keras", two_convolutions)],
    "2.14": [("bidirectional", ".keras", bidirectional)],
    "2.15": [("teachable_machine", ".h5", teachable_machine), ("recurrent", ".h5", recurrent), ("plain", ".keras", plain),
             ("square", ".h5", square), ("fixed_dropout", ".h5", fixed_dropout), ("input_layer", ".h5", input_layer),
             ("outside", ".h5", outside), ("code", ".h5", code)],
}


def fill(model, rng):
    """Variances stay positive, all else moves."""
    for variable in model.weights:
        low, high = (0.5, 1.5) if "variance" in variable.name else (-0.6, 0.6)
        variable.assign(rng.uniform(low, high, variable.shape))


def make(directory, id, suffix, build):
    keras.backend.clear_session()
    rng = np.random.default_rng(zlib.crc32(id.encode()))
    model = build()
    fill(model, rng)
    inputs = [rng.normal(size=(8, *shape[1:])).astype("float32") for shape in (t.shape for t in model.inputs)]
    samples.write(directory / f"{id}.npz", inputs, samples.flat(model(inputs[0] if len(inputs) == 1 else inputs, training=False).numpy()),
                  model.input_names)
    model.save(directory / (id + suffix))


def edited(directory, id, source, edit):
    """A copy of an .h5 whose config `edit` changes as JSON."""
    data = (directory / f"{source}.h5").read_bytes()
    (directory / f"{id}.h5").write_bytes(data)
    with h5py.File(directory / f"{id}.h5", "r+") as file:
        config = json.loads(file.attrs["model_config"])
        edit(config["config"]["layers"])
        file.attrs["model_config"] = json.dumps(config)
    (directory / f"{id}.npz").write_bytes((directory / f"{source}.npz").read_bytes())


def lose_shape(layers):
    """Keras 2.2.4 lost it in files of an explicit InputLayer."""
    del layers[0]["config"]["batch_input_shape"]
    layers[:1] = []


def from_hub(layers):
    layers[1] = {"class_name": "KerasLayer", "config": {"name": layers[1]["config"]["name"], "trainable": False, "dtype": "float32",
                                                        "handle": "https://tfhub.dev/google/nnlm-en-dim50/2"}}


def main(directory):
    directory.mkdir(parents=True, exist_ok=True)
    ids = [id for id, _, _ in MODELS[RELEASE]]
    for id, suffix, build in MODELS[RELEASE]:
        make(directory, id, suffix, build)
    if RELEASE == "2.15":
        edited(directory, "shape_lost", "input_layer", lose_shape)
        edited(directory, "hub", "fixed_dropout", from_hub)
        ids += ["shape_lost", "hub"]
    manifest = directory / "MANIFEST.tsv"
    rows = [line.split("\t") for line in manifest.read_text().splitlines()[1:]] if manifest.exists() else []
    rows = {row[0]: row for row in rows + [[id, "scenarios", keras.__version__] for id in ids]}
    manifest.write_text("".join("\t".join(row) + "\n" for row in [COLUMNS] + [rows[id] for id in sorted(rows)]))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))

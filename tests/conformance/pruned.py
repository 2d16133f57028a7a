"""Makes the files of pruned models in ../fixtures/scenarios: layers in the wrapper PruneLowMagnitude of TensorFlow Model Optimization.

    pruned.py OUT        in tf.keras 2.15 with tensorflow-model-optimization 0.8.1 (and dm-tree) beside it: OUT/pruned.h5 and
                         pruned_archive.keras, each with its .npz; their lines of MANIFEST.tsv stand there already

In pruned.h5 what a mask hides is no 0, as between a step of training and the next call: a call hides it.
"""
import os
import pathlib
import sys

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import h5py
import numpy as np
import samples
import tensorflow as tf

# The package asks for Keras in an environment that it has changed: here it is already.
tf.keras.layers, tf.compat.v1.keras.layers, tf.compat.v2.keras.layers
os.environ["TF_USE_LEGACY_KERAS"] = "0"
from tensorflow_model_optimization.sparsity import keras as sparsity

L = tf.keras.layers
HIDDEN = 0.25


def pruned(layer):
    return sparsity.prune_low_magnitude(layer, pruning_schedule=sparsity.ConstantSparsity(0.5, 0, frequency=1))


def whole():
    """Every layer in a wrapper."""
    return pruned(tf.keras.Sequential([L.Conv2D(4, 3, activation="relu", input_shape=(8, 8, 2)), L.BatchNormalization(), L.DepthwiseConv2D(3),
                                       L.SeparableConv2D(5, 2), L.Flatten(), L.Dense(6, activation="relu"), L.Dense(3)]))


def some():
    x = tf.keras.Input((8,))
    y = L.Dense(6, activation="relu", name="hidden")(x)
    return tf.keras.Model(x, pruned(L.Dense(3, name="head"))(L.Add()([y, pruned(L.Dense(6, name="sparse"))(y)])))


def make(directory, id, suffix, model):
    tf.keras.utils.set_random_seed(3)
    x = np.random.rand(32, *model.input_shape[1:]).astype("float32")
    model.compile("adam", "mse")
    model.fit(x, np.random.rand(32, 3), epochs=3, batch_size=8, verbose=0, callbacks=[sparsity.UpdatePruningStep()])
    samples.write(directory / f"{id}.npz", [x[:8]], [model.predict(x[:8], verbose=0)], ["input_1"])
    model.save(directory / (id + suffix))


def spoil(path):
    """Put something where the masks are 0."""
    with h5py.File(path, "r+") as file:
        for layer in file["model_weights"].values():
            weights = [layer[name] for name in layer.attrs["weight_names"]]
            for mask in (item for item in weights if item.name.endswith("/mask:0")):
                kernel = next(item for item in weights if item.name.endswith("kernel:0") and item.shape == mask.shape)
                kernel[()] = np.where(mask[()] == 0, HIDDEN, kernel[()])


def main(directory):
    make(directory, "pruned", ".h5", whole())
    make(directory, "pruned_archive", ".keras", some())
    spoil(directory / "pruned.h5")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))

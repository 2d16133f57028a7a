"""Adds `k3_*` to a training zoo: compiled models of Keras 3, for what only Keras 3 has. Runs in Keras 3.15.

    train_zoo3.py OUT_DIR
"""
import os
import pathlib
import sys
import zlib

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import keras as K
import numpy as np

import train_samples as samples

L, O = K.layers, K.optimizers
CLASSES, BATCH = 3, 8


def dense():
    x = L.Input((6,))
    return K.Model(x, L.Dense(CLASSES, activation="softmax")(L.BatchNormalization()(L.Dense(5, activation="tanh")(x))))


def sparse():
    return dict(loss=K.losses.SparseCategoricalCrossentropy(), metrics=[
        K.metrics.SparseCategoricalCrossentropy(), K.metrics.SparseTopKCategoricalAccuracy(k=2)])


# id: (optimizer, what compile() is told, labels as numbers)
CASES = {
    "k3_adam": (lambda: O.Adam(0.01), lambda: dict(loss="mse", metrics=["accuracy", K.metrics.AUC(num_thresholds=5)]), False),
    "k3_nadam": (lambda: O.Nadam(0.01), lambda: dict(loss="categorical_crossentropy"), False),
    "k3_adafactor": (lambda: O.Adafactor(0.01), lambda: dict(loss="mse"), False),
    "k3_accumulation": (lambda: O.Adam(0.01, gradient_accumulation_steps=2), lambda: dict(loss="mse"), False),
    "k3_lamb": (lambda: O.Lamb(0.01), lambda: dict(loss="dice"), False),
    "k3_schedule_free": (lambda: O.ScheduleFreeAdamW(0.01), lambda: dict(loss="tversky"), False),
    "k3_loss_scale": (lambda: O.LossScaleOptimizer(O.SGD(0.1, momentum=0.5)), lambda: dict(loss="mse"), False),
    "k3_sparse": (lambda: O.SGD(0.1), sparse, True),
    "k3_metrics": (lambda: O.SGD(0.1), lambda: dict(loss="mse", metrics=["pearson_correlation", "concordance_correlation"]), False),
    "k3_circle": (lambda: O.SGD(0.1), lambda: dict(loss="circle"), True),
    "k3_ctc": (lambda: O.SGD(0.1), lambda: dict(loss="ctc"), None),
}

# Optimizers and settings that Keras 2 has, too.
BOTH = {
    "sgd": lambda: O.SGD(0.1), "sgd_nesterov": lambda: O.SGD(0.1, momentum=0.5, nesterov=True),
    "rmsprop": lambda: O.RMSprop(0.01), "rmsprop_centered": lambda: O.RMSprop(0.01, momentum=0.5, centered=True),
    "adam_amsgrad": lambda: O.Adam(0.01, amsgrad=True), "adamw": lambda: O.AdamW(0.01, weight_decay=0.1), "adamax": lambda: O.Adamax(0.01),
    "adagrad": lambda: O.Adagrad(0.1), "adadelta": lambda: O.Adadelta(1.0), "ftrl": lambda: O.Ftrl(0.1, beta=0.1), "lion": lambda: O.Lion(0.01),
    "clipnorm": lambda: O.Adam(0.01, clipnorm=0.05), "ema": lambda: O.Adam(0.01, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2),
    "exponential": lambda: O.SGD(O.schedules.ExponentialDecay(0.05, 2, 0.5)),
    "cosine": lambda: O.SGD(O.schedules.CosineDecay(0.0, 6, warmup_target=0.05, warmup_steps=4)),
}
CASES.update({f"k3_both_{name}": (make, lambda: dict(loss="categorical_crossentropy", metrics=["accuracy"]), False)
              for name, make in BOTH.items()})
CASES["k3_both_huber"] = (lambda: O.Adam(0.01), lambda: dict(loss=K.losses.Huber(reduction="mean"), loss_weights=0.5, metrics=["mae"]), False)
CASES["k3_both_logits"] = (lambda: O.Adam(0.01), lambda: dict(loss=K.losses.CategoricalCrossentropy(from_logits=True)), False)


def recurrent():
    return K.Sequential([L.Input((8, 4)), L.SimpleRNN(5, return_sequences=True), L.Dense(CLASSES + 1)])


def batch(rng, labelled):
    labels = rng.integers(0, CLASSES, size=BATCH)
    if labelled is None:
        return rng.normal(size=(BATCH, 8, 4)).astype("float32"), [rng.integers(1, CLASSES + 1, size=(BATCH, 3))]
    x = rng.normal(size=(BATCH, 6)).astype("float32")
    return x, [labels if labelled else np.eye(CLASSES, dtype="float32")[labels]]


def step(model, x, y):
    return float(np.ravel(model.train_on_batch(x, y[0]))[0])


def make(id, optimizer, told, labelled, directory):
    K.backend.clear_session()
    seed = zlib.crc32(id.encode())
    K.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = recurrent() if labelled is None else dense()
    model.compile(optimizer=optimizer(), **told())
    model.run_eagerly = True
    for _ in range(4):
        step(model, *batch(rng, labelled))
    model.run_eagerly = False
    model.save(directory / f"{id}.keras")
    model.run_eagerly = True
    x, y = batch(rng, labelled)
    losses, weights = [], []
    for _ in range(2):
        model.reset_metrics()
        losses.append(step(model, x, y))
        weights.append(samples.weights_of(model))
    samples.write(directory / f"{id}.npz", x, y, losses, weights)


def main(out):
    directory = pathlib.Path(out)
    manifest = directory / "MANIFEST.tsv"
    rows = {line.split("\t")[0]: line.split("\t") for line in manifest.read_text().splitlines()}
    for id, case in CASES.items():
        make(id, *case, directory)
        rows[id] = [id, "keras3", "right", ""]
    manifest.write_text("".join("\t".join(row) + "\n" for row in rows.values()))


if __name__ == "__main__":
    main(sys.argv[1])

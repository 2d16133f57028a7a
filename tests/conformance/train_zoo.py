"""Builds the training zoo: small models in the middle of their training, made by real tf.keras 2.15.

    train_zoo.py OUT_DIR [NAME-FILTER]        NAME-FILTER: a regular expression on `group/id`

For every case: OUT_DIR/<id>.h5, where the optimizer is no legacy one <id>.keras too, and <id>.npz, what the next two steps give
(see train_samples.py). MANIFEST.tsv has a line a file. A model makes some steps, is saved, and makes two more: those are the
reference. Seeded, so the same tf.keras makes the same files.
"""
import os
import pathlib
import re
import sys
import warnings
import zlib

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import numpy as np
import tensorflow as tf

import train_samples as samples

tf.get_logger().setLevel("ERROR")
warnings.simplefilter("ignore")
K = tf.keras
L, O, S = K.layers, K.optimizers, K.optimizers.schedules
COLUMNS = ["id", "group", "expect", "note"]
CLASSES, BATCH, WORDS = 3, 8, 45
CASES = {}


def add(id, group, model, optimizer, loss="categorical_crossentropy", kind="one_hot", expect="right", note="", zipped=None, h5=True, steps=3, **options):
    """A case: `model` builds, `kind` says what the targets are, `zipped` and `h5` which files are made."""
    CASES[id] = dict(id=id, group=group, model=model, optimizer=optimizer, loss=loss, kind=kind, expect=expect, note=note,
                     zipped=group != "legacy" if zipped is None else zipped, h5=h5, steps=steps, options=options)


def dense():
    x = L.Input((6,))
    return K.Model(x, L.Dense(CLASSES, activation="softmax")(L.BatchNormalization()(L.Dense(5, activation="tanh")(x))))


def frozen():
    x = L.Input((6,))
    h = L.Dense(5, trainable=False)(L.Dense(6, activation="tanh")(x))
    return K.Model(x, L.Dense(CLASSES, activation="softmax")(L.BatchNormalization(trainable=False)(h)))


def frozen_nested():
    inner = K.Sequential([L.Input((6,)), L.Dense(5, activation="tanh"), L.Dense(4, activation="tanh")], name="inner")
    inner.layers[0].trainable = False
    x = L.Input((6,))
    return K.Model(x, L.Dense(CLASSES, activation="softmax")(inner(x)))


def nested():
    inner = K.Sequential([L.Input((6,)), L.Dense(5, activation="tanh"), L.BatchNormalization()], name="inner")
    x = L.Input((6,))
    return K.Model(x, L.Dense(CLASSES, activation="softmax")(inner(x)))


def branches():
    """Layers of one class and shape that the target lists in another order than the config."""
    x = L.Input((6,))
    late = L.Dense(4, activation="tanh", name="late")
    early = L.Dense(4, activation="tanh", name="early")
    h = early(L.Dense(6, activation="tanh", name="first")(x))
    return K.Model(x, L.Dense(CLASSES, activation="softmax")(L.Concatenate()([late(x), h])))


def lstm(recurrent_activation="sigmoid"):
    return K.Sequential([L.Input((5, 6)), L.LSTM(4, recurrent_activation=recurrent_activation), L.Dense(CLASSES, activation="softmax")])


def bidirectional():
    return K.Sequential([L.Input((5, 6)), L.Bidirectional(L.GRU(3)), L.Dense(CLASSES, activation="softmax")])


def embedding():
    """No batch has a word twice: on TensorFlow, Keras 3 squares the parts of such a gradient instead of their sum."""
    return K.Sequential([L.Input((5,)), L.Embedding(WORDS, 4), L.GlobalAveragePooling1D(), L.Dense(CLASSES, activation="softmax")])


def attention(trainable=True):
    x = L.Input((5, 6))
    h = L.MultiHeadAttention(2, 3, trainable=trainable)(x, x)
    return K.Model(x, L.Dense(CLASSES, activation="softmax")(L.GlobalAveragePooling1D()(h)))


def convolution():
    return K.Sequential([L.Input((6, 6, 1)), L.Conv2D(3, 3, activation="relu"), L.SeparableConv2D(2, 3), L.Flatten(),
                         L.Dense(CLASSES, activation="softmax", kernel_regularizer="l2", kernel_constraint=K.constraints.MaxNorm(1.0))])


def outputs():
    x = L.Input((6,))
    h = L.Dense(5, activation="tanh")(x)
    return K.Model(x, [L.Dense(CLASSES, name="b")(h), L.Dense(CLASSES, name="a")(h)])


def new_optimizers():
    yield "sgd", lambda: O.SGD(0.1)
    yield "sgd_momentum", lambda: O.SGD(0.05, momentum=0.9)
    yield "sgd_nesterov", lambda: O.SGD(0.05, momentum=0.9, nesterov=True)
    yield "sgd_weight_decay", lambda: O.SGD(0.05, momentum=0.5, weight_decay=0.1)
    yield "adam", lambda: O.Adam(0.01)
    yield "adam_amsgrad", lambda: O.Adam(0.01, amsgrad=True)
    yield "adam_settings", lambda: O.Adam(0.01, beta_1=0.8, beta_2=0.9, epsilon=0.01)
    yield "adamw", lambda: O.AdamW(0.01, weight_decay=0.1)
    yield "adamax", lambda: O.Adamax(0.01)
    yield "nadam", lambda: O.Nadam(0.01)
    yield "rmsprop", lambda: O.RMSprop(0.01)
    yield "rmsprop_momentum", lambda: O.RMSprop(0.01, momentum=0.5)
    yield "rmsprop_centered", lambda: O.RMSprop(0.01, momentum=0.5, centered=True)
    yield "adagrad", lambda: O.Adagrad(0.1)
    yield "adadelta", lambda: O.Adadelta(1.0)
    yield "ftrl", lambda: O.Ftrl(0.1)
    yield "ftrl_settings", lambda: O.Ftrl(0.1, l1_regularization_strength=0.01, l2_regularization_strength=0.02,
                                          l2_shrinkage_regularization_strength=0.03, beta=0.1, learning_rate_power=-0.4)
    yield "lion", lambda: O.Lion(0.01)
    yield "adafactor", lambda: O.Adafactor(0.01)
    yield "adafactor_fixed", lambda: O.Adafactor(0.05, relative_step=False, clip_threshold=0.5)


def legacy_optimizers():
    yield "sgd", lambda: O.legacy.SGD(0.1)
    yield "sgd_momentum", lambda: O.legacy.SGD(0.05, momentum=0.9)
    yield "sgd_nesterov", lambda: O.legacy.SGD(0.05, momentum=0.9, nesterov=True)
    yield "adam", lambda: O.legacy.Adam(0.01)
    yield "adam_amsgrad", lambda: O.legacy.Adam(0.01, amsgrad=True)
    yield "adamax", lambda: O.legacy.Adamax(0.01)
    yield "rmsprop", lambda: O.legacy.RMSprop(0.01)
    yield "rmsprop_momentum", lambda: O.legacy.RMSprop(0.01, momentum=0.5)
    yield "rmsprop_centered", lambda: O.legacy.RMSprop(0.01, momentum=0.5, centered=True)
    yield "rmsprop_centered_only", lambda: O.legacy.RMSprop(0.01, centered=True)
    yield "adagrad", lambda: O.legacy.Adagrad(0.1)
    yield "adadelta", lambda: O.legacy.Adadelta(1.0)
    yield "ftrl", lambda: O.legacy.Ftrl(0.1)
    yield "ftrl_settings", lambda: O.legacy.Ftrl(0.1, l1_regularization_strength=0.01, l2_regularization_strength=0.02,
                                                 l2_shrinkage_regularization_strength=0.03, beta=0.1, learning_rate_power=-0.4)


def schedules():
    yield "exponential", lambda: S.ExponentialDecay(0.05, 2, 0.5)
    yield "exponential_staircase", lambda: S.ExponentialDecay(0.05, 2, 0.5, staircase=True)
    yield "inverse_time", lambda: S.InverseTimeDecay(0.05, 2, 0.5)
    yield "polynomial", lambda: S.PolynomialDecay(0.05, 6, 0.001, power=2.0, cycle=True)
    yield "piecewise", lambda: S.PiecewiseConstantDecay([2, 3], [0.1, 0.05, 0.01])
    yield "cosine", lambda: S.CosineDecay(0.05, 6, alpha=0.1)
    yield "cosine_warmup", lambda: S.CosineDecay(0.0, 6, warmup_target=0.05, warmup_steps=4)
    yield "cosine_restarts", lambda: S.CosineDecayRestarts(0.05, 3, t_mul=1.5, m_mul=0.8)


LAZY = ("sgd_momentum", "sgd_nesterov", "rmsprop_momentum", "rmsprop_centered", "adadelta", "adamax", "ftrl", "ftrl_settings")

for name, make in new_optimizers():
    steps = 12 if name == "nadam" else 3  # so many until its momentum schedule is of no weight
    add(f"new_{name}", "new", dense, make, steps=steps)
    add(f"new_{name}_embedding", "new_embedding", embedding, make, zipped=False, steps=steps)
for name, make in legacy_optimizers():
    add(f"legacy_{name}", "legacy", dense, make)
    add(f"legacy_{name}_embedding", "legacy_embedding", embedding, make, zipped=False,
        expect="state:Embedding" if name in LAZY else "right")
for name in ("adadelta", "adagrad", "adam", "adamax", "ftrl", "nadam", "rmsprop", "SGD"):
    add(f"by_name_{name.lower()}", "new", dense, lambda name=name: name, h5=False, steps=12 if name == "nadam" else 3, metrics=["acc"])
add("new_nadam_early", "new", dense, lambda: O.Nadam(0.01), expect="state:how far Nadam's")
add("legacy_nadam", "legacy", dense, lambda: O.legacy.Nadam(0.01), expect="state:momentum schedule")
add("legacy_decay_sgd", "legacy", dense, lambda: O.legacy.SGD(0.1, momentum=0.5, decay=0.5))
add("legacy_decay_adam", "legacy", dense, lambda: O.legacy.Adam(0.1, decay=0.3))
add("legacy_decay_and_schedule", "legacy", dense, lambda: O.legacy.SGD(S.ExponentialDecay(0.1, 2, 0.5), decay=0.5), expect="all:no equal")
add("legacy_schedule", "legacy", dense, lambda: O.legacy.Adam(S.ExponentialDecay(0.05, 2, 0.5)))
add("legacy_clipvalue", "legacy", dense, lambda: O.legacy.SGD(0.1, clipvalue=0.01))
add("legacy_clipnorm", "legacy", dense, lambda: O.legacy.SGD(0.1, clipnorm=0.05))
add("legacy_global_clipnorm", "legacy", dense, lambda: O.legacy.SGD(0.1, global_clipnorm=0.05))
add("legacy_clipped_twice", "legacy", dense, lambda: O.legacy.SGD(0.1, clipnorm=0.05, clipvalue=0.01), expect="all:two ways")
add("legacy_rmsprop_epsilon", "legacy", dense, lambda: O.legacy.RMSprop(0.01, epsilon=0.01), expect="state:epsilon")
for name, make in schedules():
    add(f"schedule_{name}", "schedule", dense, lambda make=make: O.SGD(make()), zipped=name.startswith("cosine"))
for name, options in [("clipnorm", dict(clipnorm=0.05)), ("clipvalue", dict(clipvalue=0.01)), ("global_clipnorm", dict(global_clipnorm=0.05)),
                      ("ema", dict(use_ema=True, ema_momentum=0.9)), ("ema_overwrite", dict(use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2)),
                      ("weight_decay", dict(weight_decay=0.1)), ("jit", dict(jit_compile=False))]:
    add(f"setting_{name}", "setting", dense, lambda options=options: O.Adam(0.01, **options))
add("setting_loss_scale", "setting", dense, lambda: K.mixed_precision.LossScaleOptimizer(O.Adam(0.01)), zipped=False)
add("setting_loss_scale_fixed", "setting", dense, lambda: K.mixed_precision.LossScaleOptimizer(O.Adam(0.01), dynamic=False, initial_scale=8.0),
    zipped=False, expect="all:does not change")
for build in (frozen, frozen_nested, nested, branches, lstm, bidirectional, attention, convolution):
    add(f"model_{build.__name__}", "model", build, lambda: O.Adam(0.01))
add("model_branches_adafactor", "model", branches, lambda: O.Adafactor(0.05))
add("model_hard_sigmoid", "model", lambda: lstm("hard_sigmoid"), lambda: O.Adam(0.01), expect="state:rewritten", note="")
add("model_frozen_attention", "model", lambda: attention(False), lambda: O.Adam(0.01), expect="state:trains")
LOSSES = [("mse", "mse", "values"), ("mae", "mae", "values"), ("mape", "MAPE", "values"), ("msle", "msle", "positive"), ("logcosh", "logcosh", "values"),
          ("kld", "kld", "one_hot"), ("kullback", "kullback_leibler_divergence", "one_hot"), ("cosine", "cosine_similarity", "values"),
          ("hinge", "hinge", "values"), ("squared_hinge", "squared_hinge", "values"), ("categorical_hinge", "categorical_hinge", "one_hot"),
          ("poisson", "poisson", "positive"), ("huber", "huber", "values"), ("binary", "binary_crossentropy", "one_hot"),
          ("sparse", "sparse_categorical_crossentropy", "labels"), ("focal", "binary_focal_crossentropy", "one_hot"),
          ("categorical_focal", "categorical_focal_crossentropy", "one_hot"),
          ("object_huber", lambda: K.losses.Huber(delta=0.3), "values"), ("object_sum", lambda: K.losses.MeanSquaredError(reduction="sum"), "values"),
          ("object_smooth", lambda: K.losses.CategoricalCrossentropy(label_smoothing=0.1), "one_hot"),
          ("object_logits", lambda: K.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=1), "labels"),
          ("object_focal", lambda: K.losses.BinaryFocalCrossentropy(gamma=1.5, alpha=0.3, apply_class_balancing=True), "one_hot"),
          ("object_cosine", lambda: K.losses.CosineSimilarity(axis=-1), "values")]
for name, loss, kind in LOSSES:
    add(f"loss_{name}", "loss", dense, lambda: O.SGD(0.05), loss, kind, metrics=["accuracy" if kind == "labels" else "mae"], zipped=name in ("mse", "object_huber", "kld"))
add("loss_own", "loss", dense, lambda: O.SGD(0.05), lambda: own_loss, "values", expect="all:own_loss")
METRICS = {"names": lambda: ["accuracy", "mse", "MAE", "cosine_similarity", "top_k_categorical_accuracy"],
           "functions": lambda: [K.metrics.MeanMetricWrapper(fn, name=fn.__name__) for fn in (
               K.metrics.binary_accuracy, K.metrics.categorical_accuracy, K.losses.binary_crossentropy, K.losses.categorical_crossentropy,
               K.losses.categorical_hinge, K.losses.hinge, K.losses.squared_hinge, K.losses.kl_divergence, K.losses.log_cosh,
               K.losses.mean_absolute_percentage_error, K.losses.mean_squared_logarithmic_error, K.losses.poisson)],
           "objects": lambda: [K.metrics.AUC(num_thresholds=5), K.metrics.Precision(thresholds=0.4), K.metrics.TopKCategoricalAccuracy(k=2),
                               K.metrics.F1Score(average="macro"), K.metrics.OneHotMeanIoU(3), K.metrics.MeanAbsoluteError(name="off")]}
for name, make in METRICS.items():
    add(f"metrics_{name}", "loss", dense, lambda: O.SGD(0.05), "categorical_crossentropy", metrics=make,
        zipped=True)
add("metrics_sparse", "loss", dense, lambda: O.SGD(0.05), "sparse_categorical_crossentropy", "labels", zipped=False,
    metrics=["sparse_categorical_accuracy", "sparse_top_k_categorical_accuracy", "sparse_categorical_crossentropy"])
add("metrics_own", "loss", dense, lambda: O.SGD(0.05), metrics=lambda: [own_metric, "mae"], expect="part:own_metric")
add("metrics_tensor", "loss", dense, lambda: O.SGD(0.05), metrics=lambda: [K.metrics.MeanRelativeError([1.0, 1.0, 1.0])], expect="part:MeanRelativeError")
add("weighted_metrics", "loss", dense, lambda: O.SGD(0.05), weighted_metrics=["accuracy"])
for name, loss, options in [("one", "mse", {}), ("list", ["mse", "mae"], dict(loss_weights=[0.5, 2], metrics=[["mae"], ["mse"]])),
                            ("dict", {"a": "mse", "b": "huber"}, dict(loss_weights={"a": 0.3, "b": 1}, metrics={"a": ["mae"]})),
                            ("part", {"a": "mse"}, {}), ("flat_metrics", ["mse", "mse"], dict(metrics=["mae", "mse"]))]:
    add(f"outputs_{name}", "outputs", outputs, lambda: O.Adam(0.01), loss, "two", **options)
add("outputs_single_weight", "outputs", dense, lambda: O.SGD(0.05), "mse", "values", loss_weights=[0.3])


def own_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - y_pred) ** 3, axis=-1)


def own_metric(y_true, y_pred):
    return tf.reduce_max(tf.abs(y_true - y_pred), axis=-1)


def targets(rng, kind):
    labels = rng.integers(0, CLASSES, size=BATCH)
    values = rng.normal(size=(BATCH, CLASSES)).astype("float32")
    made = {"labels": labels, "one_hot": np.eye(CLASSES, dtype="float32")[labels], "values": values, "positive": np.abs(values)}
    return [values, values[::-1] * 2] if kind == "two" else [made[kind]]


def batch(rng, model, kind):
    shape = [BATCH] + [int(d) for d in model.inputs[0].shape[1:]]
    whole = any(isinstance(layer, L.Embedding) for layer in model.layers)
    x = rng.permutation(WORDS)[:np.prod(shape)].reshape(shape) if whole else rng.normal(size=shape)
    return x.astype("float32"), targets(rng, kind)


def called(value):
    return value() if callable(value) else value


def step(model, x, y):
    result = model.train_on_batch(x, y if len(y) > 1 else y[0])
    return float(np.ravel(result)[0])


def make(case, directory):
    """Builds, trains and saves one case; returns its line of the manifest."""
    K.backend.clear_session()
    seed = zlib.crc32(case["id"].encode())
    K.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = case["model"]()
    options = {key: called(value) for key, value in case["options"].items()}
    model.compile(optimizer=case["optimizer"](), loss=called(case["loss"]), **options)
    model.run_eagerly = "nadam" not in case["id"]  # quicker; but Nadam of 2.15 computes something else outside of a graph
    for _ in range(case["steps"]):
        step(model, *batch(rng, model, case["kind"]))
    suffixes = [".h5"] * case["h5"] + [".keras"] * case["zipped"]
    for suffix in suffixes:
        model.save(directory / (case["id"] + suffix), save_format=suffix[1:])
    x, y = batch(rng, model, case["kind"])
    losses, weights = [], []
    for _ in range(2):
        losses.append(step(model, x, y))
        weights.append(samples.weights_of(model))
    samples.write(directory / f"{case['id']}.npz", x, y, losses, weights)
    return [case["id"], case["group"], case["expect"], case["note"]]


def main(out, pattern=""):
    directory = pathlib.Path(out)
    directory.mkdir(parents=True, exist_ok=True)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    manifest, rows = directory / "MANIFEST.tsv", {}
    if manifest.exists():
        rows = {line.split("\t")[0]: line.split("\t") for line in manifest.read_text().splitlines()[1:]}
    for case in CASES.values():
        if not re.search(pattern, f"{case['group']}/{case['id']}"):
            continue
        rows[case["id"]] = make(case, directory)
    order = {id: i for i, id in enumerate(CASES)}
    known = sorted((id for id in rows if id in order), key=order.get)
    manifest.write_text("\n".join("\t".join(row) for row in [COLUMNS] + [rows[id] for id in known]) + "\n")
    print(f"{len(known)} models")


if __name__ == "__main__":
    main(*sys.argv[1:3])

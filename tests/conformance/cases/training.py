"""Compiled models with training state: losses, metrics, optimizers."""
import numpy as np

from . import Group, K, L

O = K.optimizers
g = Group("training", optimizer=True, keep=True)
CLASSES = 3


def net(activation="softmax"):
    x = L.Input((6,))
    return K.Model(x, L.Dense(CLASSES, activation=activation)(L.BatchNormalization()(L.Dense(6, activation="relu")(x))))


def data(kind):
    rng = np.random.default_rng(3)
    x, labels = rng.normal(size=(16, 6)).astype("float32"), rng.integers(0, CLASSES, size=16)
    targets = {"labels": labels, "one_hot": np.eye(CLASSES, dtype="float32")[labels], "values": rng.normal(size=(16, CLASSES)).astype("float32")}
    return x, targets[kind]


def trained(optimizer, loss="categorical_crossentropy", kind="one_hot", metrics=("accuracy",), activation="softmax", fit=True, **options):
    def build():
        model = net(activation)
        model.compile(optimizer=optimizer() if callable(optimizer) else optimizer, loss=loss() if callable(loss) else loss,
                      metrics=list(metrics() if callable(metrics) else metrics), **options)
        if fit:
            model.fit(*data(kind), batch_size=8, epochs=2, shuffle=False, verbose=0)
        return model
    return build


OPTIMIZERS = [("adam", lambda: O.Adam(0.01)), ("adam_amsgrad", lambda: O.Adam(0.01, amsgrad=True)), ("sgd", lambda: O.SGD(0.1)),
              ("sgd_momentum", lambda: O.SGD(0.05, momentum=0.9, nesterov=True)), ("rmsprop", lambda: O.RMSprop(0.01)),
              ("rmsprop_centered", lambda: O.RMSprop(0.01, momentum=0.5, centered=True)), ("adagrad", lambda: O.Adagrad(0.1)),
              ("adadelta", lambda: O.Adadelta(1.0)), ("adamax", lambda: O.Adamax(0.01)), ("nadam", lambda: O.Nadam(0.01)), ("ftrl", lambda: O.Ftrl(0.1)),
              ("adamw", lambda: O.AdamW(0.01, weight_decay=0.01)), ("adafactor", lambda: O.Adafactor(0.01)), ("lion", lambda: O.Lion(0.01)),
              ("legacy_adam", lambda: O.legacy.Adam(0.01)), ("legacy_sgd", lambda: O.legacy.SGD(0.05, momentum=0.9)), ("legacy_rmsprop", lambda: O.legacy.RMSprop(0.01)),
              ("legacy_nadam", lambda: O.legacy.Nadam(0.01)), ("by_name", "adam"),
              ("clipped", lambda: O.Adam(0.01, clipnorm=1.0)), ("ema", lambda: O.SGD(0.1, use_ema=True)),
              ("schedule", lambda: O.Adam(O.schedules.ExponentialDecay(0.01, 10, 0.9)))]
for name, make in OPTIMIZERS:
    g.add(f"train_{name}", trained(make))
LOSSES = [("mse", "mse", "values", ["mae"]), ("mae", "mean_absolute_error", "values", ["mse", "mape"]), ("sparse", "sparse_categorical_crossentropy", "labels", ["accuracy"]),
          ("huber_object", lambda: K.losses.Huber(delta=0.7), "values", lambda: [K.metrics.MeanAbsoluteError(name="off")]), ("hinge", "hinge", "values", []),
          ("crossentropy_object", lambda: K.losses.CategoricalCrossentropy(label_smoothing=0.1), "one_hot", lambda: [K.metrics.CategoricalAccuracy(), K.metrics.AUC(num_thresholds=5)]),
          ("sparse_object", lambda: K.losses.SparseCategoricalCrossentropy(from_logits=True), "labels", lambda: [K.metrics.SparseTopKCategoricalAccuracy(k=2)])]
for name, loss, kind, metrics in LOSSES:
    g.add(f"train_loss_{name}", trained("adam", loss, kind, metrics, activation="linear" if kind == "values" or "object" in name else "softmax"))
g.add("train_compiled_only", trained("adam", fit=False), weak=False)
g.add("train_weighted_metrics", trained("sgd", weighted_metrics=["accuracy"]))


def several(loss, loss_weights=None, metrics=None):
    def build():
        x = L.Input((6,))
        h = L.Dense(6, activation="tanh")(x)
        model = K.Model(x, [L.Dense(3, name="b")(h), L.Dense(3, name="a")(h)])
        model.compile("adam", loss=loss, loss_weights=loss_weights, metrics=metrics)
        x, y = data("values")
        model.fit(x, [y, y * 2], batch_size=8, epochs=1, shuffle=False, verbose=0)
        return model
    return build


g.add("train_two_outputs", several(["mse", "mae"], [0.5, 2.0], [["mae"], ["mse"]]))
g.add("train_two_outputs_dict", several({"a": "mse", "b": "mae"}, {"a": 0.3, "b": 1.0}, {"a": ["mae"]}))
g.add("train_two_outputs_one_loss", several("mse"))


def lstm_net():
    model = K.Sequential([L.Input((5, 3)), L.LSTM(4), L.Dense(CLASSES, activation="softmax")])
    model.compile("rmsprop", "categorical_crossentropy", metrics=["acc"])
    x = np.random.default_rng(1).normal(size=(16, 5, 3)).astype("float32")
    model.fit(x, data("one_hot")[1], batch_size=8, epochs=1, shuffle=False, verbose=0)
    return model


def partly_frozen():
    x = L.Input((6,))
    model = K.Model(x, L.Dense(CLASSES, activation="softmax")(L.BatchNormalization()(L.Dense(6, trainable=False)(x))))
    model.compile(O.Adam(0.01), "categorical_crossentropy")
    model.fit(*data("one_hot"), batch_size=8, epochs=1, shuffle=False, verbose=0)
    return model


g.add("train_lstm", lstm_net)
g.add("train_partly_frozen", partly_frozen)
